package instance

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miktos/miktosctl/instance/child"
	"github.com/miktos/miktosctl/instance/output"
	"github.com/miktos/miktosctl/ports"
)

// never is a thing that a simulated child does not do.
const never = time.Duration(-1)

// act is what one simulated child does, in time after its spawn.
type act struct {
	spawn    error         // instead of all the rest
	ready    time.Duration // never: not at all
	prove    error         // what proving ends with, at the time of ready
	exit     time.Duration // by itself
	code     int
	deaf     bool          // to the stop signal
	rest     time.Duration // how long a grandchild outlives the leader
	print    string        // at once
	plain    bool          // another hold is left to try
	bound    int           // how many of its ports it listens on
	astray   string        // what elsewhere says
	stranger *ConflictError
	sick     func(since time.Duration) error // liveness, since ready
}

var (
	good     = act{exit: never}
	crashing = act{ready: never, exit: 10 * time.Millisecond, code: 3}
)

// world is a simulated outside.
type world struct {
	t    *testing.T
	acts []act // of the children in their order; the last one goes on for ever

	mu       sync.Mutex
	next     int
	held     map[ports.Pair]bool
	requests []ports.Request
	children []*actor
	inst     *Instance
}

func (w *world) acquire(r ports.Request) (lease, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.requests = append(w.requests, r)
	w.next += 10
	pair := ports.Pair{HTTP: 8070 + w.next, WebSocket: 8071 + w.next}
	if w.held == nil {
		w.held = map[ports.Pair]bool{}
	}
	w.held[pair] = true
	return &heldPair{w, pair}, nil
}

type heldPair struct {
	w    *world
	pair ports.Pair
}

func (h *heldPair) Pair() ports.Pair { return h.pair }
func (h *heldPair) Hold() string     { return "guard" }
func (h *heldPair) Release() {
	h.w.mu.Lock()
	defer h.w.mu.Unlock()
	if !h.w.held[h.pair] {
		h.w.t.Errorf("pair %v released twice", h.pair)
	}
	delete(h.w.held, h.pair)
	for _, c := range h.w.children {
		if c.pair == h.pair && !c.finished {
			h.w.t.Errorf("pair %v released before its child was gone", h.pair)
		}
	}
}

func (w *world) leases() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.held)
}

func (w *world) spawned() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.children)
}

// actor is a simulated child.
type actor struct {
	act      act
	pair     ports.Pair
	pid      int
	born     time.Time
	signals  chan syscall.Signal
	exited   chan struct{}
	gone     chan struct{}
	kill     chan struct{}
	killOnce sync.Once
	exit     child.Exit
	finished bool
	w        *world
}

func (w *world) launch(_ Launch, l lease, generation int, _ *output.Log) (process, error) {
	w.mu.Lock()
	n := len(w.children)
	a := w.acts[min(n, len(w.acts)-1)]
	for _, c := range w.children {
		if !c.finished {
			w.t.Errorf("child %d spawned while child %d lives", n, c.pid)
		}
	}
	c := &actor{act: a, pair: l.Pair(), pid: 100 + n, born: time.Now(), w: w, finished: a.spawn != nil,
		signals: make(chan syscall.Signal, 8), exited: make(chan struct{}), gone: make(chan struct{}), kill: make(chan struct{})}
	w.children = append(w.children, c)
	w.mu.Unlock()
	if a.spawn != nil {
		return nil, a.spawn
	}
	if a.print != "" {
		w.inst.line(output.Line{Text: a.print, Generation: generation})
	}
	go c.run()
	return c, nil
}

func (c *actor) run() {
	var own <-chan time.Time
	if c.act.exit >= 0 {
		own = time.After(c.act.exit)
	}
	c.exit = child.Exit{Code: -1, Signal: syscall.SIGKILL}
	for alive := true; alive; {
		select {
		case <-own:
			c.exit, alive = child.Exit{Code: c.act.code}, false
		case s := <-c.signals:
			if !c.act.deaf {
				c.exit, alive = child.Exit{Code: -1, Signal: s}, false
			}
		case <-c.kill:
			alive = false
		}
	}
	c.exit.At = time.Now()
	close(c.exited)
	if c.act.rest > 0 {
		select {
		case <-time.After(c.act.rest):
		case <-c.kill:
		}
	}
	close(c.gone)
}

func (c *actor) PID() int                { return c.pid }
func (c *actor) Pids() []int             { return []int{c.pid} }
func (c *actor) Exited() <-chan struct{} { return c.exited }
func (c *actor) Exit() child.Exit        { return c.exit }
func (c *actor) Gone() <-chan struct{}   { return c.gone }
func (c *actor) Kill()                   { c.killOnce.Do(func() { close(c.kill) }) }
func (c *actor) Signal(s syscall.Signal) error {
	c.signals <- s
	return nil
}
func (c *actor) Finish() {
	select {
	case <-c.gone:
	default:
		c.w.t.Error("output finished before the tree was gone")
	}
	c.w.mu.Lock()
	c.finished = true
	c.w.mu.Unlock()
}

func (w *world) prove(ctx context.Context, p process, _ ports.Pair, waiting func(string)) (func(), error) {
	c := p.(*actor)
	waiting("waiting for the program to listen")
	var at <-chan time.Time
	if c.act.ready >= 0 {
		at = time.After(c.act.ready)
	}
	select {
	case <-at:
		return func() {}, c.act.prove
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (w *world) check(_ context.Context, p process, _ ports.Pair) error {
	c := p.(*actor)
	if c.act.sick == nil {
		return nil
	}
	return c.act.sick(time.Since(c.born) - c.act.ready)
}

func (w *world) concede(lease) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.children[len(w.children)-1].act.plain
}

func (w *world) bound(p process, _ ports.Pair) int { return p.(*actor).act.bound }

func (w *world) foreign(p process, _ ports.Pair) *ConflictError { return p.(*actor).act.stranger }
func (w *world) elsewhere(p process, _ ports.Pair) string       { return p.(*actor).act.astray }

// step is a published state with its time since the start.
type step struct {
	at     time.Duration
	state  State
	class  Class
	reason string
}

func (s step) String() string { return fmt.Sprintf("%v %s %s %q", s.at, s.state, s.class, s.reason) }

// stage runs one instance in a world, in simulated time.
type stage struct {
	*Instance
	world *world
	end   func() // ends the life and waits for it
	mu    sync.Mutex
	steps []step
}

func defaults() Spec {
	return Spec{
		Fleet: "test", ID: "viewer-1", Index: 1, Host: "127.0.0.1",
		Preferred: ports.Pair{HTTP: 8080, WebSocket: 8081},
		Launch:    func(ports.Pair, int) Launch { return Launch{} },
		Restart: Restart{Policy: OnFailure, Delay: time.Second, MaxDelay: time.Minute, MaxFailures: 8,
			FailedRetry: 5 * time.Minute, StableAfter: time.Minute},
		Probe: Probe{HTTP: "/", WebSocket: "/", StartTimeout: 30 * time.Second, Interval: 5 * time.Second,
			Timeout: 2 * time.Second, Failures: 3},
		Stop:          Stop{Signal: syscall.SIGTERM, Timeout: 10 * time.Second},
		RetryAttempts: 3,
	}
}

// play runs f beside an instance whose children act as given. In it, time stands
// still while anybody has something to do.
func play(t *testing.T, spec Spec, acts []act, f func(*stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := enter(t, spec, Host{}, acts)
		f(s)
		s.end()
		if n := s.world.leases(); n != 0 {
			t.Errorf("got %d pairs still leased at the end, want 0", n)
		}
		if got := s.Status().State; got != Stopped {
			t.Errorf("got state %s at the end, want stopped", got)
		}
	})
}

func enter(t *testing.T, spec Spec, host Host, acts []act) *stage {
	w := &world{t: t, acts: acts}
	s := &stage{world: w}
	begun := time.Now()
	host.Log = slog.New(slog.DiscardHandler)
	host.Changed = func(c Change) {
		if c.From != c.Status.State {
			if err := checkStep(c.From, c.Status.State); err != nil {
				t.Error(err)
			}
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.steps = append(s.steps, step{time.Since(begun), c.Status.State, c.Class, c.Status.Reason})
	}
	s.Instance = newInstance(spec, w, host)
	w.inst = s.Instance
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan struct{})
	go func() {
		s.Run(ctx)
		close(over)
	}()
	s.end = sync.OnceFunc(func() { cancel(); <-over })
	return s
}

// after lets simulated time pass and everybody settle.
func (s *stage) after(d time.Duration) Status {
	time.Sleep(d)
	synctest.Wait()
	return s.Status()
}

func (s *stage) trace() (states []State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, st := range s.steps {
		if i == 0 || s.steps[i-1].state != st.state {
			states = append(states, st.state)
		}
	}
	return states
}

// times returns when a state was entered.
func (s *stage) times(of State) (at []time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, st := range s.steps {
		if st.state == of {
			at = append(at, st.at)
		}
	}
	return at
}

var errSick = errors.New("no HTTP answer on port 8080: timed out")
