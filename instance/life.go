package instance

import (
	"context"
	"sync"
	"time"

	"github.com/miktos/miktosctl/instance/child"
	"github.com/miktos/miktosctl/ports"
)

// end is how one child ended.
type end struct {
	class  Class
	reason string
	asked  bool          // by a person or the fleet: no failure
	exited bool          // by itself: the class is still to be told from its exit
	ready  time.Duration // how long it had been ready
	proven bool          // it had been ready at all
	exit   *child.Exit   // nil if no child was there
	left   int           // processes that outlived a leader which ended by itself
	cure   bool          // nothing cures this: the command itself is wrong

	// The child says that a port is taken, and nobody has it but we.
	blamed   bool
	conceded bool // the next child gets the same pair in another hold
}

// Run keeps the instance filled until ctx ends and then stops its child. It returns
// when no process of the instance is left, its pair is released and its output is
// written. It must be called once.
func (i *Instance) Run(ctx context.Context) {
	defer i.close()
	var failures row
	var next rest
	for i.pause(ctx, next) {
		leave, ok := i.slot(ctx)
		if !ok {
			next = rest{} // pause says why
			continue
		}
		wanted, asked := i.orders.begin()
		switch {
		case !wanted || ctx.Err() != nil:
			leave()
			next = rest{}
			continue
		case asked:
			failures = row{}
		case next.restart:
			i.count(func(s *Status) { s.Restarts++ })
		}
		next = i.judge(&failures, i.fill(ctx, leave))
	}
}

func (i *Instance) close() {
	i.giveBack()
	if i.output != nil {
		if err := i.output.Close(); err != nil {
			i.host.Log.Warn("log not written to its end", "instance", i.spec.ID, "err", err)
		}
	}
}

// giveBack releases a pair that was kept for a child that does not come now.
func (i *Instance) giveBack() {
	if i.kept != nil {
		i.kept.Release()
		i.kept = nil
	}
}

// count changes a number in the status that the next step publishes.
func (i *Instance) count(f func(*Status)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	f(&i.status)
}

// pause rests until the next child is due. It returns false when there will be none
// any more.
func (i *Instance) pause(ctx context.Context, r rest) bool {
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
			return false
		case !wanted:
			i.stopped(i.orders.reason())
		case asked || over:
			return true
		}
		select {
		case <-due:
			over = true
		case <-i.orders.changed:
		case <-ctx.Done():
		}
	}
}

// stopped publishes Stopped, unless the instance stopped by itself before.
func (i *Instance) stopped(reason string) {
	i.giveBack()
	if i.Status().State != Stopped {
		i.publish(Stopped, ClassNone, reason, nil)
	}
}

// fill runs one child, from the lease of its pair to its release. It calls leave, the
// way out of the start slot, as soon as the child is starting no more.
func (i *Instance) fill(ctx context.Context, leave func()) end {
	defer leave()

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
	i.heed(pair)
	proc, err := i.outside.launch(i.spec.Launch(pair, i.generation), held, i.generation, i.output)
	if err != nil {
		e := end{class: ClassSpawn, reason: err.Error(), cure: beyondCure(err)}
		i.count(func(s *Status) {
			s.Generation, s.StartedAt = i.generation, nil
			s.LastExit = &LastExit{Class: e.class, Code: -1, At: time.Now(), Reason: e.reason}
		})
		return e
	}
	i.begun(proc, held)
	e := i.attend(ctx, proc, pair, leave)

	if e.exited {
		e.left = len(proc.Pids())
	}

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
	now := time.Now()
	i.mu.Lock()
	i.proc = p
	i.mu.Unlock()
	i.publish(Starting, ClassNone, "waiting for the program to listen", func(s *Status) {
		s.PID, s.Generation = p.PID(), i.generation
		s.HTTPPort, s.WSPort = pair.HTTP, pair.WebSocket
		s.HTTPURL, s.WebSocketURL = i.spec.PageURL(pair), i.spec.address("ws", pair.WebSocket)
		s.URL = s.HTTPURL
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

// say writes a remark into the instance's own log, where people look first.
func (i *Instance) say(text string) {
	if i.output != nil {
		i.output.Note("%s", text)
	}
}
