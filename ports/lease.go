package ports

import (
	"fmt"
	"os"
	"sync"
	"time"
)

// Lease is a pair that is ours until Release. Its methods may be called from several
// goroutines.
type Lease struct {
	allocator *Allocator
	pair      Pair
	owner     string
	since     time.Time

	mu       sync.Mutex
	hold     string
	guards   [2]guard
	shared   bool
	released bool
}

// Pair returns the two ports; they stay the same after Release.
func (l *Lease) Pair() Pair { return l.pair }

// Owner returns who asked for the pair, as in Request.Owner.
func (l *Lease) Owner() string { return l.owner }

// Since returns when the pair was acquired.
func (l *Lease) Since() time.Time { return l.since }

// Hold says what keeps the pair: "guard" for sockets of the kernel, "release" after
// Yield, "probe" where only this Allocator's own books do.
func (l *Lease) Hold() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.hold
}

// Share lets a child bind both ports, if it sets SO_REUSEADDR or SO_REUSEPORT. It is
// called right before the child is spawned and stays in force while the child lives: a
// program that binds later, or again, must be let in too, and a flag that is taken away
// between a bind and its listen makes that listen fail. Calling it again does nothing.
// After Release the error is os.ErrClosed.
func (l *Lease) Share() error { return l.flip(true, (*guard).share, (*guard).shut) }

// Exclusive shuts both ports to everybody. It is called when no process of the child is
// left, so that the pair can be kept for the next one. Calling it again does nothing.
// After Release the error is os.ErrClosed.
func (l *Lease) Exclusive() error { return l.flip(false, (*guard).shut, (*guard).share) }

// flip brings both guards into a state, or both back into the other one.
func (l *Lease) flip(shared bool, do, undo func(*guard) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.released {
		return fmt.Errorf("pair %s: %w", l.pair, os.ErrClosed)
	}
	if l.shared == shared {
		return nil
	}
	for i := range l.guards {
		if l.guards[i].sock < 0 {
			continue // a probe holds nothing that would be in a child's way
		}
		if err := do(&l.guards[i]); err != nil {
			for j := range l.guards[:i+1] {
				_ = undo(&l.guards[j]) // the first error is the one to tell
			}
			return fmt.Errorf("pair %s: %w", l.pair, err)
		}
	}
	l.shared = shared
	return nil
}

// Yield gives up the guards and keeps only the locks, for a child that sets neither
// SO_REUSEADDR nor SO_REUSEPORT and so cannot bind over a guard. Other supervisors still
// leave both ports alone; everybody else can have them until the child listens, so it
// is called right before the child is spawned. Calling it again, or on a probe, does
// nothing. After Release the error is os.ErrClosed.
func (l *Lease) Yield() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.released {
		return fmt.Errorf("pair %s: %w", l.pair, os.ErrClosed)
	}
	if l.guards[0].sock < 0 {
		return nil
	}
	l.hold = "release"
	for i := range l.guards {
		_ = l.guards[i].shut()
		l.guards[i].yield()
	}
	awaitCopies(newYieldedClaimer, l.pair.HTTP)
	awaitCopies(newYieldedClaimer, l.pair.WebSocket)
	return nil
}

// Files returns the guard sockets for a child to inherit: the lease then lives for as
// long as the supervisor or the child does. They belong to the lease; the caller
// neither closes nor keeps them. It is nil after Release and Yield and when Hold is
// "probe".
func (l *Lease) Files() []*os.File {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.released || l.guards[0].sock < 0 {
		return nil
	}
	return []*os.File{l.guards[0].openFile(), l.guards[1].openFile()}
}

// Release gives both ports back. When it returns the kernel has them free, unless
// another process still has one of Files open or has already taken them (it looks for
// 20 ms at most), and the Allocator lets them rest for its quarantine. Only the first
// call does anything; a concurrent one waits for it.
func (l *Lease) Release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.released {
		return
	}
	l.released = true
	held := l.guards[0].sock >= 0
	for i := range l.guards {
		if l.shared {
			// A copy that is still about must be told from what the child left behind.
			_ = l.guards[i].shut()
		}
		l.guards[i].close()
	}
	if held {
		awaitCopies(newReleasedClaimer, l.pair.HTTP)
		awaitCopies(newReleasedClaimer, l.pair.WebSocket)
	}
	l.allocator.giveBack(l)
}
