package ports

import "time"

// quarantine keeps released ports back for a while: a client that still talks to the
// old viewer must not land on the next one. It is a wish, not a lock; rather than fail,
// a search takes ports out of it, those that have rested longest first.
type quarantine struct {
	period  time.Duration
	resting portSet
	queue   []rest        // in the order of release
	since   map[int]int64 // which entry of the queue counts for a port
	serial  int64
}

type rest struct {
	port   int
	serial int64
	until  time.Time
}

// put lays a port to rest.
func (q *quarantine) put(port int, now time.Time) {
	if q.period <= 0 {
		return
	}
	if q.since == nil {
		q.since = make(map[int]int64)
	}
	q.serial++
	q.since[port] = q.serial
	q.resting.add(port)
	q.queue = append(q.queue, rest{port: port, serial: q.serial, until: now.Add(q.period)})
}

// take ends the rest of a port early: it has been leased.
func (q *quarantine) take(port int) {
	delete(q.since, port)
	q.resting.remove(port)
}

// expire ends the rest of every port that has rested long enough.
func (q *quarantine) expire(now time.Time) {
	done := 0
	for _, r := range q.queue {
		if q.current(r) && r.until.After(now) {
			break
		}
		if q.current(r) {
			q.take(r.port)
		}
		done++
	}
	switch {
	case done == len(q.queue):
		q.queue = nil
	case done > 0:
		// Moved to the front rather than cut off: a cut queue would creep through
		// memory for as long as ports are released.
		q.queue = q.queue[:copy(q.queue, q.queue[done:])]
	}
}

// current tells whether an entry still counts: the port has not been leased since.
func (q *quarantine) current(r rest) bool { return q.since[r.port] == r.serial }
