package instance

import (
	"strings"
	"testing"
	"time"

	"github.com/miktos/miktosctl/ports"
)

func TestPortConflictIsNoCrash(t *testing.T) {
	stolen := act{exit: never, prove: &ConflictError{Port: 8081, Holder: ports.Holder{Port: 8081, PID: 42, Process: "thief"}}}
	play(t, defaults(), []act{stolen, stolen, stolen, good}, func(s *stage) {
		st := s.after(0)
		if st.State != Ready || st.PortRetries != 3 || st.Restarts != 0 || st.Generation != 4 {
			t.Errorf("got %+v, want ready on the fourth pair, at once, no restart counted", st)
		}
		if st.LastExit.Class != ClassPortConflict || !strings.Contains(st.LastExit.Reason, "thief") {
			t.Errorf("got %+v, want a port conflict that names the thief", st.LastExit)
		}
	})
	// Beyond the attempts it is a failure like any other.
	play(t, defaults(), []act{stolen}, func(s *stage) {
		s.after(time.Second / 2)
		if got := s.Status(); got.State != Backoff || got.Restarts != 1 {
			t.Errorf("got %+v, want backoff", got)
		}
	})
}

func TestConflictIsReadFromTheOutput(t *testing.T) {
	const line = "OSError: [Errno 98] Address already in use"
	t.Run("and the exit", func(t *testing.T) {
		play(t, defaults(), []act{{ready: never, exit: time.Second, code: 1, print: line}, good}, func(s *stage) {
			if st := s.after(time.Second); st.State != Ready || st.LastExit.Class != ClassPortConflict || st.Restarts != 0 {
				t.Errorf("got %+v %+v, want a port conflict cured", st, st.LastExit)
			}
		})
	})
	t.Run("and life with half of it dead", func(t *testing.T) {
		play(t, defaults(), []act{{ready: never, exit: never, print: line, bound: 1}, good}, func(s *stage) {
			if st := s.after(2 * time.Second); st.State != Ready || st.LastExit.Class != ClassPortConflict {
				t.Errorf("got %+v, want cured within two seconds", st)
			}
		})
	})
	t.Run("but not of a child that becomes ready all the same", func(t *testing.T) {
		play(t, defaults(), []act{{ready: 400 * time.Millisecond, exit: 2 * time.Second, code: 1, print: line}, good}, func(s *stage) {
			if st := s.after(3 * time.Second); st.LastExit == nil || st.LastExit.Class != ClassCrash {
				t.Errorf("got %+v, want a crash", st)
			}
		})
	})
	t.Run("or from who listens", func(t *testing.T) {
		thief := &ConflictError{Port: 8080, Holder: ports.Holder{Process: "thief"}}
		play(t, defaults(), []act{{ready: never, exit: time.Second, code: 1, stranger: thief}, good}, func(s *stage) {
			if st := s.after(time.Second); st.State != Ready || st.LastExit.Class != ClassPortConflict {
				t.Errorf("got %+v, want a port conflict cured", st)
			}
		})
	})
}

func TestProgramThatCannotBindOverTheGuardKeepsItsPair(t *testing.T) {
	const line = "OSError: [Errno 98] Address already in use"
	deaf := act{ready: never, exit: never, print: line, plain: true, bound: 1}
	plain := act{ready: never, exit: time.Millisecond, code: 1, print: line, plain: true}
	for name, first := range map[string]act{"exits": plain, "lives on": deaf} {
		t.Run(name, func(t *testing.T) {
			play(t, defaults(), []act{first, good}, func(s *stage) {
				st := s.after(2 * time.Second)
				if st.State != Ready || st.HTTPPort != 8080 || st.Generation != 2 || st.Restarts != 0 || st.PortRetries != 0 {
					t.Errorf("got %+v, want ready on the same pair, nothing counted", st)
				}
			})
		})
	}
	// Not where a stranger is to blame.
	thief := &ConflictError{Port: 8080, Holder: ports.Holder{Process: "thief"}}
	plain.stranger, deaf.stranger = thief, thief
	play(t, defaults(), []act{plain, deaf, good}, func(s *stage) {
		if st := s.after(2 * time.Second); st.State != Ready || st.PortRetries != 2 {
			t.Errorf("got %+v, want two other pairs", st)
		}
	})
}

func TestMisboundIsToldAtOnceAndEndsAtTheTimeout(t *testing.T) {
	where := "the program listens on port 9999 instead of 8080"
	play(t, defaults(), []act{{ready: never, exit: never, astray: where}, good}, func(s *stage) {
		if st := s.after(time.Second); st.State != Starting || st.Reason != where {
			t.Errorf("got %+v, want %q within a second", st, where)
		}
		if st := s.after(30 * time.Second); st.State != Ready || st.LastExit.Class != ClassMisbound {
			t.Errorf("got %+v, want misbound as the class", st)
		}
	})
}

func TestHealth(t *testing.T) {
	t.Run("degraded and back", func(t *testing.T) {
		sick := func(since time.Duration) error {
			if since < 22*time.Second {
				return errSick
			}
			return nil
		}
		play(t, defaults(), []act{{exit: never, sick: sick}}, func(s *stage) {
			if st := s.after(16 * time.Second); st.State != Degraded || st.Reason != errSick.Error() {
				t.Errorf("got %+v, want degraded after three misses", st)
			}
			if st := s.after(14 * time.Second); st.State != Ready || st.Generation != 1 {
				t.Errorf("got %+v, want ready again without a restart", st)
			}
		})
	})
	t.Run("restarted", func(t *testing.T) {
		sick := func(time.Duration) error { return errSick }
		play(t, defaults(), []act{{exit: never, sick: sick}, good}, func(s *stage) {
			if st := s.after(31 * time.Second); st.State != Ready || st.LastExit.Class != ClassUnhealthy || st.Restarts != 1 {
				t.Errorf("got %+v, want a restart for being unhealthy", st)
			}
		})
	})
}
