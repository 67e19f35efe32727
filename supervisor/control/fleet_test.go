package control

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/miktos/miktosctl/instance"
	"github.com/miktos/miktosctl/instance/output"
	"github.com/miktos/miktosctl/supervisor"
)

// fakeFleet is a fleet without processes.
type fakeFleet struct {
	t      testing.TB
	orders chan string // what was asked, such as "stop viewer-1"
	by     chan supervisor.Actor
	refuse error // what every order is refused with

	mu     sync.Mutex
	ids    []string
	logs   map[string]*output.Log
	subs   []chan supervisor.Event
	afters []uint64
	over   bool // subscriptions end at once
}

func newFakeFleet(t testing.TB, ids ...string) *fakeFleet {
	f := &fakeFleet{
		t:      t,
		orders: make(chan string, 100),
		by:     make(chan supervisor.Actor, 100),
		logs:   map[string]*output.Log{},
	}
	for _, id := range ids {
		f.add(id)
	}
	t.Cleanup(f.closeLogs)
	return f
}

func (f *fakeFleet) add(id string) *output.Log {
	f.t.Helper()
	l, err := output.Open(output.Options{Path: filepath.Join(f.t.TempDir(), id+".log")})
	if err != nil {
		f.t.Fatal(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ids = append(f.ids, id)
	f.logs[id] = l
	return l
}

func (f *fakeFleet) closeLogs() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, l := range f.logs {
		l.Close()
	}
}

func (f *fakeFleet) Status() supervisor.Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := supervisor.Status{Schema: supervisor.Schema, Fleet: "studio", Desired: len(f.ids)}
	for i, id := range f.ids {
		s.Instances = append(s.Instances, instance.Status{ID: id, Index: i + 1, State: instance.Ready})
	}
	return s
}

func (f *fakeFleet) Resolve(words []string) ([]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, w := range words {
		if !slices.Contains(f.ids, w) {
			return nil, &supervisor.UnknownInstanceError{Word: w, Known: f.ids}
		}
	}
	return words, nil
}

func (f *fakeFleet) order(what string, by supervisor.Actor) error {
	if f.refuse != nil {
		return f.refuse
	}
	f.orders <- what
	f.by <- by
	return nil
}

func (f *fakeFleet) Start(ids []string, by supervisor.Actor) error {
	return f.order(fmt.Sprint("start ", ids), by)
}

func (f *fakeFleet) Stop(ids []string, by supervisor.Actor) error {
	return f.order(fmt.Sprint("stop ", ids), by)
}

func (f *fakeFleet) Restart(ids []string, by supervisor.Actor) error {
	return f.order(fmt.Sprint("restart ", ids), by)
}

func (f *fakeFleet) Scale(n int, by supervisor.Actor) error {
	return f.order(fmt.Sprint("scale ", n), by)
}

func (f *fakeFleet) Down(by supervisor.Actor) { f.order("down", by) }
func (f *fakeFleet) Kill(by supervisor.Actor) { f.order("kill", by) }

func (f *fakeFleet) Subscribe(ctx context.Context, after uint64) <-chan supervisor.Event {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := make(chan supervisor.Event, 100)
	f.subs = append(f.subs, c)
	f.afters = append(f.afters, after)
	if f.over {
		close(c)
		f.subs = f.subs[:len(f.subs)-1]
		return c
	}
	context.AfterFunc(ctx, func() { f.cut(c) })
	return c
}

// cut closes a subscription, or all.
func (f *fakeFleet) cut(which ...chan supervisor.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	kept := f.subs[:0:0]
	for _, c := range f.subs {
		if which == nil || slices.Contains(which, c) {
			close(c)
		} else {
			kept = append(kept, c)
		}
	}
	f.subs = kept
}

// end closes logs and subscriptions, as a supervisor does before its Run returns.
func (f *fakeFleet) end() {
	f.closeLogs()
	f.mu.Lock()
	f.over = true
	f.mu.Unlock()
	f.cut()
}

func (f *fakeFleet) emit(e supervisor.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.subs {
		c <- e
	}
}

func (f *fakeFleet) Output(id string) *output.Log {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.logs[id]
}

// folders returns the folders of a fleet that is the test's own.
func folders(t testing.TB) supervisor.Dirs {
	t.Helper()
	dir := t.TempDir()
	return supervisor.Dirs{
		Runtime: filepath.Join(dir, "miktosctl", "studio"),
		State:   filepath.Join(dir, "state"),
	}
}

func listen(t testing.TB, dirs supervisor.Dirs) *Server {
	t.Helper()
	s, err := Listen(dirs, Options{Fleet: "studio", Version: "v1", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Finish(nil) })
	return s
}

// serve lets a server answer for a fleet until the test ends, and connects to it.
func serve(t testing.TB, f *fakeFleet) (*Server, *Client) {
	t.Helper()
	dirs := folders(t)
	s := listen(t, dirs)
	served := make(chan error, 1)
	go func() { served <- s.Serve(f) }()
	c, err := Dial(t.Context(), dirs)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		s.Finish(nil)
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return s, c
}

// within fails the test where what should have happened did not.
func within[T any](t testing.TB, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(20 * time.Second):
		t.Fatal("nothing happened")
		panic("unreachable")
	}
}
