package ports

import "time"

// recent remembers which ports the kernel has refused, for a moment. Without it every
// search of a large fleet would try the same thousand foreign ports again.
type recent struct {
	ports portSet
	any   bool
	since time.Time
}

// recentFor is how long that knowledge may be out of date.
const recentFor = 250 * time.Millisecond

// begin forgets everything that is too old.
func (r *recent) begin(now time.Time) {
	if r.any && now.Sub(r.since) >= recentFor {
		r.clear()
	}
}

func (r *recent) add(port int, now time.Time) {
	if !r.any {
		r.any, r.since = true, now
	}
	r.ports.add(port)
}

func (r *recent) forget(ports ...int) {
	for _, port := range ports {
		if valid(port) {
			r.ports.remove(port)
		}
	}
}

func (r *recent) clear() { *r = recent{} }
