package supervisor

import (
	"context"
	"sync"
	"time"

	"github.com/miktos/miktosctl/instance"
)

// Event is one thing that happened to the fleet.
type Event struct {
	Seq      uint64    `json:"seq"` // counts up from 1 without gaps over one supervisor's life
	Time     time.Time `json:"time"`
	Fleet    string    `json:"fleet"`
	Instance string    `json:"instance,omitempty"` // empty for the fleet itself
	Type     EventType `json:"type"`
	By       *Actor    `json:"by,omitempty"` // who asked, for an action

	// For EventState.
	From       instance.State `json:"from,omitempty"`
	To         instance.State `json:"to,omitempty"`
	Reason     string         `json:"reason,omitempty"`
	Class      instance.Class `json:"class,omitempty"`
	PID        int            `json:"pid,omitempty"`
	Generation int            `json:"generation,omitempty"`
	HTTPPort   int            `json:"http_port,omitempty"`
	WSPort     int            `json:"ws_port,omitempty"`
}

// EventType says what an event is about.
type EventType string

const (
	// EventState is an instance's step, or a new reason to be where it is.
	EventState EventType = "state"
	// EventAction is an order that was accepted; its Reason is the order.
	EventAction EventType = "action"
	// EventAdded and EventRemoved change which instances there are.
	EventAdded   EventType = "added"
	EventRemoved EventType = "removed"
	// EventEnding says that the fleet is being ended.
	EventEnding EventType = "ending"
)

const (
	// remembered is how many events a subscriber can go back.
	remembered = 4096
	// behind is how many events a subscriber may lag before it is cut off, at least,
	// and perInstance how many for each instance: all of them may start or stop at once.
	behind      = 1024
	perInstance = 16
)

// history numbers events and hands them to subscribers. It never waits for one: a
// subscriber that does not keep up is cut off and can come back with the last
// number that it saw.
type history struct {
	fleet string

	mu     sync.Mutex
	last   uint64
	events []Event // the latest, oldest first
	subs   map[chan Event]struct{}
	closed bool
	lag    int // how many events a new subscriber may lag
}

// expect makes room for the events of so many instances at once.
func (h *history) expect(instances int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lag = perInstance * instances
}

func (h *history) add(e Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last++
	e.Seq, e.Time, e.Fleet = h.last, time.Now(), h.fleet
	if len(h.events) == remembered {
		// Halved at once, or every event of a long life would move all others.
		h.events = append(h.events[:0:0], h.events[remembered/2:]...)
	}
	h.events = append(h.events, e)
	for c := range h.subs {
		select {
		case c <- e:
		default:
			h.drop(c)
		}
	}
}

func (h *history) drop(c chan Event) {
	if _, there := h.subs[c]; there {
		delete(h.subs, c)
		close(c)
	}
}

func (h *history) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for c := range h.subs {
		h.drop(c)
	}
}

// subscribe returns the remembered events after number after, and then all new
// ones; after 0 means only new ones.
func (h *history) subscribe(ctx context.Context, after uint64) <-chan Event {
	h.mu.Lock()
	defer h.mu.Unlock()
	var past []Event
	if after > 0 {
		for i, e := range h.events {
			if e.Seq > after {
				past = h.events[i:]
				break
			}
		}
	}
	c := make(chan Event, len(past)+max(behind, h.lag))
	for _, e := range past {
		c <- e
	}
	if h.closed || ctx.Err() != nil {
		close(c)
		return c
	}
	if h.subs == nil {
		h.subs = map[chan Event]struct{}{}
	}
	h.subs[c] = struct{}{}
	context.AfterFunc(ctx, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.drop(c)
	})
	return c
}
