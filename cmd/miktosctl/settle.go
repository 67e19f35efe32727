package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/miktos/miktosctl/instance"
	"github.com/miktos/miktosctl/supervisor"
	"github.com/miktos/miktosctl/supervisor/control"
)

// wait is a wait for what becomes of instances.
type wait struct {
	client  *control.Client
	after   uint64                                                  // events from before that count, too: those after this number; 0: none
	aim     instance.State                                          // what all are to become
	show    func(string)                                            // the progress line
	order   func(ctx context.Context) (ids []string, err error)     // given before the wait; nil: none
	judge   func(seats []*seat, all *roster) (done bool, err error) // asked after each event
	render  func(seats []*seat) string                              // the progress
	timeout time.Duration                                           // 0: none
}

// errOverdue is the cause of the end of a wait's context.
var errOverdue = errors.New("overdue")

// endingError is a fleet that is being ended while something is waited for that it
// will not become any more.
type endingError struct {
	fleet string
	by    *supervisor.Actor // nil: nobody that is known
	aim   instance.State
}

func (e *endingError) Error() string {
	by := ""
	if e.by != nil {
		by = " by " + e.by.String()
	}
	return fmt.Sprintf("fleet %s was ended%s before it was %s", e.fleet, by, e.aim)
}

// run waits until judge is content and returns the instances as they were before the
// order and as they are now.
func (w *wait) run(ctx context.Context) (before supervisor.Status, seats []*seat, err error) {
	if w.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, w.timeout, errOverdue)
		defer cancel()
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// In this order nothing is missed: what happens after the subscription is in the
	// events, what was before it in the status.
	events, err := w.client.Events(ctx, w.after)
	if err != nil {
		return before, nil, err
	}
	if before, err = w.client.Status(ctx); err != nil {
		return before, nil, err
	}
	all := newRoster(before)
	var ids []string
	if w.order != nil {
		if ids, err = w.order(ctx); err != nil {
			return before, nil, err
		}
	}
	defer w.show("")
	look := func() (bool, error) {
		seats = all.only(ids)
		w.show(w.render(seats))
		return w.judge(seats, all)
	}
	if done, err := look(); done || err != nil {
		return before, seats, err
	}
	last := uint64(0)
	for e, err := range events {
		if err != nil {
			return before, seats, w.ended(ctx, err, seats)
		}
		all.apply(e)
		if last != 0 && e.Seq != last+1 {
			// We were cut off for so long that not all is remembered any more.
			now, err := w.client.Status(ctx)
			if err != nil {
				return before, seats, err
			}
			all.catchUp(now)
		}
		last = e.Seq
		if all.ending && w.aim != instance.Stopped {
			return before, seats, &endingError{fleet: before.Fleet, by: all.ender, aim: w.aim}
		}
		if done, err := look(); done || err != nil {
			return before, seats, err
		}
	}
	return before, seats, control.ErrEnded
}

// ended explains an end of the events that was not wanted.
func (w *wait) ended(ctx context.Context, err error, seats []*seat) error {
	if !errors.Is(context.Cause(ctx), errOverdue) {
		return err
	}
	// The status knows more than the events of what an instance is waited for.
	ask, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	status, _ := w.client.Status(ask)
	now := newRoster(status)
	var late []string
	for _, s := range seats {
		if one := now.find(s.ID); one != nil {
			s = one
		}
		if s.State != w.aim {
			late = append(late, s.trouble())
		}
	}
	f := failf("", "not %s after %s", w.aim, w.timeout)
	if len(late) > 0 {
		f.err = fmt.Errorf("%w: %s", f.err, strings.Join(late, "; "))
	}
	if w.aim == instance.Ready {
		f.hint = "miktosctl logs shows what the program says"
	}
	return f
}

// ready is content when all are, and gives up on those that will not be. What an
// instance was before the order to it does not count.
func ready(ordered bool, fresh func(*seat) bool) func([]*seat, *roster) (bool, error) {
	return func(seats []*seat, all *roster) (bool, error) {
		done := true
		var lost []error
		for _, s := range seats {
			switch {
			case ordered && !s.ordered:
				done = false
			case s.State == instance.Ready && (fresh == nil || fresh(s)):
			case (s.State == instance.Failed || s.State == instance.Stopped) && (!ordered || s.moved):
				lost = append(lost, errors.New(s.trouble()))
			default:
				done = false
			}
		}
		// Not before the others have settled, too: one word about all.
		if done && len(lost) > 0 {
			return false, &failure{code: exitFailed, err: errors.Join(lost...), hint: lostHint(seats)}
		}
		return done, nil
	}
}

func lostHint(seats []*seat) string {
	for _, s := range seats {
		if s.State == instance.Failed {
			return fmt.Sprintf("miktosctl logs %s shows what the program said", s.ID)
		}
	}
	for _, s := range seats {
		if s.State == instance.Stopped {
			return fmt.Sprintf("miktosctl start %s starts it", s.ID)
		}
	}
	return ""
}

// stopped is content when no child is left.
func stopped(ordered bool) func([]*seat, *roster) (bool, error) {
	return func(seats []*seat, all *roster) (bool, error) {
		for _, s := range seats {
			if s.State != instance.Stopped || ordered && !s.ordered {
				return false, nil
			}
		}
		return true, nil
	}
}
