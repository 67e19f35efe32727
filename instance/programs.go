package instance

import "sync"

// Programs is what has been learnt of programs that run as children. It is safe for
// concurrent use; the zero value knows nothing.
type Programs struct {
	plain sync.Map // by Spec.Program: those that bind without SO_REUSEADDR
}

// Plain says whether a program cannot bind over a guard, as far as is known.
func (p *Programs) Plain(program string) bool {
	_, plain := p.plain.Load(program)
	return plain
}

// SetPlain records that it cannot.
func (p *Programs) SetPlain(program string) { p.plain.Store(program, true) }
