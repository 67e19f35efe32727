package supervisor

import (
	"context"
	"testing"
)

func drain(c <-chan Event) (seqs []uint64, closed bool) {
	for {
		select {
		case e, ok := <-c:
			if !ok {
				return seqs, true
			}
			seqs = append(seqs, e.Seq)
		default:
			return seqs, false
		}
	}
}

func TestSubscribersSeeEveryEventOnce(t *testing.T) {
	h := history{fleet: "test"}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	fresh := h.subscribe(ctx, 0)
	for range 3 {
		h.add(Event{Type: EventAction})
	}
	late := h.subscribe(ctx, 1)
	h.add(Event{Type: EventAction})
	if got, _ := drain(fresh); len(got) != 4 || got[0] != 1 || got[3] != 4 {
		t.Errorf("got %v, want 1 to 4", got)
	}
	if got, _ := drain(late); len(got) != 3 || got[0] != 2 || got[2] != 4 {
		t.Errorf("got %v, want 2 to 4: what was missed, then what is new", got)
	}
	h.close()
	if _, closed := drain(fresh); !closed {
		t.Error("got an open channel after the end, want it closed")
	}
	if _, closed := drain(h.subscribe(ctx, 0)); !closed {
		t.Error("got an open channel of a fleet that is gone, want it closed")
	}
}

func TestSlowSubscriberIsCutOff(t *testing.T) {
	h := history{}
	slow := h.subscribe(t.Context(), 0)
	for range behind + 1 {
		h.add(Event{})
	}
	got, closed := drain(slow)
	if !closed || len(got) != behind {
		t.Errorf("got %d events and closed = %v, want %d and a closed channel", len(got), closed, behind)
	}
	// And can come back for the rest.
	if got, _ := drain(h.subscribe(t.Context(), got[len(got)-1])); len(got) != 1 {
		t.Errorf("got %d events on the way back, want the one that was missed", len(got))
	}
}

func TestHistoryIsBounded(t *testing.T) {
	h := history{}
	for range 3 * remembered {
		h.add(Event{})
	}
	if got := len(h.events); got > remembered || h.events[got-1].Seq != 3*remembered {
		t.Errorf("got %d events up to %d, want at most %d up to %d", got, h.events[got-1].Seq, remembered, 3*remembered)
	}
}
