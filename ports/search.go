package ports

import (
	"errors"
	"iter"
	"slices"
	"time"
)

// search is one walk over the rules, under the Allocator's lock. It takes ports from
// the kernel as it goes, so what it finds is ours already.
type search struct {
	*Allocator
	claimer   claimer
	now       time.Time
	preferred Pair
	avoid     Pair
	queued    int   // how far into the quarantine this search has reached
	lifted    []int // taken out of it
}

// newSearch forgets what is known about the ports that stand in the rules by number: a
// preferred port that came free a moment ago is taken.
func (a *Allocator) newSearch(preferred, avoid Pair) *search {
	s := &search{Allocator: a, claimer: a.newClaimer(), now: time.Now(), preferred: preferred, avoid: avoid}
	a.rest.expire(s.now)
	a.busy.begin(s.now)
	a.busy.forget(preferred.HTTP, preferred.WebSocket)
	a.busy.forget(a.options.HTTPFallback...)
	a.busy.forget(a.options.WebSocketFallback...)
	return s
}

// end lays the ports that were not taken after all to rest again.
func (s *search) end() {
	s.claimer.close()
	for _, port := range s.lifted {
		if !s.leased.has(port) {
			s.rest.resting.add(port)
		}
	}
}

// pair finds a pair and takes it; the zero Pair if there is none.
func (s *search) pair() (Pair, [2]guard, error) {
	var guards [2]guard
	pair, err := persist(s, func() (Pair, error) {
		pair, g, err := s.walk()
		guards = g
		return pair, err
	})
	return pair, guards, err
}

// single finds one port and gives it up again; 0 if there is none.
func (s *search) single() (int, error) {
	listed := slices.Concat([]int{s.preferred.HTTP}, s.options.HTTPFallback)
	return persist(s, func() (int, error) {
		for _, ports := range []iter.Seq[int]{slices.Values(listed), s.around(s.preferred.HTTP)} {
			for port := range ports {
				g, err := s.claim(port)
				if err == nil {
					g.close()
					return port, nil
				} else if !errors.Is(err, errBusy) {
					return 0, err
				}
			}
		}
		return 0, nil
	})
}

// persist repeats a walk with ever fewer wishes until it finds something: with fresh
// eyes for the ports that were busy a moment ago, with the ports that rest, one after
// the other, and then with one and at last both of those to avoid.
func persist[T comparable](s *search, walk func() (T, error)) (T, error) {
	var none T
	if found, err := walk(); found != none || err != nil {
		return found, err
	}
	s.busy.clear()
	for {
		if found, err := walk(); found != none || err != nil {
			return found, err
		}
		if !s.lift() {
			break
		}
	}
	avoid := s.avoid
	for _, s.avoid = range []Pair{{WebSocket: avoid.WebSocket}, {HTTP: avoid.HTTP}, {}} {
		if found, err := walk(); found != none || err != nil {
			return found, err
		}
	}
	return none, nil
}

// lift takes the port that has rested longest out of quarantine; false if none is left.
func (s *search) lift() bool {
	for s.queued < len(s.rest.queue) {
		r := s.rest.queue[s.queued]
		s.queued++
		if s.rest.current(r) {
			s.rest.resting.remove(r.port)
			s.lifted = append(s.lifted, r.port)
			return true
		}
	}
	return false
}

// walk goes through the rules once, in their order.
func (s *search) walk() (Pair, [2]guard, error) {
	one := func(port int) iter.Seq[int] {
		return func(yield func(int) bool) { yield(port) }
	}
	pair, guards, err := s.cross(one(s.preferred.HTTP), one(s.preferred.WebSocket))
	if pair != (Pair{}) || err != nil {
		return pair, guards, err
	}
	https, webSockets := s.options.HTTPFallback, s.options.WebSocketFallback
	for i := range min(len(https), len(webSockets)) {
		pair, guards, err = s.cross(one(https[i]), one(webSockets[i]))
		if pair != (Pair{}) || err != nil {
			return pair, guards, err
		}
	}
	pair, guards, err = s.cross(slices.Values(https), slices.Values(webSockets))
	if pair != (Pair{}) || err != nil {
		return pair, guards, err
	}
	return s.cross(s.around(s.preferred.HTTP), s.around(s.preferred.WebSocket))
}

// cross takes the first free port of each side, both or none.
func (s *search) cross(https, webSockets iter.Seq[int]) (Pair, [2]guard, error) {
	for http := range https {
		held, err := s.claim(http)
		if errors.Is(err, errBusy) {
			continue
		} else if err != nil {
			return Pair{}, [2]guard{}, err
		}
		for webSocket := range webSockets {
			if webSocket == http {
				continue
			}
			g, err := s.claim(webSocket)
			if err == nil {
				return Pair{HTTP: http, WebSocket: webSocket}, [2]guard{held, g}, nil
			} else if !errors.Is(err, errBusy) {
				held.close()
				return Pair{}, [2]guard{}, err
			}
		}
		// Another HTTP port may still do: this one may have been the last free number
		// on the other side.
		held.close()
	}
	return Pair{}, [2]guard{}, nil
}

// around yields the free ports within the search range, nearest first.
func (s *search) around(centre int) iter.Seq[int] {
	return func(yield func(int) bool) {
		if !valid(centre) {
			return
		}
		walk := newSpiral(centre, s.options.SearchRange, s.blocked)
		for port := walk.next(); port != 0 && yield(port); port = walk.next() {
		}
	}
}

// blocked returns word i of the set of ports that are not worth a system call.
func (s *search) blocked(i int) uint64 {
	return s.barred[i] | s.leased[i] | s.rest.resting[i] | s.busy.ports[i]
}

// claim takes a port from the kernel if the rules allow it. The error is errBusy for
// every reason that leaves other ports to try.
func (s *search) claim(port int) (guard, error) {
	if !valid(port) || port == s.avoid.HTTP || port == s.avoid.WebSocket ||
		s.blocked(port>>6)&(1<<(port&63)) != 0 {
		return noGuard, errBusy
	}
	g, err := s.claimer.claim(port)
	if errors.Is(err, errBusy) && s.listed(port) {
		g, err = s.claimer.reclaim(port)
	}
	if errors.Is(err, errBusy) {
		s.busy.add(port, s.now)
	}
	return g, err
}

// listed tells whether port stands in the rules by number. Such a one is worth the
// trouble of a closer look: a fleet that is started again a moment after its end is
// to get the ports that people know.
func (s *search) listed(port int) bool {
	return port == s.preferred.HTTP || port == s.preferred.WebSocket ||
		slices.Contains(s.options.HTTPFallback, port) || slices.Contains(s.options.WebSocketFallback, port)
}

// foreign returns which of the preferred ports were found in other hands by this
// search, and not in ours.
func (s *search) foreign() []int {
	var held []int
	for _, port := range []int{s.preferred.HTTP, s.preferred.WebSocket} {
		if valid(port) && s.busy.ports.has(port) && !slices.Contains(held, port) {
			held = append(held, port)
		}
	}
	return held
}
