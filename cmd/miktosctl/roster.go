package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/miktos/miktosctl/instance"
	"github.com/miktos/miktosctl/supervisor"
)

// roster is what is known of each instance of a fleet: a status, and what the events
// after it said.
type roster struct {
	seats  []*seat
	ending bool
	ender  *supervisor.Actor // who asked for the end; nil: nobody that is known
}

type seat struct {
	instance.Status
	ordered bool // an order went to it since the roster was begun
	moved   bool // and it did something since
}

func newRoster(s supervisor.Status) *roster {
	r := &roster{}
	for _, one := range s.Instances {
		r.seats = append(r.seats, &seat{Status: one})
	}
	return r
}

func (r *roster) find(id string) *seat {
	for _, s := range r.seats {
		if s.ID == id {
			return s
		}
	}
	return nil
}

// apply takes in what an event says.
func (r *roster) apply(e supervisor.Event) {
	switch e.Type {
	case supervisor.EventEnding:
		r.ending = true
		return
	case supervisor.EventRemoved:
		r.seats = slices.DeleteFunc(r.seats, func(s *seat) bool { return s.ID == e.Instance })
		return
	}
	if e.Type == supervisor.EventAction && e.Instance == "" && e.Reason == "down" {
		r.ender = e.By
	}
	if e.Instance == "" {
		return
	}
	s := r.find(e.Instance)
	if s == nil {
		s = &seat{Status: instance.Status{ID: e.Instance, Index: len(r.seats) + 1, State: instance.Pending}}
		r.seats = append(r.seats, s)
	}
	switch e.Type {
	case supervisor.EventAction:
		s.ordered, s.moved = true, false
	case supervisor.EventState:
		s.moved = s.ordered
		s.State, s.Reason = e.To, e.Reason
		s.PID, s.Generation = e.PID, e.Generation
		s.HTTPPort, s.WSPort = e.HTTPPort, e.WSPort
	}
}

// catchUp takes in a status after events were missed. What was ordered was carried
// out, for all that is known.
func (r *roster) catchUp(s supervisor.Status) {
	r.seats = newRoster(s).seats
	for _, seat := range r.seats {
		seat.ordered, seat.moved = true, true
	}
}

// only leaves those with these names in the roster, all if there are none.
func (r *roster) only(ids []string) []*seat {
	if len(ids) == 0 {
		return r.seats
	}
	var some []*seat
	for _, id := range ids {
		if s := r.find(id); s != nil {
			some = append(some, s)
		}
	}
	return some
}

func count(seats []*seat, states ...instance.State) int {
	n := 0
	for _, s := range seats {
		if slices.Contains(states, s.State) {
			n++
		}
	}
	return n
}

// starting renders how far the way up is, for a progress line.
func starting(seats []*seat) string {
	text := fmt.Sprintf("starting %d/%d ready", count(seats, instance.Ready), len(seats))
	var troubles []string
	for _, s := range seats {
		switch s.State {
		case instance.Backoff, instance.Failed, instance.Degraded:
			troubles = append(troubles, s.trouble())
		}
	}
	return strings.Join(append([]string{text}, troubles...), " · ")
}

// stopping renders how far the way down is.
func stopping(seats []*seat) string {
	return fmt.Sprintf("stopping %d/%d stopped", count(seats, instance.Stopped), len(seats))
}

// trouble says why an instance is not ready.
func (s *seat) trouble() string {
	if s.Reason == "" {
		return fmt.Sprintf("%s is %s", s.ID, s.State)
	}
	return fmt.Sprintf("%s is %s: %s", s.ID, s.State, s.Reason)
}

func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
