package ports

import (
	"errors"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// errBusy is claimer's answer for a port that somebody else has.
var errBusy = errors.New("port is in use")

// claimer takes single ports, in one search. A failed bind leaves its socket usable, so
// a claimer keeps it for the next try; close gives up what is left over.
type claimer interface {
	// claim takes the port exclusively. The error is errBusy or one that would meet
	// every other port too.
	claim(port int) (guard, error)
	// reclaim takes a port exclusively that is busy with nothing but connections which
	// their process has closed.
	reclaim(port int) (guard, error)
	close()
	// hold is the word for Lease.Hold.
	hold() string
}

// guard keeps one port ours. A descriptor of -1 stands for none: a probe has neither.
type guard struct {
	lock int      // listening abstract unix socket that names us to other supervisors
	sock int      // TCP socket, bound and never listening
	file *os.File // owns sock once it has been asked for
}

// noGuard holds nothing.
var noGuard = guard{lock: -1, sock: -1}

// openFile returns the guard socket as a file, the same one every time. It is made only
// when asked for: a lease that no child inherits does without.
func (g *guard) openFile() *os.File {
	if g.file == nil {
		g.file = os.NewFile(uintptr(g.sock), "port guard")
	}
	return g.file
}

// probe takes a port and gives it up again. No process is forked meanwhile: a child has
// a copy of every descriptor until it has executed its program, and a copy of the probe
// would keep the port busy after we have called it free.
func probe(c claimer, port int) error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	defer c.close()
	g, err := c.claim(port)
	if err != nil {
		return err
	}
	g.close()
	return nil
}

// awaitCopies returns when no copy of what we have just closed keeps port busy, and
// whether that came to be. Children
// that were forked while it was open hold copies, for some tens of microseconds, and the
// fork lock does not cover all of that time: a vfork's parent goes on before the kernel
// has closed the child's copies. It gives up soon: who is there then is somebody else,
// or a child that was meant to inherit the guard. The claimer passes over connections
// that the child left behind: they may keep the port for a minute.
func awaitCopies(newClaimer func() claimer, port int) (free bool) {
	const patience = 20 * time.Millisecond
	for wait, waited := 10*time.Microsecond, time.Duration(0); waited < patience; wait *= 2 {
		if probe(newClaimer(), port) != errBusy {
			return true
		}
		time.Sleep(wait)
		waited += wait
	}
	return false
}

// yield frees the port and keeps the lock.
func (g *guard) yield() {
	lock := g.lock
	g.lock = -1
	g.close()
	g.lock = lock
}

// close frees the port, the lock last: until then no other supervisor tries the port.
func (g *guard) close() {
	switch {
	case g.file != nil:
		_ = g.file.Close()
	case g.sock >= 0:
		_ = unix.Close(g.sock)
	}
	if g.lock >= 0 {
		_ = unix.Close(g.lock)
	}
	*g = noGuard
}
