package instance

import (
	"slices"
	"sync"
)

// Programs is what has been learnt of programs that run as children. It is safe for
// concurrent use.
type Programs struct {
	learnt func(plain []string)

	mu    sync.Mutex
	plain []string
}

// NewPrograms returns what is known at first: the programs, by Spec.Program, that bind
// without SO_REUSEADDR. Where learnt is not nil it is called with all of them when
// there is one more, one call at a time.
func NewPrograms(plain []string, learnt func(plain []string)) *Programs {
	return &Programs{plain: slices.Clone(plain), learnt: learnt}
}

// Plain says whether a program cannot bind over a guard, as far as is known.
func (p *Programs) Plain(program string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Contains(p.plain, program)
}

// SetPlain records that it cannot.
func (p *Programs) SetPlain(program string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if slices.Contains(p.plain, program) {
		return
	}
	p.plain = append(p.plain, program)
	if p.learnt != nil {
		p.learnt(slices.Clone(p.plain))
	}
}
