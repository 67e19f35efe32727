package supervisor

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/miktos/miktosctl/configs"
	"github.com/miktos/miktosctl/instance"
	"github.com/miktos/miktosctl/instance/viewertest"
)

func TestMain(m *testing.M) {
	viewertest.Main()
	goleak.VerifyTestMain(m)
}

// fleet is a real fleet under test.
type fleet struct {
	*Supervisor
	t      testing.TB
	events <-chan Event
	end    func() error
}

// options returns those of a fleet of friendly viewers from a port on; change may
// change the fleet.
func options(t testing.TB, base int, change func(*configs.Fleet)) Options {
	t.Helper()
	f := configs.Default()
	f.Name = "test"
	f.Instances = 3
	f.Viewer.Command = viewertest.Command()
	f.Ports.HTTP, f.Ports.WebSocket = base, base+1
	f.Ports.HTTPFallback, f.Ports.WebSocketFallback = nil, nil
	f.Stop.Timeout = configs.Duration(time.Second)
	if change != nil {
		change(f)
	}
	dir := t.TempDir()
	o := Options{
		Fleet: f,
		Env:   os.Environ(),
		Dirs:  Dirs{Runtime: filepath.Join(dir, "run"), State: filepath.Join(dir, "state")},
		Log:   slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError})),
	}
	if err := os.Mkdir(o.Dirs.Runtime, 0o700); err != nil {
		t.Fatal(err)
	}
	return o
}

func start(t testing.TB, o Options) *fleet {
	t.Helper()
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	f := &fleet{Supervisor: s, t: t, events: s.Subscribe(context.Background(), 0)}
	over := make(chan error, 1)
	go func() { over <- s.Run(ctx) }()
	f.end = sync.OnceValue(func() error { cancel(); return <-over })
	t.Cleanup(func() {
		if err := f.end(); err != nil {
			t.Error(err)
		}
		if left, _ := os.ReadDir(o.Dirs.Runtime); len(left) > 0 {
			t.Errorf("got %v left in the runtime folder, want nothing", left)
		}
	})
	return f
}

// until waits for an event.
func (f *fleet) until(what string, ok func(Event) bool) Event {
	f.t.Helper()
	patience := time.NewTimer(30 * time.Second)
	defer patience.Stop()
	for {
		select {
		case e, open := <-f.events:
			if !open {
				f.t.Fatalf("%s: the fleet ended", what)
			}
			if ok(e) {
				return e
			}
		case <-patience.C:
			f.t.Fatalf("%s did not happen: %+v", what, f.Status())
		}
	}
}

func (f *fleet) allReady(n int) Status {
	f.t.Helper()
	if st := f.Status(); st.Ready == n && st.Desired == n {
		return st
	}
	f.until(fmt.Sprintf("%d ready", n), func(Event) bool { st := f.Status(); return st.Ready == n && len(st.Instances) == n })
	return f.Status()
}

func (f *fleet) ready(id string) Event {
	f.t.Helper()
	return f.until(id+" ready", func(e Event) bool { return e.Instance == id && e.To == instance.Ready && e.From != e.To })
}

func byID(t testing.TB, s Status, id string) instance.Status {
	t.Helper()
	for _, i := range s.Instances {
		if i.ID == id {
			return i
		}
	}
	t.Fatalf("no %s in %+v", id, s)
	return instance.Status{}
}

func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }
