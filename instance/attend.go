package instance

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/miktos/miktosctl/ports"
)

const (
	// halfDead is how long a child that printed "address already in use" may go on
	// before it counts as one that lives with half of itself dead.
	halfDead = 500 * time.Millisecond
	// astray is how long a child may take to listen on its ports before it is asked
	// for the first time where it listens instead.
	astray = 800 * time.Millisecond
	// curt bounds the grace period of a child that was not given what it needs: it
	// has nothing to save.
	curt = time.Second
)

// attend watches a child from its spawn until it must end or has ended. It returns
// with the stop signal's grace over, but with the rest of the tree still to be swept.
func (i *Instance) attend(ctx context.Context, p process, pair ports.Pair, proven func()) end {
	watch, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()

	ready := make(chan error, 1)
	wg.Go(func() {
		goodbye, err := i.outside.prove(watch, p, pair, i.waiting)
		ready <- err
		if err == nil {
			goodbye()
		}
	})
	timeout := time.NewTimer(i.spec.Probe.StartTimeout)
	defer timeout.Stop()
	look := time.NewTimer(astray)
	defer look.Stop()

	var (
		checks   = make(chan error)
		missed   int       // liveness checks in a row
		since    time.Time // ready without a break
		was      bool      // ready at all
		claim    string    // the output's line about a taken port
		doubt    <-chan time.Time
		misbound string
	)
	asked, exited := end{asked: true}, end{exited: true}
	end := func(e end) end {
		if e.proven = was; !since.IsZero() {
			e.ready = time.Since(since)
		}
		return e
	}
	for {
		select {
		case <-p.Exited():
			return end(exited)

		case <-ctx.Done():
			i.terminate(p, "the fleet ends")
			return end(asked)
		case <-i.orders.changed:
			if why, leave := i.orders.leave(); leave {
				i.terminate(p, why)
				return end(asked)
			}

		case err := <-ready:
			if err != nil {
				return end(i.giveUp(p, err))
			}
			was, since, doubt = true, time.Now(), nil
			timeout.Stop()
			look.Stop()
			i.starting.Store(false)
			proven()
			i.publish(Ready, ClassNone, "", func(s *Status) { s.ReadyAt = &since })
			if i.spec.Probe.Interval > 0 {
				wg.Go(func() { i.live(watch, p, pair, checks) })
			}

		case claim = <-i.noticed:
			doubt = time.After(halfDead)
		case <-doubt:
			reason := fmt.Sprintf("the program said %q and lives on without one of its ports", claim)
			taken := i.outside.foreign(p, pair)
			if taken != nil {
				reason += ": " + taken.Error()
			}
			e := i.abandon(p, ClassPortConflict, reason, curt)
			e.blamed = taken == nil
			return end(e)
		case <-look.C:
			misbound = i.outside.elsewhere(p, pair)
			if misbound != "" {
				i.publish(Starting, ClassMisbound, misbound, nil)
			}
			look.Reset(astray)
		case <-timeout.C:
			if misbound != "" {
				return end(i.abandon(p, ClassMisbound, misbound, i.spec.Stop.Timeout))
			}
			reason := fmt.Sprintf("not ready after %s: %s", i.spec.Probe.StartTimeout, i.Status().Reason)
			return end(i.abandon(p, ClassNotReady, reason, i.spec.Stop.Timeout))

		case err := <-checks:
			var taken *ConflictError
			switch {
			case err == nil:
				if missed >= i.spec.Probe.Failures {
					since = time.Now()
					i.publish(Ready, ClassNone, "", nil)
				}
				missed = 0
				continue
			case errors.As(err, &taken):
				missed = max(missed+1, i.spec.Probe.Failures)
			default:
				missed++
			}
			switch limit := i.spec.Probe.Failures; {
			case missed < limit:
			case missed < 2*limit || i.spec.Restart.Policy == Never:
				since = time.Time{}
				i.publish(Degraded, ClassUnhealthy, err.Error(), nil)
			case taken != nil:
				return end(i.abandon(p, ClassPortConflict, err.Error(), i.spec.Stop.Timeout))
			default:
				return end(i.abandon(p, ClassUnhealthy, err.Error(), i.spec.Stop.Timeout))
			}
		}
	}
}

// live checks a ready child until ctx ends. The first check comes after a random
// part of the interval, so that a fleet that started together is not asked together.
func (i *Instance) live(ctx context.Context, p process, pair ports.Pair, out chan<- error) {
	wait := time.Duration(rand.Float64() * float64(i.spec.Probe.Interval))
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		err := i.outside.check(ctx, p, pair)
		select {
		case out <- err:
		case <-ctx.Done():
			return
		}
		timer.Reset(i.spec.Probe.Interval)
	}
}

// giveUp ends a child that prove gave up on.
func (i *Instance) giveUp(p process, err error) end {
	var taken *ConflictError
	if errors.As(err, &taken) {
		return i.abandon(p, ClassPortConflict, err.Error(), curt)
	}
	return i.abandon(p, ClassNotReady, err.Error(), i.spec.Stop.Timeout)
}

// abandon ends a child that is of no use. The state stays as it is: nobody asked.
func (i *Instance) abandon(p process, class Class, reason string, grace time.Duration) end {
	i.waiting(reason)
	i.letGo(p, min(grace, i.spec.Stop.Timeout))
	return end{class: class, reason: reason}
}

// terminate ends a child because that was asked.
func (i *Instance) terminate(p process, why string) {
	i.publish(Stopping, ClassNone, why, nil)
	i.letGo(p, i.spec.Stop.Timeout)
}

// letGo sends the stop signal to the tree and waits until it is empty, or the grace
// period is over, or somebody kills. The rest of the tree is the caller's.
func (i *Instance) letGo(p process, grace time.Duration) {
	if err := p.Signal(i.spec.Stop.Signal); err != nil {
		i.host.Log.Warn("stop signal not delivered", "instance", i.spec.ID, "pid", p.PID(), "err", err)
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-p.Gone():
	case <-i.orders.killed:
	case <-timer.C:
		i.say(fmt.Sprintf("still alive %s after %s; killing it", grace, signalName(i.spec.Stop.Signal)))
	}
}

func signalName(s syscall.Signal) string {
	if name := unix.SignalName(s); name != "" {
		return name
	}
	return fmt.Sprintf("signal %d", int(s))
}
