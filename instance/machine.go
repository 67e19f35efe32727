package instance

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"

	"github.com/miktos/miktosctl/instance/child"
	"github.com/miktos/miktosctl/instance/output"
	"github.com/miktos/miktosctl/ports"
)

// outside is what a life needs of the machine. The tests of the life put a simulated
// one in its place, so that they run in simulated time.
type outside interface {
	acquire(ports.Request) (lease, error)
	// launch spawns a child over a lease.
	launch(Launch, lease, int, *output.Log) (process, error)
	// prove blocks until the child is ready, or cannot become so on this pair. It
	// tells what it waits for. The goodbye that it returns with no error may take a
	// moment and is owed to the child.
	prove(ctx context.Context, p process, pair ports.Pair, waiting func(string)) (goodbye func(), err error)
	// check asks a ready child once.
	check(ctx context.Context, p process, pair ports.Pair) error
	// concede says whether a child that cannot bind over this lease can have it in
	// another way, and sees to it.
	concede(lease) bool
	// foreign returns who else listens on a pair, nil if nobody does.
	foreign(p process, pair ports.Pair) *ConflictError
	// bound returns on how many of its two ports a child listens.
	bound(p process, pair ports.Pair) int
	// elsewhere says in words where a child listens that does not listen on its
	// pair; empty if it does, or listens nowhere.
	elsewhere(p process, pair ports.Pair) string
}

// lease is the part of [ports.Lease] that a life uses.
type lease interface {
	Pair() ports.Pair
	Hold() string
	Release()
}

// process is one child with its tree and its output.
type process interface {
	PID() int
	Pids() []int
	Exited() <-chan struct{}
	Exit() child.Exit
	Gone() <-chan struct{}
	Signal(syscall.Signal) error
	Kill()
	// Finish reads what is left of the output. It is called after Gone.
	Finish()
}

// machine is the real outside.
type machine struct {
	host    Host
	spec    Spec
	probing *atomic.Int32 // connections of ours to the WebSocket port
}

func (m *machine) acquire(r ports.Request) (lease, error) {
	l, err := m.host.Ports.Acquire(r)
	if err != nil {
		return nil, err
	}
	return l, nil
}

// running is a child process and the FIFO that it prints to.
type running struct {
	*child.Child
	pipe *output.Pipe
}

func (r running) Finish() { r.pipe.Drain() }

func (m *machine) launch(what Launch, l lease, generation int, log *output.Log) (process, error) {
	// The user's own clean-up of temporary folders may have taken it away.
	if err := os.MkdirAll(m.spec.RunDir, 0o700); err != nil {
		return nil, err
	}
	for _, f := range what.Files {
		if err := f.write(); err != nil {
			return nil, err
		}
	}
	held := l.(*ports.Lease)
	pipe, err := log.NewPipe(filepath.Join(m.spec.RunDir, "output"), generation)
	if err != nil {
		return nil, err
	}
	// As late as possible: until now nobody at all could listen on the pair, from
	// now on a program that asks for exactly these numbers could.
	open := held.Share
	if m.host.Programs.Plain(m.spec.Program) {
		open = held.Yield
	}
	if err := open(); err != nil {
		pipe.Started()
		pipe.Drain()
		return nil, err
	}
	c, err := m.host.Nursery.Start(child.Command{
		Path:    what.Path,
		Args:    what.Args,
		Env:     what.Env,
		Dir:     what.Dir,
		Output:  pipe.File(),
		Inherit: held.Files(),
		Token:   what.Token,
	})
	pipe.Started()
	if err != nil {
		pipe.Drain()
		return nil, err
	}
	return running{c, pipe}, nil
}

func (m *machine) concede(l lease) bool {
	held := l.(*ports.Lease)
	if m.spec.Hold != "auto" || held.Hold() != "guard" || held.Exclusive() != nil {
		return false
	}
	m.host.Programs.SetPlain(m.spec.Program)
	return true
}

// write puts the file in place in one step, so that nobody reads half of it.
func (f File) write() error {
	if err := os.MkdirAll(filepath.Dir(f.Path), 0o700); err != nil {
		return err
	}
	draft := f.Path + ".new"
	if err := os.WriteFile(draft, []byte(f.Text), f.Mode); err != nil {
		return err
	}
	if err := os.Chmod(draft, f.Mode); err != nil {
		return err
	}
	if err := os.Rename(draft, f.Path); err != nil {
		return fmt.Errorf("%s: %w", f.Path, err)
	}
	return nil
}
