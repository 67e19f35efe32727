package ports

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
)

func TestExhausted(t *testing.T) {
	ownNetwork(t)
	a := NewAllocator(Options{SearchRange: 2, Reserved: []int{8078, 3000}})
	acquire(t, a, preferred)
	occupy(t, 8079, 8082)
	lease, err := a.Acquire(preferred)
	if lease != nil || !errors.Is(err, ErrExhausted) {
		t.Fatalf("got %v, %v, want ErrExhausted", lease, err)
	}
	var exhausted *ExhaustedError
	if !errors.As(err, &exhausted) {
		t.Fatalf("got %T, want *ExhaustedError", err)
	}
	if e := exhausted; e.Near != 8080 || e.Range != 2 || e.Leased != 2 || e.Foreign != 2 || e.Reserved != 1 || len(e.Held) == 0 {
		t.Errorf("got %+v", *e)
	}
	for _, h := range exhausted.Held {
		if h.PID != os.Getpid() {
			t.Errorf("port %d: got holder %v, want pid %d", h.Port, h, os.Getpid())
		}
	}
	message := err.Error()
	if want := "no available ports found near 8080"; !strings.HasPrefix(message, want) {
		t.Errorf("got %q, want it to begin with %q", message, want)
	}
	for _, want := range []string{"ports.search_range (now 2)", "ports.reserved", "2 ports leased here", "1 port reserved", "8082 by "} {
		if !strings.Contains(message, want) {
			t.Errorf("got %q, want %q in it", message, want)
		}
	}
}

func TestExhaustedNamesFew(t *testing.T) {
	ownNetwork(t)
	a := NewAllocator(Options{SearchRange: 4})
	for port := 8076; port <= 8085; port++ {
		occupy(t, port)
	}
	_, err := a.Acquire(preferred)
	var exhausted *ExhaustedError
	if !errors.As(err, &exhausted) {
		t.Fatalf("got %v, want *ExhaustedError", err)
	}
	// The one number that only a WebSocket may have was never asked for.
	if got, want := exhausted.Foreign, 9; got != want {
		t.Errorf("got %d foreign ports, want %d", got, want)
	}
	var got []int
	for _, h := range exhausted.Held {
		got = append(got, h.Port)
	}
	if want := []int{8080, 8081, 8079, 8082}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got holders of %v, want %v: preferred ports first, then the nearest", got, want)
	}
}

func TestExhaustedErrorText(t *testing.T) {
	err := &ExhaustedError{Near: 8080, Range: 100, Foreign: 2, Held: []Holder{
		{Port: 8080, PID: 4711, Process: "python3", User: "ann", UID: 1000},
		{Port: 8081, UID: -1},
	}}
	want := "no available ports found near 8080: 2 ports held by others: 8080 by python3 (pid 4711, user ann), " +
		"8081 by an unknown process; raise ports.search_range (now 100), or prefer other ports (ports.http, ports.websocket)"
	if got := err.Error(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
