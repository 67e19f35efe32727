package main

import (
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// echoTime is how long a signal may take to come twice: a shell, timeout(1) or a
// terminal may send it to the process and to its group. Nobody asks twice that fast.
const echoTime = 100 * time.Millisecond

// signals turns the first signal into a request and the second one into a demand. It
// is registered for as long as the fleet lives: without that, a second Ctrl-C would
// kill the supervisor and leave the viewers.
type signals struct {
	asked chan os.Signal
	pipes chan os.Signal // never read; see watchSignals
	over  chan struct{}  // closed by stop
	once  sync.Once
	watch sync.WaitGroup
	force atomic.Bool
}

// watchSignals begins to listen. SIGHUP is a request, too: the terminal has gone, and
// nobody would see the fleet any more.
func watchSignals() *signals {
	s := &signals{asked: make(chan os.Signal, 2), pipes: make(chan os.Signal, 1), over: make(chan struct{})}
	signal.Notify(s.asked, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	// Go kills a program that writes to a closed stdout or stderr, unless somebody
	// listens: then the write returns EPIPE. To ignore the signal instead would make
	// children ignore it, too.
	signal.Notify(s.pipes, syscall.SIGPIPE)
	return s
}

// first waits for a request: a signal, or a stdout that nobody reads. It calls asked
// and returns, and kill is called for a signal after that. It returns without a call
// when done is closed; a signal is a demand then, if a request of somebody else is
// being carried out.
func (s *signals) first(done <-chan struct{}, screen *console, asked, kill func()) error {
	select {
	case <-s.asked:
		asked()
	case <-screen.broken:
		asked()
	case <-done:
	}
	s.watch.Go(func() {
		echo := time.After(echoTime)
		for same := true; ; {
			select {
			case <-echo:
				same = false
			case <-s.asked:
				if !same {
					s.force.Store(true)
					kill()
					return
				}
			case <-s.over:
				return
			}
		}
	})
	return nil
}

// killed says whether a demand came. It is final after stop.
func (s *signals) killed() bool { return s.force.Load() }

// stop ends the listening.
func (s *signals) stop() {
	s.once.Do(func() {
		signal.Stop(s.asked)
		signal.Stop(s.pipes)
		close(s.over)
		s.watch.Wait()
	})
}
