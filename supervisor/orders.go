package supervisor

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/miktos/miktosctl/instance"
	"github.com/miktos/miktosctl/instance/output"
)

// Subscribe returns the events after number after, or only new ones if it is 0. The
// channel is closed when ctx ends, when the fleet is gone, or when the reader is so
// far behind that events would have to wait for it.
func (s *Supervisor) Subscribe(ctx context.Context, after uint64) <-chan Event {
	return s.history.subscribe(ctx, after)
}

// Output returns what an instance printed, nil if there is no such instance.
func (s *Supervisor) Output(id string) *output.Log {
	if m := s.member(id); m != nil {
		return m.Output()
	}
	return nil
}

func (s *Supervisor) member(id string) *member {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.members {
		if m.ID() == id {
			return m
		}
	}
	return nil
}

// Resolve turns words into the ids of instances, each once, in the order of the
// words. A word is a name, an index, or the beginning of exactly one name. The error
// is an [UnknownInstanceError].
func (s *Supervisor) Resolve(words []string) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := make([]string, len(s.members))
	for i, m := range s.members {
		known[i] = m.ID()
	}
	var ids []string
	for _, word := range words {
		id, err := resolve(word, s.members, known)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

func resolve(word string, members []*member, known []string) (string, error) {
	if slices.Contains(known, word) {
		return word, nil
	}
	if index, err := strconv.Atoi(word); err == nil {
		for _, m := range members {
			if m.place.Index == index {
				return m.ID(), nil
			}
		}
	}
	var like []string
	for _, id := range known {
		if word != "" && strings.HasPrefix(id, word) {
			like = append(like, id)
		}
	}
	if len(like) == 1 {
		return like[0], nil
	}
	return "", &UnknownInstanceError{Word: word, Candidates: like, Known: known}
}

// Start starts the instances that are stopped, waiting or failed, at once.
func (s *Supervisor) Start(ids []string, by Actor) error {
	return s.order("start", ids, by, (*instance.Instance).Start)
}

// Stop stops instances until they are started again.
func (s *Supervisor) Stop(ids []string, by Actor) error {
	return s.order("stop", ids, by, (*instance.Instance).Stop)
}

// Restart gives instances another child on a fresh pair. Several restarts of one
// instance fold into one while its child is still being ended.
func (s *Supervisor) Restart(ids []string, by Actor) error {
	return s.order("restart", ids, by, (*instance.Instance).Restart)
}

// order gives every one of the instances an order, or none if one is unknown.
func (s *Supervisor) order(verb string, ids []string, by Actor, give func(*instance.Instance, string)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ending {
		return ErrEnding
	}
	chosen := make([]*member, 0, len(ids))
	for _, id := range ids {
		i := slices.IndexFunc(s.members, func(m *member) bool { return m.ID() == id && !m.leaving })
		if i < 0 {
			return &UnknownInstanceError{Word: id, Known: s.staying()}
		}
		chosen = append(chosen, s.members[i])
	}
	why := fmt.Sprintf("%s asked by %s", verb, by)
	for _, m := range chosen {
		s.history.add(Event{Type: EventAction, Instance: m.ID(), Reason: verb, By: &by})
		give(m.Instance, why)
	}
	return nil
}

// staying returns the ids of the members that are not leaving.
func (s *Supervisor) staying() []string {
	var ids []string
	for _, m := range s.members {
		if !m.leaving {
			ids = append(ids, m.ID())
		}
	}
	return ids
}

// Scale changes how many instances there are. More are added at the end and started;
// fewer: those with the highest indexes are stopped and removed. It returns when the
// change is under way.
func (s *Supervisor) Scale(n int, by Actor) error {
	if n < 1 {
		return fmt.Errorf("scale to %d: a fleet has at least one instance", n)
	}
	if err := s.checkCount(n); err != nil {
		return err
	}
	for {
		leaver, err := s.scale(n, by)
		if leaver == nil {
			return err
		}
		// A place is wanted again while its last life is being ended: that takes
		// no longer than closing its log.
		<-leaver.done
	}
}

// scale does it, or returns the member that must be gone first.
func (s *Supervisor) scale(n int, by Actor) (leaver *member, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.ending:
		return nil, ErrEnding
	case s.begin == nil:
		return nil, ErrNotBegun
	}
	why := fmt.Sprintf("scale to %d asked by %s", n, by)
	places := s.fleet.Places(n)
	there := map[string]*member{}
	for _, m := range s.members {
		there[m.ID()] = m
	}
	added := places[:0:0]
	for _, p := range places {
		m := there[p.ID]
		switch {
		case m == nil:
			added = append(added, p)
		case m.removed:
			return m, nil
		}
	}
	made, err := s.prepare(added, places)
	if err != nil {
		return nil, err
	}
	s.history.add(Event{Type: EventAction, Reason: fmt.Sprintf("scale to %d", n), By: &by})
	s.desired = n
	s.history.expect(n)
	for _, p := range places {
		if m := there[p.ID]; m != nil && m.leaving {
			m.leaving = false
			m.Start(why)
		}
	}
	for _, m := range s.members {
		if m.place.Index > n && !m.leaving {
			m.leaving = true
			if m.Status().State == instance.Stopped {
				m.removed = true
				m.cancel()
			} else {
				m.Stop(why)
			}
		}
	}
	s.members = append(s.members, made...)
	slices.SortStableFunc(s.members, func(a, b *member) int { return a.place.Index - b.place.Index })
	for _, m := range made {
		s.history.add(Event{Type: EventAdded, Instance: m.ID()})
		s.begin(m)
	}
	return nil, nil
}

// Down ends the fleet: Run stops every instance and returns.
func (s *Supervisor) Down(by Actor) {
	s.downOnce.Do(func() {
		s.history.add(Event{Type: EventAction, Reason: "down", By: &by})
		close(s.down)
	})
}

// Kill ends every grace period at once: what is left of the fleet gets SIGKILL.
func (s *Supervisor) Kill(by Actor) {
	s.mu.Lock()
	members := slices.Clone(s.members)
	s.mu.Unlock()
	s.history.add(Event{Type: EventAction, Reason: "kill", By: &by})
	for _, m := range members {
		m.Kill(fmt.Sprintf("kill asked by %s", by))
	}
}
