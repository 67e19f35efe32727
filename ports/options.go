package ports

import (
	"log/slog"
	"time"
)

// Options are the rules by which an Allocator chooses. The zero value tries the
// preferred pair and nothing else.
type Options struct {
	HTTPFallback      []int         // tried after the preferred pair, together with
	WebSocketFallback []int         // the entry at the same place here, then in any free mix
	SearchRange       int           // how far from the preferred ports to look at last
	Reserved          []int         // never leased
	Quarantine        time.Duration // how long a released port rests; 0: not at all
	Log               *slog.Logger  // nil: silent
}

// Defaults returns the rules of a fleet that says nothing about ports.
func Defaults() Options {
	return Options{
		HTTPFallback:      []int{8080, 8090, 8100, 8110, 8120},
		WebSocketFallback: []int{8081, 8091, 8101, 8111, 8121},
		SearchRange:       100,
		Reserved:          []int{3000, 5000, 8000, 8888, 9000},
		Quarantine:        time.Minute,
	}
}

// Request asks for one pair.
type Request struct {
	// Preferred is tried first, and the search range lies around it. A number that
	// may not be leased is passed over.
	Preferred Pair
	// Avoid is the pair that has just failed: its ports are taken only if nothing
	// else is left, not even among those that rest.
	Avoid Pair
	// Owner names the instance in messages, such as "studio/viewer-1".
	Owner string
}
