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

// attend watches a child from its spawn until it must end or has ended. It calls
// leave when the child is starting no more. It returns with the stop signal's grace
// over, but with the rest of the tree still to be swept.
func (i *Instance) attend(ctx context.Context, p process, pair ports.Pair, leave func()) end {
	watch, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()

	proven := make(chan error, 1)
	wg.Go(func() {
		goodbye, err := i.outside.prove(watch, p, pair, i.waiting)
		proven <- err
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
		unseen   bool   // the last check could not be made
		missed   int    // liveness checks in a row
		spell    spell  // how long the child has been ready
		claim    *claim // what the output says of a taken port
		doubt    <-chan time.Time
		misbound string
	)
	// abandon ends a child that is of no use. The state stays as it is, because nobody
	// asked, until somebody does.
	abandon := func(class Class, reason string, grace time.Duration) end {
		select {
		case <-p.Exited():
			// It was faster, and knows better why.
			return spell.end(end{exited: true})
		default:
		}
		cancel()
		leave()
		i.waiting(reason)
		i.letGo(ctx, p, min(grace, i.spec.Stop.Timeout))
		return spell.end(end{class: class, reason: reason})
	}
	asked := func(why string) end {
		cancel()
		leave()
		i.publish(Stopping, ClassNone, why, nil)
		i.letGo(ctx, p, i.spec.Stop.Timeout)
		return spell.end(end{asked: true})
	}
	for {
		select {
		case <-p.Exited():
			return spell.end(end{exited: true})

		case <-ctx.Done():
			return asked("the fleet ends")
		case <-i.orders.changed:
			if why, leaving := i.orders.leave(); leaving {
				return asked(why)
			}

		case err := <-proven:
			var taken *ConflictError
			switch {
			case ctx.Err() != nil:
				return asked("the fleet ends")
			case errors.As(err, &taken):
				return abandon(ClassPortConflict, err.Error(), curt)
			case err != nil:
				return abandon(ClassNotReady, err.Error(), i.spec.Stop.Timeout)
			}
			timeout.Stop()
			look.Stop()
			doubt = nil
			i.starting.Store(false)
			leave()
			at := spell.begin()
			i.publish(Ready, ClassNone, "", func(s *Status) { s.ReadyAt = &at })
			if i.spec.Probe.Interval > 0 {
				wg.Go(func() { i.live(watch, p, pair, checks) })
			}

		case claim = <-i.noticed:
			if !spell.proven {
				doubt = time.After(halfDead)
			}
		case <-doubt:
			if taken := i.outside.foreign(p, pair); taken != nil {
				return abandon(ClassPortConflict, taken.Error(), curt)
			}
			bound := i.outside.bound(p, pair)
			if bound == 2 {
				continue
			}
			if bound == 0 && !claim.certain {
				// Perhaps it spoke of something else and is only slow.
				doubt = time.After(halfDead)
				continue
			}
			reason := fmt.Sprintf("the program said %q and lives on without one of its ports", claim.line)
			e := abandon(ClassPortConflict, reason, curt)
			e.blamed = !e.exited // explain sees to one that exited meanwhile
			return e
		case <-look.C:
			misbound = i.outside.elsewhere(p, pair)
			if misbound != "" {
				i.publish(Starting, ClassMisbound, misbound, nil)
			}
			look.Reset(astray)
		case <-timeout.C:
			if misbound != "" {
				return abandon(ClassMisbound, misbound, i.spec.Stop.Timeout)
			}
			reason := fmt.Sprintf("not ready after %s: %s", i.spec.Probe.StartTimeout, i.Status().Reason)
			e := abandon(ClassNotReady, reason, i.spec.Stop.Timeout)
			e.blamed = claim != nil && !e.exited
			return e

		case err := <-checks:
			var taken *ConflictError
			var blind *blindError
			if errors.As(err, &blind) {
				if !unseen {
					i.host.Log.Warn("instance cannot be checked", "instance", i.spec.ID, "err", err)
				}
				unseen = true
				continue // that says nothing about the child
			}
			unseen = false
			switch {
			case err == nil:
				if missed >= i.spec.Probe.Failures {
					spell.begin()
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
				spell.pause()
				i.publish(Degraded, ClassUnhealthy, err.Error(), nil)
			case taken != nil:
				return abandon(ClassPortConflict, err.Error(), i.spec.Stop.Timeout)
			default:
				return abandon(ClassUnhealthy, err.Error(), i.spec.Stop.Timeout)
			}
		}
	}
}

// spell measures the longest time for which a child was ready without a break.
type spell struct {
	proven  bool
	since   time.Time // zero: not ready now
	longest time.Duration
}

func (s *spell) begin() time.Time {
	s.proven, s.since = true, time.Now()
	return s.since
}

func (s *spell) pause() {
	if !s.since.IsZero() {
		s.longest = max(s.longest, time.Since(s.since))
		s.since = time.Time{}
	}
}

// end completes how a child ended.
func (s *spell) end(e end) end {
	s.pause()
	e.proven, e.ready = s.proven, s.longest
	return e
}

// beats is how many times in an interval children are checked at all. A fleet that was
// checked at once would be a burst of work, and one child at a time would wake the whole
// machinery for each of them; that costs more than the checks.
const beats = 5

// nextBeat returns the time until the next check of a child, whose place in the
// interval is beat. It is the same time for all that share the place.
func nextBeat(now time.Time, interval time.Duration, beat int) time.Duration {
	at := now.Truncate(interval).Add(interval * time.Duration(beat) / beats)
	for !at.After(now) {
		at = at.Add(interval)
	}
	return at.Sub(now)
}

// live checks a ready child until ctx ends.
func (i *Instance) live(ctx context.Context, p process, pair ports.Pair, out chan<- error) {
	beat := rand.IntN(beats)
	timer := time.NewTimer(nextBeat(time.Now(), i.spec.Probe.Interval, beat))
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
		timer.Reset(nextBeat(time.Now(), i.spec.Probe.Interval, beat))
	}
}

// letGo sends the stop signal to the tree and waits until it is empty, or the grace
// period is over, or somebody kills. The rest of the tree is the caller's.
func (i *Instance) letGo(ctx context.Context, p process, grace time.Duration) {
	if err := p.Signal(i.spec.Stop.Signal); err != nil {
		i.host.Log.Warn("stop signal not delivered", "instance", i.spec.ID, "pid", p.PID(), "err", err)
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	ends := ctx.Done()
	for {
		select {
		case <-p.Gone():
			return
		case <-i.orders.kills():
			return
		case <-timer.C:
			i.say(fmt.Sprintf("still alive %s after %s; killing it", grace, signalName(i.spec.Stop.Signal)))
			return
		case <-ends:
			ends = nil
			i.publish(Stopping, ClassNone, "the fleet ends", nil)
		case <-i.orders.changed:
			// The child is ending anyway. That it was asked for, too, should be seen.
			if why, leaving := i.orders.leave(); leaving && i.Status().State != Stopping {
				i.publish(Stopping, ClassNone, why, nil)
			}
		}
	}
}

func signalName(s syscall.Signal) string {
	if name := unix.SignalName(s); name != "" {
		return name
	}
	return fmt.Sprintf("signal %d", int(s))
}
