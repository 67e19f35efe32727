package ports

import (
	"log/slog"
	"slices"
	"sync"
	"time"
)

// Allocator leases pairs by one set of rules. Use one per process: leases of several
// exclude each other only where the kernel holds them. It is safe for concurrent use.
type Allocator struct {
	options    Options
	log        *slog.Logger
	newClaimer func() claimer

	mu     sync.Mutex
	barred portSet // by the rules, for ever
	leased portSet
	leases map[*Lease]struct{}
	rest   quarantine
	busy   recent
	told   map[int]identity // who was last reported on a preferred port
}

// NewAllocator returns an Allocator without leases. It keeps no socket of its own.
func NewAllocator(options Options) *Allocator {
	options.HTTPFallback = slices.Clone(options.HTTPFallback)
	options.WebSocketFallback = slices.Clone(options.WebSocketFallback)
	options.Reserved = slices.Clone(options.Reserved)
	a := &Allocator{
		options:    options,
		log:        options.Log,
		newClaimer: newClaimer,
		leases:     make(map[*Lease]struct{}),
		rest:       quarantine{period: options.Quarantine},
		told:       make(map[int]identity),
	}
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	for port := range lowest {
		a.barred.add(port)
	}
	for _, port := range options.Reserved {
		if valid(port) {
			a.barred.add(port)
		}
	}
	return a
}

// valid tells whether a number can be a leased port at all.
func valid(port int) bool { return lowest <= port && port <= highest }

// Acquire leases the first pair that the rules allow and nobody has, both ports or
// none:
//
//  1. the preferred pair;
//  2. the fallback lists walked together, then any mix of the two;
//  3. the search range around each preferred port, nearest first, upwards first.
//
// Never leased are ports below 1024, reserved ones, and the same number twice. Ports
// that rest are taken when nothing else is left, the longest rested first, and those of
// Request.Avoid after them. The error is an *ExhaustedError, or what the kernel said
// when sockets cannot be had at all.
func (a *Allocator) Acquire(request Request) (*Lease, error) {
	lease, held, err := a.acquire(request)
	if err != nil {
		return nil, err
	}
	a.announce(lease, request.Preferred, held)
	return lease, nil
}

// acquire also returns which of the preferred ports strangers hold.
func (a *Allocator) acquire(request Request) (*Lease, []int, error) {
	a.mu.Lock()
	s := a.newSearch(request.Preferred, request.Avoid)
	pair, guards, err := s.pair()
	s.end()
	if err != nil {
		a.mu.Unlock()
		return nil, nil, err
	}
	if pair == (Pair{}) {
		census := a.census(request.Preferred)
		a.mu.Unlock()
		return nil, nil, census.explain() // looks for the holders, which takes its time
	}
	lease := &Lease{
		allocator: a, pair: pair, owner: request.Owner, since: s.now,
		hold: s.claimer.hold(), guards: guards,
	}
	a.leases[lease] = struct{}{}
	for _, port := range []int{pair.HTTP, pair.WebSocket} {
		a.leased.add(port)
		a.rest.take(port)
		delete(a.told, port)
	}
	held := s.foreign()
	a.mu.Unlock()
	return lease, held, nil
}

// giveBack books a lease out; its guards are closed already.
func (a *Allocator) giveBack(l *Lease) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.leases, l)
	now := time.Now()
	a.rest.expire(now)
	for _, port := range []int{l.pair.HTTP, l.pair.WebSocket} {
		a.leased.remove(port)
		a.rest.put(port, now)
	}
}

// Leases returns the pairs that are leased now, by their HTTP port.
func (a *Allocator) Leases() []*Lease {
	a.mu.Lock()
	defer a.mu.Unlock()
	leases := make([]*Lease, 0, len(a.leases))
	for l := range a.leases {
		leases = append(leases, l)
	}
	slices.SortFunc(leases, func(x, y *Lease) int { return x.pair.HTTP - y.pair.HTTP })
	return leases
}

// Available tells whether port could be leased at this moment: the rules allow it, it
// is not leased here, and an exclusive bind succeeds. That it rests does not count. The
// answer may be wrong a moment later; only a Lease is a promise.
func (a *Allocator) Available(port int) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !valid(port) || a.barred.has(port) || a.leased.has(port) {
		return false
	}
	return probe(a.newClaimer(), port) == nil
}

// Find returns a port that could be leased at this moment: near itself, the first of
// the HTTP fallback list, or the nearest within the search range. Like Available it is
// advice. The error is an *ExhaustedError, or what the kernel said.
func (a *Allocator) Find(near int) (int, error) {
	a.mu.Lock()
	s := a.newSearch(Pair{HTTP: near}, Pair{})
	port, err := s.single()
	s.end()
	if err != nil || port != 0 {
		a.mu.Unlock()
		return port, err
	}
	census := a.census(Pair{HTTP: near})
	a.mu.Unlock()
	return 0, census.explain()
}

// Capacity returns how many pairs the rules could ever give to requests with these
// preferences, if no other program held a port.
func (a *Allocator) Capacity(preferred []Pair) int {
	var http, webSocket portSet
	for _, p := range preferred {
		a.reach(&http, p.HTTP, a.options.HTTPFallback)
		a.reach(&webSocket, p.WebSocket, a.options.WebSocketFallback)
	}
	capacity := min(http.size(), webSocket.size())
	http.union(&webSocket)
	return min(capacity, http.size()/2)
}

// reach adds every port to which the rules can come from one preferred number. The
// barred set does not change, so no lock is needed.
func (a *Allocator) reach(set *portSet, preferred int, fallback []int) {
	add := func(port int) {
		if valid(port) && !a.barred.has(port) {
			set.add(port)
		}
	}
	add(preferred)
	for _, port := range fallback {
		add(port)
	}
	if !valid(preferred) {
		return
	}
	for port := max(preferred-a.options.SearchRange, lowest); port <= min(preferred+a.options.SearchRange, highest); port++ {
		add(port)
	}
}
