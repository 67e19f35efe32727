package supervisor

import (
	"strings"
	"testing"
)

func TestErrorsSayTheWayOut(t *testing.T) {
	survivors := &UnstoppedError{Survivors: map[string][]int{"viewer-2": {7}, "hero": {5, 6}, "viewer-1": {4}}}
	if got, want := survivors.Error(), "still alive after SIGKILL: hero (pid 5 6), viewer-1 (pid 4), viewer-2 (pid 7)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for wanted, want := range map[int]string{
		101:     "for instance to 200",
		150:     "for instance to 200",
		1000:    "for instance to 1300",
		1 << 40: "no more than 32000 pairs",
	} {
		e := &CapacityError{Wanted: wanted, Pairs: 100, Range: 100, Near: 8080}
		if !strings.Contains(e.Hint(), want) || !strings.Contains(e.Error(), "only 100 within 100 of port 8080") {
			t.Errorf("%d wanted: got %q, %q, want %q", wanted, e.Error(), e.Hint(), want)
		}
	}
}
