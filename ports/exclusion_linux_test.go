package ports

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// span is the time for which one process thought that a port was its own, by the
// machine's monotonic clock.
type span struct {
	port       int
	from, till int64
}

// monotonic is the same clock for all processes; Go's own reading of it is private.
func monotonic() int64 {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		panic(err)
	}
	return now.Nano()
}

// playCompetitor leases and releases pairs as fast as it can, a few at a time, and then
// reports when it had which port. Its argument says how it claims ports.
func playCompetitor() {
	a := NewAllocator(Defaults())
	if os.Args[1] == "probe" {
		a.newClaimer = func() claimer { return &probeClaimer{} }
	}
	say("set")
	untilStdinEnds() // all start at once
	type held struct {
		lease *Lease
		from  int64
	}
	var window []held
	var spans []span
	release := func() {
		h := window[0]
		window = window[1:]
		till := monotonic()
		h.lease.Release()
		for _, port := range []int{h.lease.pair.HTTP, h.lease.pair.WebSocket} {
			spans = append(spans, span{port, h.from, till})
		}
	}
	for range 200 {
		lease, err := a.Acquire(preferred)
		if err != nil {
			say(err.Error())
			return
		}
		window = append(window, held{lease, monotonic()})
		if len(window) == 8 {
			release()
		}
	}
	for len(window) > 0 {
		release()
	}
	var report strings.Builder
	for _, s := range spans {
		fmt.Fprintf(&report, "%d %d %d\n", s.port, s.from, s.till)
	}
	say(strconv.Itoa(len(spans)))
	os.Stdout.WriteString(report.String())
}

// compete runs processes against each other and returns how often one had a port while
// another one had it, and in how many claims.
func compete(t *testing.T, processes int, how string) (collisions, claims int) {
	t.Helper()
	var competitors []*process
	for range processes {
		competitors = append(competitors, start(t, "compete", nil, how))
	}
	for _, c := range competitors {
		c.line(t)
	}
	for _, c := range competitors {
		c.stdin.Close()
	}
	var spans []span
	for _, c := range competitors {
		count := c.line(t)
		n, err := strconv.Atoi(count)
		if err != nil {
			t.Fatalf("competitor: %s", count)
		}
		for range n {
			var s span
			if _, err := fmt.Sscan(c.line(t), &s.port, &s.from, &s.till); err != nil {
				t.Fatal(err)
			}
			spans = append(spans, s)
		}
	}
	slices.SortFunc(spans, func(x, y span) int {
		if x.port != y.port {
			return x.port - y.port
		}
		return int(x.from - y.from)
	})
	for i := 1; i < len(spans); i++ {
		if spans[i].port == spans[i-1].port && spans[i].from < spans[i-1].till {
			collisions++
		}
	}
	return collisions, len(spans)
}

func TestProcessesNeverShareAPort(t *testing.T) {
	ownNetwork(t)
	if collisions, claims := compete(t, 8, "guard"); collisions != 0 {
		t.Errorf("guards: got %d collisions in %d claims, want none", collisions, claims)
	}
	// The same without guards must fail, or the test shows nothing.
	if collisions, claims := compete(t, 8, "probe"); collisions == 0 {
		t.Errorf("control: probes collided in none of %d claims, so this test cannot tell", claims)
	} else {
		t.Logf("control: probes collided in %d of %d claims", collisions, claims)
	}
}
