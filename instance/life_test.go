package instance

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miktos/miktosctl/instance/child"
	"github.com/miktos/miktosctl/ports"
)

func TestLifeFromPendingToStopped(t *testing.T) {
	play(t, defaults(), []act{{ready: 50 * time.Millisecond, exit: never}}, func(s *stage) {
		if st := s.after(40 * time.Millisecond); st.State != Starting || st.PID != 100 || st.Generation != 1 || st.HTTPPort != 8080 {
			t.Errorf("got %+v, want starting as pid 100 on 8080", st)
		}
		st := s.after(20 * time.Millisecond)
		if st.State != Ready || st.ReadyAt == nil || st.ReadyAt.Sub(*st.StartedAt) != 50*time.Millisecond {
			t.Errorf("got %+v, want ready after 50ms", st)
		}
		s.end()
		want := []State{Starting, Ready, Stopping, Stopped}
		if got := s.trace(); !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		if st := s.Status(); st.PID != 0 || st.HTTPPort != 0 || st.LastExit == nil || st.LastExit.Signal != "SIGTERM" || st.LastExit.Class != ClassNone {
			t.Errorf("got %+v, want no child and a last exit by SIGTERM", st)
		}
	})
}

func TestOneCrashComesBackAtOnceOnAnotherPair(t *testing.T) {
	play(t, defaults(), []act{{exit: time.Hour, code: 1}, good}, func(s *stage) {
		st := s.after(time.Hour + time.Millisecond)
		if st.State != Ready || st.Restarts != 1 || st.Generation != 2 || st.HTTPPort != 8090 {
			t.Errorf("got %+v, want ready again on 8090 with one restart", st)
		}
		if got, want := s.world.requests[1].Avoid, (ports.Pair{HTTP: 8080, WebSocket: 8081}); got != want {
			t.Errorf("got a request that avoids %v, want %v", got, want)
		}
	})
}

func TestCrashLoopSlowsDownAndFails(t *testing.T) {
	play(t, defaults(), []act{crashing}, func(s *stage) {
		st := s.after(4 * time.Minute)
		if st.State != Failed || st.LastExit.Code != 3 || !strings.Contains(st.Reason, "8 failures in a row, the last: exit code 3") {
			t.Errorf("got %+v, want failed after 8 failures", st)
		}
		starts := s.times(Starting)
		if len(starts) != 8 {
			t.Fatalf("got %d starts, want 8", len(starts))
		}
		for n, want := range []time.Duration{0, 1, 2, 4, 8, 16, 32} {
			gap := starts[n+1] - starts[n] - crashing.exit
			want *= time.Second
			if gap < want*3/4 || gap > want*5/4 {
				t.Errorf("try %d came after %v, want %v ± 25%%", n+2, gap, want)
			}
		}
		// Then one try every failed_retry, and failed in between.
		s.after(12 * time.Minute)
		if got := s.world.spawned() - 8; got != 2 && got != 3 {
			t.Errorf("got %d tries in 12 minutes of failed, want one every 5", got)
		}
		if st := s.Status(); st.State != Failed || st.NextTryAt == nil {
			t.Errorf("got %+v, want failed with a next try", st)
		}
	})
}

func TestRowEndsAfterStableTime(t *testing.T) {
	short := act{exit: 59 * time.Second, code: 1}
	long := act{exit: 61 * time.Second, code: 1}
	play(t, defaults(), []act{short, short, long, good}, func(s *stage) {
		s.after(5 * time.Minute)
		backoffs, starts := s.times(Backoff), s.times(Starting)
		if len(starts) != 4 {
			t.Fatalf("got starts at %v, want 4", starts)
		}
		if gap := starts[2] - backoffs[1]; gap < 750*time.Millisecond {
			t.Errorf("got a wait of %v after the second failure in a row, want about 1s", gap)
		}
		if gap := starts[3] - backoffs[2]; gap != 0 {
			t.Errorf("got a wait of %v after a long run, want none", gap)
		}
	})
}

func TestOrdersWinOverWaiting(t *testing.T) {
	t.Run("stop in backoff", func(t *testing.T) {
		play(t, defaults(), []act{crashing}, func(s *stage) {
			s.after(10 * time.Second)
			s.Stop("stop asked")
			if st := s.after(0); st.State != Stopped || st.Reason != "stop asked" || st.NextTryAt != nil {
				t.Errorf("got %+v, want stopped at once", st)
			}
		})
	})
	t.Run("start in backoff", func(t *testing.T) {
		play(t, defaults(), []act{crashing, crashing, crashing, crashing, good}, func(s *stage) {
			s.after(4500 * time.Millisecond) // in the wait before the fourth or fifth
			s.after(0)
			if got := s.Status().State; got != Backoff {
				t.Fatalf("got %s, want backoff", got)
			}
			before := s.world.spawned()
			s.Start("start asked")
			s.after(0)
			if got := s.world.spawned(); got != before+1 {
				t.Errorf("got %d children, want one more than %d at once", got, before)
			}
		})
	})
	t.Run("restart when failed", func(t *testing.T) {
		spec := defaults()
		spec.Restart.MaxFailures, spec.Restart.FailedRetry = 1, 0
		play(t, spec, []act{crashing, good}, func(s *stage) {
			if st := s.after(time.Hour); st.State != Failed || st.NextTryAt != nil {
				t.Fatalf("got %+v, want failed for good", st)
			}
			s.Restart("restart asked")
			if st := s.after(0); st.State != Ready || st.Restarts != 0 {
				t.Errorf("got %+v, want ready, and a person's restart not counted", st)
			}
		})
	})
	t.Run("stop while starting", func(t *testing.T) {
		play(t, defaults(), []act{{ready: never, exit: never}}, func(s *stage) {
			s.after(time.Second)
			s.Stop("stop asked")
			if st := s.after(0); st.State != Stopped {
				t.Errorf("got %+v, want stopped", st)
			}
		})
	})
}

func TestRestartsFold(t *testing.T) {
	play(t, defaults(), []act{{exit: never, deaf: true}, good}, func(s *stage) {
		s.after(time.Second)
		s.Restart("one")
		s.after(time.Second)
		s.Restart("two")
		if st := s.after(0); st.State != Stopping || st.Reason != "one" {
			t.Errorf("got %+v, want stopping for the first one", st)
		}
		if st := s.after(time.Minute); st.State != Ready || st.Generation != 2 || st.Restarts != 0 {
			t.Errorf("got %+v, want the second generation and nothing counted", st)
		}
	})
}

func TestCleanExit(t *testing.T) {
	for policy, want := range map[Policy]State{OnFailure: Stopped, Never: Stopped, Always: Ready} {
		t.Run(string(policy), func(t *testing.T) {
			spec := defaults()
			spec.Restart.Policy = policy
			play(t, spec, []act{{exit: time.Minute}, good}, func(s *stage) {
				if st := s.after(time.Hour); st.State != want || st.LastExit.Class != ClassNone {
					t.Errorf("got %+v, want %s", st, want)
				}
				s.Start("start asked")
				if st := s.after(time.Second); st.State != Ready {
					t.Errorf("got %+v after a start, want ready", st)
				}
			})
		})
	}
}

func TestPolicyNever(t *testing.T) {
	spec := defaults()
	spec.Restart.Policy = Never
	play(t, spec, []act{crashing}, func(s *stage) {
		if st := s.after(time.Hour); st.State != Failed || s.world.spawned() != 1 {
			t.Errorf("got %+v after %d children, want failed after one", st, s.world.spawned())
		}
	})
}

func TestNotReadyInTime(t *testing.T) {
	play(t, defaults(), []act{{ready: never, exit: never, deaf: true}, good}, func(s *stage) {
		if st := s.after(29 * time.Second); st.State != Starting {
			t.Errorf("got %+v, want starting", st)
		}
		if st := s.after(2 * time.Second); st.State != Starting || !strings.Contains(st.Reason, "not ready after 30s: waiting for the program to listen") {
			t.Errorf("got %+v, want the reason while it is being ended", st)
		}
		st := s.after(10 * time.Second)
		if st.State != Ready || st.LastExit.Class != ClassNotReady || st.LastExit.Signal != "SIGKILL" {
			t.Errorf("got %+v, want the deaf one killed for not_ready and another one ready", st)
		}
	})
}

func TestStopKillsAfterGrace(t *testing.T) {
	play(t, defaults(), []act{{exit: never, deaf: true}}, func(s *stage) {
		s.after(time.Second)
		s.Stop("stop asked")
		if st := s.after(9 * time.Second); st.State != Stopping {
			t.Errorf("got %+v, want stopping", st)
		}
		if st := s.after(2 * time.Second); st.State != Stopped || st.LastExit.Signal != "SIGKILL" {
			t.Errorf("got %+v, want stopped by SIGKILL", st)
		}
	})
}

func TestKillEndsTheGrace(t *testing.T) {
	play(t, defaults(), []act{{exit: never, deaf: true}}, func(s *stage) {
		s.after(time.Second)
		s.Stop("stop asked")
		s.after(time.Second)
		s.Kill("kill asked")
		if st := s.after(0); st.State != Stopped {
			t.Errorf("got %+v, want stopped at once", st)
		}
	})
}

func TestGrandchildIsSweptBeforeThePairGoesBack(t *testing.T) {
	// heldPair.Release fails the test if the tree is not gone.
	play(t, defaults(), []act{{exit: time.Second, code: 1, rest: time.Hour}, good}, func(s *stage) {
		if st := s.after(1100 * time.Millisecond); st.State != Ready || st.Generation != 2 {
			t.Errorf("got %+v, want the grandchild killed and the next one ready", st)
		}
	})
}

func TestCommandNotFoundFailsAtOnce(t *testing.T) {
	missing := act{spawn: &child.SpawnError{Path: "no-such-viewer", Err: exec.ErrNotFound}}
	play(t, defaults(), []act{missing}, func(s *stage) {
		st := s.after(0)
		if st.State != Failed || !strings.Contains(st.Reason, "no-such-viewer") || s.world.spawned() != 1 {
			t.Errorf("got %+v after %d tries, want failed after one", st, s.world.spawned())
		}
		s.after(6 * time.Minute)
		if got := s.world.spawned(); got != 2 {
			t.Errorf("got %d tries after failed_retry, want 2", got)
		}
	})
}

func TestStartSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		host := Host{Slots: make(chan struct{}, 1)}
		slow := act{ready: time.Second, exit: never}
		a := enter(t, defaults(), host, []act{slow})
		synctest.Wait()
		b := enter(t, defaults(), host, []act{slow})
		if st := b.after(500 * time.Millisecond); st.State != Pending {
			t.Errorf("got %s while the only slot is taken, want pending", st.State)
		}
		if st := b.after(time.Second); st.State != Starting {
			t.Errorf("got %s once the slot is free, want starting", st.State)
		}
		c := enter(t, defaults(), host, []act{slow})
		c.after(0)
		c.Stop("stop asked")
		if st := c.after(0); st.State != Stopped || c.world.spawned() != 0 {
			t.Errorf("got %s of an instance stopped while it waits for a slot, want stopped", st.State)
		}
		a.end()
		b.end()
		c.end()
		if len(host.Slots) != 0 {
			t.Errorf("got %d slots taken at the end, want 0", len(host.Slots))
		}
	})
}
