package supervisor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/miktos/miktosctl/configs"
	"github.com/miktos/miktosctl/instance"
	"github.com/miktos/miktosctl/instance/child"
	"github.com/miktos/miktosctl/ports"
)

// lastResort is how long Run waits beyond the longest grace period before it
// reports what SIGKILL does not end.
const lastResort = 5 * time.Second

// Options is what New needs to know.
type Options struct {
	Fleet   *configs.Fleet
	Count   int      // how many instances, instead of what the fleet says; 0: as it says
	Env     []string // the environment that children start from
	Dirs    Dirs     // Runtime exists already
	Viewer  []string // argv of the built-in viewer, for places that name no command
	Version string
	Log     *slog.Logger
}

// Supervisor keeps one fleet running. All methods may be called concurrently.
type Supervisor struct {
	fleet     *configs.Fleet
	env       []string
	dirs      Dirs
	viewer    []string
	self      Self
	log       *slog.Logger
	allocator *ports.Allocator
	nursery   *child.Nursery
	host      instance.Host
	history   history

	down     chan struct{} // closed by the first Down
	downOnce sync.Once

	mu      sync.Mutex
	members []*member // in the order of their indexes
	desired int
	ending  bool
	begin   func(*member) // starts a member's life; nil before and after Run
}

// member is an instance and its life.
type member struct {
	*instance.Instance
	place   configs.Place
	cancel  context.CancelFunc // ends the life; set when it begins
	done    chan struct{}      // closed when the life is over
	leaving bool               // to be removed once it is stopped
	removed bool               // its life is being ended
}

// New plans a fleet and takes its ports. It starts nothing, and where it returns an
// error it has given everything back. Errors may have a Hint method. A supervisor
// that is not wanted after all is discarded by Run with a context that is over.
func New(o Options) (*Supervisor, error) {
	nursery, err := child.Open(o.Log)
	if err != nil {
		return nil, err
	}
	f := o.Fleet
	s := &Supervisor{
		fleet:   f,
		env:     o.Env,
		dirs:    o.Dirs,
		viewer:  o.Viewer,
		self:    Self{PID: os.Getpid(), Version: o.Version, StartedAt: time.Now()},
		log:     o.Log,
		nursery: nursery,
		history: history{fleet: f.Name},
		down:    make(chan struct{}),
		allocator: ports.NewAllocator(ports.Options{
			HTTPFallback:      f.Ports.HTTPFallback,
			WebSocketFallback: f.Ports.WebSocketFallback,
			SearchRange:       f.Ports.SearchRange,
			Reserved:          f.Ports.Reserved,
			Quarantine:        time.Duration(f.Ports.Quarantine),
			Log:               o.Log,
		}),
	}
	s.host = instance.Host{
		Ports:    s.allocator,
		Nursery:  nursery,
		Programs: remember(o.Dirs, o.Log),
		Slots:    slots(StartSlots(f)),
		Changed:  s.changed,
		Log:      o.Log,
	}
	if err := s.checkCount(o.Count); err != nil {
		nursery.Close()
		return nil, err
	}
	places := f.Places(o.Count)
	s.members, err = s.prepare(places, places)
	if err != nil {
		nursery.Close()
		return nil, err
	}
	s.desired = len(places)
	s.history.expect(s.desired)
	return s, nil
}

// maxInstances bounds a fleet by the number of pairs that there can be at all.
const maxInstances = 32000

func (s *Supervisor) checkCount(n int) error {
	if n <= maxInstances {
		return nil // prepare counts exactly
	}
	near := ports.Pair{HTTP: s.fleet.Ports.HTTP, WebSocket: s.fleet.Ports.WebSocket}
	return &CapacityError{Wanted: n, Pairs: s.allocator.Capacity([]ports.Pair{near}), Range: s.fleet.Ports.SearchRange, Near: near.HTTP}
}

// prepare takes a pair for each of the added places, in their order, and makes their
// instances: all of them or none. All are the places that the fleet will have.
func (s *Supervisor) prepare(added, all []configs.Place) (made []*member, err error) {
	wanted := make([]ports.Pair, len(all))
	for i, p := range all {
		wanted[i] = preferred(p)
	}
	if pairs := s.allocator.Capacity(wanted); pairs < len(all) {
		return nil, &CapacityError{Wanted: len(all), Pairs: pairs, Range: s.fleet.Ports.SearchRange, Near: s.fleet.Ports.HTTP}
	}
	leases := make([]*ports.Lease, 0, len(added))
	defer func() {
		if err == nil {
			return
		}
		for _, l := range leases {
			l.Release()
		}
		for _, m := range made {
			m.Discard()
		}
		for _, p := range added {
			os.RemoveAll(s.runDir(p.ID))
		}
		os.Remove(filepath.Join(s.dirs.Runtime, instancesDir)) // stays if others are in it
		made = nil
	}()
	for _, p := range added {
		l, err := s.allocator.Acquire(ports.Request{Preferred: preferred(p), Owner: s.fleet.Name + "/" + p.ID})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.ID, err)
		}
		leases = append(leases, l)
	}
	for _, p := range added {
		spec := s.spec(p)
		if err := os.MkdirAll(spec.RunDir, 0o700); err != nil {
			return made, err
		}
		i, err := instance.New(spec, leases[0], s.host)
		leases = leases[1:]
		if err != nil {
			return made, err
		}
		made = append(made, &member{Instance: i, place: p, done: make(chan struct{})})
	}
	return made, nil
}

// Run starts the fleet and keeps it until ctx ends or Down is called; then it ends
// the fleet and returns when nothing of it is left. It must be called once.
func (s *Supervisor) Run(ctx context.Context) error {
	// Lives end on their own context, not on ctx: Down ends them, too.
	lives, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	if ctx.Err() != nil {
		end() // before anything has begun: nothing does
	}
	var wg sync.WaitGroup

	s.mu.Lock()
	s.begin = func(m *member) {
		life, cancel := context.WithCancel(lives)
		m.cancel = cancel
		wg.Go(func() {
			defer cancel()
			m.Run(life)
			os.RemoveAll(s.runDir(m.ID()))
			s.remove(m)
			close(m.done)
		})
	}
	for _, m := range s.members {
		s.begin(m)
	}
	s.mu.Unlock()

	select {
	case <-ctx.Done():
	case <-s.down:
	}

	s.mu.Lock()
	s.begin, s.ending = nil, true
	grace := s.longestGrace()
	s.mu.Unlock()
	s.history.add(Event{Type: EventEnding})
	end()
	err := s.await(&wg, grace+lastResort)
	s.history.close()
	if err == nil {
		s.nursery.Close()
		os.Remove(filepath.Join(s.dirs.Runtime, instancesDir))
	}
	return err
}

// await waits until every life is over. Survivors of SIGKILL cannot be waited for:
// after the bound they are reported, and their goroutines are left to the process.
func (s *Supervisor) await(wg *sync.WaitGroup, bound time.Duration) error {
	over := make(chan struct{})
	go func() {
		wg.Wait()
		close(over)
	}()
	timer := time.NewTimer(bound)
	defer timer.Stop()
	select {
	case <-over:
		return nil
	case <-timer.C:
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	survivors := map[string][]int{}
	for _, m := range s.members {
		if pids := m.Pids(); len(pids) > 0 {
			survivors[m.ID()] = pids
		}
	}
	if len(survivors) == 0 {
		return errors.New("every process is gone, but a log could not be written to its end")
	}
	return &UnstoppedError{Survivors: survivors}
}

func (s *Supervisor) longestGrace() time.Duration {
	var longest time.Duration
	for _, m := range s.members {
		longest = max(longest, time.Duration(m.place.Stop.Timeout))
	}
	return longest
}

// remove forgets a member whose life is over, where it was to leave.
func (s *Supervisor) remove(m *member) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(s.members, m); i >= 0 && m.leaving {
		s.members = slices.Delete(s.members, i, i+1)
		// Under the lock, so that a place that is wanted again is told of later.
		s.history.add(Event{Type: EventRemoved, Instance: m.ID()})
	}
}
