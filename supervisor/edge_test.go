package supervisor

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miktos/miktosctl/configs"
	"github.com/miktos/miktosctl/instance"
	"github.com/miktos/miktosctl/instance/viewertest"
)

func TestScaleIsBounded(t *testing.T) {
	f := start(t, options(t, 27600, nil))
	f.allReady(3)
	for _, n := range []int{maxInstances + 1, 1 << 60} {
		var full *CapacityError
		if err := f.Scale(n, Actor{}); !errors.As(err, &full) {
			t.Errorf("Scale(%d): got %v, want a capacity error", n, err)
		}
	}
}

func TestNewGivesEverythingBack(t *testing.T) {
	o := options(t, 27800, nil)
	// A folder where the last log is to be.
	if err := os.MkdirAll(LogPath(o.Dirs, "viewer-3"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := New(o); err == nil || !strings.Contains(err.Error(), "viewer-3") {
		t.Errorf("got %v, want an error that names viewer-3", err)
	}
	if left, _ := os.ReadDir(o.Dirs.Runtime); len(left) > 0 {
		t.Errorf("got %v left in the runtime folder, want nothing", left)
	}
	if err := os.RemoveAll(filepath.Join(o.Dirs.State, "logs")); err != nil {
		t.Fatal(err)
	}
	f := start(t, o)
	if st := byID(t, f.allReady(3), "viewer-1"); st.HTTPPort != 27800 {
		t.Errorf("got %d, want the pair that the failed plan had given back", st.HTTPPort)
	}
}

func TestDiscardedFleetStartsNothing(t *testing.T) {
	s, err := New(options(t, 28000, nil))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Scale(2, Actor{}); !errors.Is(err, ErrNotBegun) {
		t.Errorf("got %v for an order before Run, want ErrNotBegun", err)
	}
	events := s.Subscribe(context.Background(), 0)
	over, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Run(over); err != nil {
		t.Error(err)
	}
	for e := range events {
		if e.To == instance.Starting {
			t.Errorf("got %+v, want nothing started", e)
		}
	}
}

func TestHintNamesWhatThereIs(t *testing.T) {
	f := start(t, options(t, 28200, func(f *configs.Fleet) { f.Viewer.Command = viewertest.Command("-silent") }))
	var unknown *UnknownInstanceError
	if err := f.Start([]string{"nobody"}, Actor{}); !errors.As(err, &unknown) || !strings.Contains(unknown.Hint(), "there are viewer-1, viewer-2") {
		t.Errorf("got %v, want a hint that names the instances", err)
	}
	f.Kill(Actor{})
}

func TestSubscriberMayLagByTheWholeFleet(t *testing.T) {
	h := history{}
	h.expect(1000)
	c := h.subscribe(t.Context(), 0)
	for range 8 * 1000 {
		h.add(Event{})
	}
	if got, closed := drain(c); closed || len(got) != 8000 {
		t.Errorf("got %d events and closed = %v, want all 8000", len(got), closed)
	}
}
