package instance

import (
	"context"
	"fmt"
	"log/slog"
	"os/exec"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miktos/miktosctl/instance/child"
	"github.com/miktos/miktosctl/ports"
)

var gone = act{spawn: &child.SpawnError{Path: "viewer", Err: exec.ErrNotFound}}

// An order that comes while the instance waits for a start slot is carried out by the
// child that begins then, and by no later one.
func TestOrderWhileWaitingForASlot(t *testing.T) {
	for _, c := range []struct {
		name  string
		first act
		then  func(*stage)
		ok    func(Status) bool
	}{
		{"then a crash counts", act{exit: 10 * time.Second, code: 1}, nil, func(s Status) bool { return s.Restarts == 1 && s.State == Ready }},
		{"then a clean exit stays", act{exit: 10 * time.Second}, nil, func(s Status) bool { return s.State == Stopped }},
		{"then a start of what runs does nothing", good, func(s *stage) { s.Start("start asked") }, func(s Status) bool { return s.Generation == 1 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				host := Host{Slots: make(chan struct{}, 1)}
				host.Slots <- struct{}{}
				s := enter(t, defaults(), host, []act{c.first, good})
				defer s.end()
				s.after(time.Second)
				s.Restart("restart asked")
				s.after(time.Second)
				<-host.Slots
				s.after(time.Second)
				if c.then != nil {
					c.then(s)
				}
				if st := s.after(30 * time.Second); !c.ok(st) {
					t.Errorf("got %+v", st)
				}
			})
		})
	}
}

func TestReadyAtIsTheFirstTime(t *testing.T) {
	sick := func(since time.Duration) error {
		if since < 22*time.Second {
			return errSick
		}
		return nil
	}
	play(t, defaults(), []act{{exit: never, sick: sick}}, func(s *stage) {
		was := *s.after(time.Second).ReadyAt
		for _, state := range []State{Degraded, Ready} {
			if st := s.after(16 * time.Second); st.State != state || !st.ReadyAt.Equal(was) {
				t.Errorf("got %s since %v, want %s and still ready since %v", st.State, st.ReadyAt, state, was)
			}
		}
	})
}

// play fails for a step that the table of states does not know.
func TestEveryStepIsInTheTable(t *testing.T) {
	busy := act{spawn: &child.SpawnError{Path: "viewer", Err: syscall.EAGAIN}}
	taken := act{exit: never, sick: func(time.Duration) error { return &ConflictError{Port: 8080} }}
	for name, c := range map[string]struct {
		acts []act
		do   func(*stage)
	}{
		"no process to be had":          {[]act{busy, good}, nil},
		"gone while in backoff":         {[]act{crashing, gone}, nil},
		"gone at a restart":             {[]act{good, gone}, func(s *stage) { s.Restart("restart asked") }},
		"gone while stopped":            {[]act{good, gone}, func(s *stage) { s.Stop("stop asked"); s.after(time.Second); s.Start("start asked") }},
		"no process while stopped":      {[]act{good, busy}, func(s *stage) { s.Stop("stop asked"); s.after(time.Second); s.Start("start asked") }},
		"a port lost":                   {[]act{taken, good}, nil},
		"no process to be had a second": {[]act{gone, busy}, func(s *stage) { s.Start("start asked") }},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, defaults(), c.acts, func(s *stage) {
				s.after(time.Second)
				if c.do != nil {
					c.do(s)
				}
				s.after(time.Minute)
			})
		})
	}
}

func TestLongReadyTimeEndsTheRowOfTheUnhealthy(t *testing.T) {
	sick := func(since time.Duration) error {
		if since > 24*time.Hour {
			return errSick
		}
		return nil
	}
	play(t, defaults(), []act{{exit: never, sick: sick}}, func(s *stage) {
		s.after(9 * (24*time.Hour + 5*time.Minute))
		if failed := s.times(Failed); len(failed) > 0 {
			t.Errorf("got failed at %v, want one unhealthy end a day retried each time", failed)
		}
	})
}

func TestOldConflictsAreForgiven(t *testing.T) {
	stolen := act{exit: never, prove: &ConflictError{Port: 8081}}
	sick := func(since time.Duration) error {
		if since > 24*time.Hour {
			return &ConflictError{Port: 8081}
		}
		return nil
	}
	play(t, defaults(), []act{stolen, stolen, stolen, {exit: never, sick: sick}, good}, func(s *stage) {
		if st := s.after(25 * time.Hour); st.Restarts != 0 || st.PortRetries != 4 {
			t.Errorf("got %+v, want four conflicts and no failure", st)
		}
	})
}

func TestNextTryIsNeverInThePast(t *testing.T) {
	spec := defaults()
	spec.Restart.FailedRetry = 0
	play(t, spec, []act{crashing, crashing, gone}, func(s *stage) {
		if st := s.after(time.Minute); st.State != Failed || st.NextTryAt != nil {
			t.Errorf("got %s, next try %v, want failed and none", st.State, st.NextTryAt)
		}
	})
}

func TestStoppedKeepsNoPair(t *testing.T) {
	plain := act{ready: never, exit: never, deaf: true, print: "bind: address already in use", plain: true, bound: 1}
	play(t, defaults(), []act{plain, good}, func(s *stage) {
		s.after(halfDead + 100*time.Millisecond) // being ended, its pair to be kept
		s.Stop("stop asked")
		if st := s.after(time.Minute); st.State != Stopped || s.world.leases() != 0 {
			t.Errorf("got %s with %d pairs, want stopped with none", st.State, s.world.leases())
		}
	})
}

func TestStopDuringAnAbandonedGraceIsSeen(t *testing.T) {
	play(t, defaults(), []act{{ready: never, exit: never, deaf: true}}, func(s *stage) {
		s.after(32 * time.Second)
		s.Stop("stop asked")
		if st := s.after(0); st.State != Stopping || st.Reason != "stop asked" {
			t.Errorf("got %+v, want stopping", st)
		}
	})
}

func TestKillIsForOneChild(t *testing.T) {
	play(t, defaults(), []act{good, {exit: never, deaf: true}}, func(s *stage) {
		s.after(time.Second)
		s.Kill("kill asked")
		s.after(time.Second)
		s.Start("start asked")
		s.after(time.Second)
		s.Stop("stop asked")
		if st := s.after(time.Second); st.State != Stopping {
			t.Errorf("got %s, want the grace period of the next child to run", st.State)
		}
	})
}

func TestFleetEndIsNoFailure(t *testing.T) {
	// The life is made to look away at the moment at which everything ends at once.
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			w := &world{t: t, acts: []act{{ready: never, exit: never, astray: "elsewhere"}}}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			i := newInstance(defaults(), w, Host{Log: slog.New(slog.DiscardHandler), Changed: func(c Change) {
				if c.Class == ClassMisbound {
					cancel()
					time.Sleep(time.Millisecond)
				}
			}})
			w.inst = i
			i.Run(ctx)
			if st := i.Status(); st.LastExit.Class != ClassNone {
				t.Errorf("got %+v, want no failure", st.LastExit)
			}
		})
	}
}

func TestBlindChecksDoNotCount(t *testing.T) {
	sick := func(time.Duration) error { return &blindError{syscall.EMFILE} }
	play(t, defaults(), []act{{exit: never, sick: sick}}, func(s *stage) {
		if st := s.after(time.Hour); st.State != Ready || st.Generation != 1 {
			t.Errorf("got %+v, want ready: that nobody could ask is not its fault", st)
		}
	})
	for _, err := range []error{fmt.Errorf("dial: %w", syscall.EMFILE), syscall.EADDRNOTAVAIL} {
		if !ourFault(err) {
			t.Errorf("%v counts as the child's fault", err)
		}
	}
	if ourFault(syscall.ECONNREFUSED) {
		t.Error("a refused connection counts as ours")
	}
}

func TestSpawnFailureIsTheLastExit(t *testing.T) {
	play(t, defaults(), []act{crashing, gone}, func(s *stage) {
		st := s.after(time.Second)
		if st.LastExit == nil || st.LastExit.Class != ClassSpawn || st.StartedAt != nil {
			t.Errorf("got %+v %+v, want a spawn failure and no child", st, st.LastExit)
		}
	})
}

func TestCleanExitsUnderAlwaysAreNoFailures(t *testing.T) {
	spec := defaults()
	spec.Restart.Policy = Always
	play(t, spec, []act{{exit: 30 * time.Second}}, func(s *stage) {
		st := s.after(time.Hour)
		if st.Restarts != 0 || len(s.times(Failed)) > 0 || s.world.spawned() < 100 {
			t.Errorf("got %+v after %d children, want one every 31 seconds and nothing counted", st, s.world.spawned())
		}
	})
}

func TestStartIsNotSwallowed(t *testing.T) {
	o := newOrders()
	o.stop("stop asked")
	if wanted, _ := o.pending(); wanted {
		t.Fatal("wanted after a stop")
	}
	o.start("start asked") // between the look and what pause does about it
	o.reason()
	if wanted, asked := o.pending(); !wanted || !asked {
		t.Errorf("got wanted %v, asked %v, want both", wanted, asked)
	}
}

type noPorts struct{ *world }

func (noPorts) acquire(ports.Request) (lease, error) { return nil, ports.ErrExhausted }

func TestNoPortsLeftIsRetriedAndNoPairGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, acts: []act{good}}
		i := newInstance(defaults(), noPorts{w}, Host{Log: slog.New(slog.DiscardHandler)})
		ctx, cancel := context.WithCancel(t.Context())
		over := make(chan struct{})
		go func() { i.Run(ctx); close(over) }()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if st := i.Status(); st.State != Backoff || st.PortRetries != 0 || st.Restarts == 0 {
			t.Errorf("got %+v, want backoff, tried again, and no pair given up", st)
		}
		cancel()
		<-over
	})
}
