package instance

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/miktos/miktosctl/instance/child"
	"github.com/miktos/miktosctl/ports"
)

// row is the failures since the last one that a child survived for long enough.
type row struct {
	failures  int
	conflicts int           // in a row, each cured by another pair at once
	last      time.Duration // the last delay
}

// end is how one child ended.
type end struct {
	class  Class
	reason string
	asked  bool          // by a person or the fleet: no failure
	exited bool          // by itself: the class is still to be told from its exit
	ready  time.Duration // how long it had been ready
	proven bool          // it had been ready at all
	exit   *child.Exit   // nil if no child was there
	cure   bool          // no restart cures this: the command itself is wrong

	// The child says that a port is taken, and nobody has it but we.
	blamed   bool
	conceded bool // the next child gets the same pair in another hold
}

// rest is what an instance does between two children.
type rest struct {
	state   State
	class   Class
	reason  string
	wait    time.Duration // 0: none, negative: until an order comes
	restart bool          // the next child counts as an automatic restart
}

// Run keeps the instance filled until ctx ends and then stops its child. It returns
// when no process of the instance is left, its pair is released and its output is
// written. It must be called once.
func (i *Instance) Run(ctx context.Context) {
	defer i.close()
	var failures row
	var pause rest
	for {
		asked, ok := i.pause(ctx, pause)
		if !ok {
			return
		}
		if asked {
			failures = row{}
		} else if pause.restart {
			i.count(func(s *Status) { s.Restarts++ })
		}
		pause = i.judge(&failures, i.fill(ctx))
	}
}

func (i *Instance) close() {
	if i.kept != nil {
		i.kept.Release()
		i.kept = nil
	}
	if i.output != nil {
		if err := i.output.Close(); err != nil {
			i.host.Log.Warn("log not written to its end", "instance", i.spec.ID, "err", err)
		}
	}
}

// count changes a number in the status that the next step publishes.
func (i *Instance) count(f func(*Status)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	f(&i.status)
}

// pause rests until the next child is due. It reports whether a person asked for
// that child, and false when there will be none any more.
func (i *Instance) pause(ctx context.Context, r rest) (asked, ok bool) {
	var due <-chan time.Time
	if r.wait > 0 {
		timer := time.NewTimer(r.wait)
		defer timer.Stop()
		due = timer.C
	}
	if wanted, asked := i.orders.pending(); r.state != "" && wanted && !asked && ctx.Err() == nil {
		i.publish(r.state, r.class, r.reason, func(s *Status) {
			if r.wait > 0 {
				at := time.Now().Add(r.wait)
				s.NextTryAt = &at
			}
		})
	}
	if r.state == Stopped {
		i.orders.done()
	}
	over := r.wait == 0
	for {
		wanted, asked := i.orders.pending()
		switch {
		case ctx.Err() != nil:
			i.stopped("the fleet ended")
			return false, false
		case !wanted:
			i.stopped("")
		case asked || over:
			_, asked = i.orders.begin()
			return asked, true
		}
		select {
		case <-due:
			over = true
		case <-i.orders.changed:
		case <-ctx.Done():
		}
	}
}

// stopped publishes Stopped with the reason of the order that led to it, unless
// the instance stopped by itself before.
func (i *Instance) stopped(reason string) {
	i.mu.Lock()
	state := i.status.State
	i.mu.Unlock()
	if state == Stopped {
		return
	}
	if why, leave := i.orders.leave(); leave && why != "" {
		reason = why
	}
	i.publish(Stopped, ClassNone, reason, nil)
}

// fill runs one child, from the lease of its pair to its release.
func (i *Instance) fill(ctx context.Context) end {
	leaveSlot, ok := i.slot(ctx)
	if !ok {
		return end{asked: true}
	}
	defer leaveSlot()

	held, err := i.lease()
	if err != nil {
		return end{class: ClassPortConflict, reason: err.Error()}
	}
	pair := held.Pair()
	defer func() {
		if i.kept == nil {
			held.Release()
		}
	}()

	i.last = pair
	i.generation++
	i.heed()
	proc, err := i.outside.launch(i.spec.Launch(pair, i.generation), held, i.generation, i.output)
	if err != nil {
		i.count(func(s *Status) { s.Generation = i.generation })
		return end{class: ClassSpawn, reason: err.Error(), cure: beyondCure(err)}
	}
	i.begun(proc, held)
	e := i.attend(ctx, proc, pair, leaveSlot)

	// Sweep before reap: while the leader is a zombie its numbers cannot be
	// reused, so whatever is left of the tree can be killed without hitting a
	// stranger. Only then may the pair go back.
	proc.Kill()
	<-proc.Gone()
	proc.Finish()
	i.starting.Store(false)
	exit := proc.Exit()
	e.exit = &exit
	if e.exited {
		i.explain(&e, proc, pair)
	}
	if e.blamed && i.outside.concede(held) {
		e.conceded, i.kept = true, held
		e.reason += "; the program cannot bind over the supervisor's guard, so the ports are released to it"
	}
	i.ended(e)
	return e
}

// slot waits for leave to start a child. The returned function gives it back; it
// may be called twice.
func (i *Instance) slot(ctx context.Context) (leave func(), ok bool) {
	slots := i.host.Slots
	if slots == nil {
		return func() {}, true
	}
	leave = sync.OnceFunc(func() { <-slots })
	select {
	case slots <- struct{}{}:
		return leave, true
	default:
	}
	i.publish(Pending, ClassNone, "waiting for others to finish starting", nil)
	for {
		select {
		case slots <- struct{}{}:
			return leave, true
		case <-ctx.Done():
			return nil, false
		case <-i.orders.changed:
			if wanted, _ := i.orders.pending(); !wanted {
				return nil, false
			}
		}
	}
}

func (i *Instance) lease() (lease, error) {
	if l := i.kept; l != nil {
		i.kept = nil
		return l, nil
	}
	return i.outside.acquire(ports.Request{
		Preferred: i.spec.Preferred,
		Avoid:     i.last,
		Owner:     i.spec.Fleet + "/" + i.spec.ID,
	})
}

// begun publishes the child that has just been spawned.
func (i *Instance) begun(p process, held lease) {
	pair := held.Pair()
	page, stream, stable := i.spec.urls(pair)
	now := time.Now()
	i.mu.Lock()
	i.proc = p
	i.mu.Unlock()
	i.publish(Starting, ClassNone, "waiting for the program to listen", func(s *Status) {
		s.PID, s.Generation = p.PID(), i.generation
		s.HTTPPort, s.WSPort = pair.HTTP, pair.WebSocket
		s.HTTPURL, s.WebSocketURL, s.URL = page, stream, stable
		s.Hold = held.Hold()
		s.StartedAt, s.ReadyAt = &now, nil
		s.CPUPercent, s.RSSBytes = 0, 0
	})
}

// ended takes the child that is gone out of the status. The step to the next state
// publishes it.
func (i *Instance) ended(e end) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.proc = nil
	s := &i.status
	s.PID, s.HTTPPort, s.WSPort, s.Hold = 0, 0, 0, ""
	s.HTTPURL, s.WebSocketURL, s.URL = "", "", ""
	s.ReadyAt = nil
	s.CPUPercent, s.RSSBytes = 0, 0
	last := LastExit{Class: e.class, Code: e.exit.Code, At: e.exit.At, Reason: e.reason}
	if e.exit.Signal != 0 {
		last.Signal = signalName(e.exit.Signal)
	}
	s.LastExit = &last
}

// judge says what follows a child's end.
func (i *Instance) judge(r *row, e end) rest {
	if e.asked {
		return rest{}
	}
	if e.conceded {
		i.say(e.reason)
		return rest{}
	}
	if e.class == ClassPortConflict {
		i.count(func(s *Status) { s.PortRetries++ })
		if r.conflicts++; r.conflicts <= i.spec.RetryAttempts && e.exit != nil {
			i.say(e.reason + "; trying another pair")
			return rest{}
		}
	} else {
		r.conflicts = 0
	}
	policy := i.spec.Restart
	switch {
	case e.class == ClassNone && policy.Policy != Always:
		i.say(e.reason)
		return rest{state: Stopped, reason: e.reason, wait: -1}
	case policy.Policy == Never:
		i.say(e.reason)
		return rest{state: Failed, class: e.class, reason: e.reason + "; the restart policy is never", wait: -1}
	}

	if e.proven && e.ready >= policy.stable(r.last) {
		*r = row{conflicts: r.conflicts}
	}
	r.failures++
	if given := policy.MaxFailures; e.cure || given > 0 && r.failures >= given {
		reason := e.reason
		if !e.cure {
			reason = fmt.Sprintf("%d failures in a row, the last: %s", r.failures, e.reason)
		}
		next := rest{state: Failed, class: e.class, reason: reason, wait: -1, restart: true}
		if policy.FailedRetry > 0 {
			next.wait = policy.FailedRetry
		}
		i.say(reason)
		return next
	}
	r.last = policy.delay(r.failures, rand.Float64())
	i.say(e.reason)
	return rest{state: Backoff, class: e.class, reason: e.reason, wait: r.last, restart: true}
}

// say writes a remark into the instance's own log, where people look first.
func (i *Instance) say(text string) {
	if i.output != nil {
		i.output.Note("%s", text)
	}
}

// beyondCure says whether a spawn error is the command's own and stays.
func beyondCure(err error) bool {
	for _, own := range []error{exec.ErrNotFound, fs.ErrNotExist, fs.ErrPermission, syscall.ENOTDIR, syscall.EISDIR, syscall.ENOEXEC, syscall.ELOOP} {
		if errors.Is(err, own) {
			return true
		}
	}
	return false
}
