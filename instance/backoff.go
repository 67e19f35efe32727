package instance

import "time"

// jitter is the part of a delay by which it may be longer or shorter, so that
// identical children that died together do not come back together.
const jitter = 0.25

// delay returns how long to wait after the n-th failure in a row (from 1), with
// random in [0, 1). The first failure is retried at once: a viewer that crashed
// after a week must not pay for those that crash at start.
func (r Restart) delay(n int, random float64) time.Duration {
	if n <= 1 || r.Delay <= 0 {
		return 0
	}
	d := r.Delay
	for range n - 2 {
		if d >= r.MaxDelay/2 {
			d = r.MaxDelay
			break
		}
		d *= 2
	}
	d = min(d, max(r.MaxDelay, r.Delay))
	return time.Duration(float64(d) * (1 - jitter + 2*jitter*random))
}

// stable returns how long a child must have been ready for the row of failures to
// end, given the last delay. It scales with the delay, or the row would never
// grow past a child that lives a little longer than StableAfter.
func (r Restart) stable(last time.Duration) time.Duration {
	return max(r.StableAfter, 2*last)
}
