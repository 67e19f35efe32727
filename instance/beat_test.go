package instance

import (
	"testing"
	"time"
)

func TestBeats(t *testing.T) {
	const interval = 5 * time.Second
	start := time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC)
	for beat := range beats {
		var last time.Time
		for past := time.Duration(0); past < 2*interval; past += 100 * time.Millisecond {
			now := start.Add(past)
			wait := nextBeat(now, interval, beat)
			at := now.Add(wait)
			if wait <= 0 || wait > interval {
				t.Fatalf("beat %d at %v: waits %v, want more than nothing and at most %v", beat, past, wait, interval)
			}
			if phase := at.Sub(at.Truncate(interval)); phase != interval*time.Duration(beat)/beats {
				t.Fatalf("beat %d at %v: checks %v into the interval", beat, past, phase)
			}
			if at != last && !last.IsZero() && at.Sub(last) != interval {
				t.Fatalf("beat %d: checks at %v and then at %v, want %v between", beat, last, at, interval)
			}
			last = at
		}
	}
}
