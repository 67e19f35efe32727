package instance

import (
	"testing"
	"time"
)

func TestDelay(t *testing.T) {
	r := Restart{Delay: time.Second, MaxDelay: time.Minute}
	for n, want := range []time.Duration{0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60} {
		want *= time.Second
		if got := r.delay(n, 0.5); got != want {
			t.Errorf("delay(%d) = %v, want %v", n, got, want)
		}
		if low, high := r.delay(n, 0), r.delay(n, 0.999999); low != want*3/4 || high > want*5/4 || high < want*5/4-time.Millisecond {
			t.Errorf("delay(%d) is between %v and %v, want ± 25%% of %v", n, low, high, want)
		}
	}
	if got := r.delay(1000, 0.5); got != time.Minute {
		t.Errorf("delay(1000) = %v, want no overflow", got)
	}
}
