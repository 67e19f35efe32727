package instance

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/miktos/miktosctl/instance/child"
	"github.com/miktos/miktosctl/instance/viewertest"
	"github.com/miktos/miktosctl/ports"
)

func TestMain(m *testing.M) {
	viewertest.Main()
	goleak.VerifyTestMain(m)
}

// place is a real instance under test with everything it shares with others.
type place struct {
	*Instance
	t       testing.TB
	changes chan Change
	end     func()
}

var bases = struct {
	sync.Mutex
	next int
}{next: 15000} // other packages test above 25000, at the same time

// settle starts an instance of a viewer with the given flags, in a stretch of ports
// of its own.
func settle(t testing.TB, spec Spec, command ...string) *place {
	t.Helper()
	bases.Lock()
	bases.next += 200
	base := bases.next
	bases.Unlock()
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	nursery, err := child.Open(log)
	if err != nil {
		t.Fatal(err)
	}
	p := &place{t: t, changes: make(chan Change, 1000)}
	dir := t.TempDir()
	spec.Preferred = ports.Pair{HTTP: base, WebSocket: base + 1}
	spec.Program = strings.Join(command, " ")
	spec.RunDir = filepath.Join(dir, "run")
	spec.Log = Log{Path: filepath.Join(dir, "viewer.log")}
	if err := os.Mkdir(spec.RunDir, 0o700); err != nil {
		t.Fatal(err)
	}
	generation := 0
	spec.Launch = func(pair ports.Pair, g int) Launch {
		generation = g
		token := fmt.Sprintf("test-%s-%d", filepath.Base(dir), g)
		return Launch{Path: command[0], Args: command, Token: token, Env: append(os.Environ(),
			fmt.Sprintf("MIKTOS_HTTP_PORT=%d", pair.HTTP), fmt.Sprintf("MIKTOS_WS_PORT=%d", pair.WebSocket),
			fmt.Sprintf("MIKTOS_GENERATION=%d", generation), "MIKTOS_TOKEN="+token)}
	}
	host := Host{
		Programs: NewPrograms(nil, nil),
		Ports:    ports.NewAllocator(ports.Options{SearchRange: 150, Quarantine: time.Minute, Log: log}),
		Nursery:  nursery,
		Changed:  func(c Change) { p.changes <- c },
		Log:      log,
	}
	p.Instance, err = New(spec, nil, host)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() {
		p.Run(ctx)
		close(over)
	}()
	p.end = sync.OnceFunc(func() {
		cancel()
		<-over
		nursery.Close()
		if left, _ := os.ReadDir(spec.RunDir); len(left) > 0 {
			t.Errorf("got %v left in the runtime folder, want nothing", left)
		}
	})
	t.Cleanup(p.end)
	return p
}

// until waits for a step to a state in which ok holds; nil: any.
func (p *place) until(state State, ok func(Change) bool) Status {
	p.t.Helper()
	patience := time.NewTimer(20 * time.Second)
	defer patience.Stop()
	for {
		select {
		case c := <-p.changes:
			if c.Status.State == state && (ok == nil || ok(c)) {
				return c.Status
			}
		case <-patience.C:
			p.t.Fatalf("%s did not come to be; now %+v %+v", state, p.Status(), p.Status().LastExit)
		}
	}
}

func brisk() Spec {
	spec := defaults()
	spec.Probe.StartTimeout = 1500 * time.Millisecond
	spec.Stop.Timeout = 500 * time.Millisecond
	return spec
}

func readPage(t testing.TB, port int) string {
	t.Helper()
	resp, err := new(connection).client().Get(fmt.Sprintf("http://127.0.0.1:%d/", port))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// bindable fails the test if a port cannot be had by just anybody right now.
func bindable(t testing.TB, port int) {
	t.Helper()
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) {
			syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 0)
		})
	}}
	l, err := lc.Listen(context.Background(), "tcp", fmt.Sprintf(":%d", port))
	if err != nil {
		t.Errorf("port %d is not free: %v", port, err)
		return
	}
	l.Close()
}

func TestRealViewerIsReadyOnItsPair(t *testing.T) {
	p := settle(t, brisk(), viewertest.Command()...)
	st := p.until(Ready, nil)
	if got, want := readPage(t, st.HTTPPort), fmt.Sprintf("MIKTOS_WS_PORT=%d\n", st.WSPort); !strings.Contains(got, want) {
		t.Errorf("got page %q, want %q in it", got, want)
	}
	p.Measure()
	if got := p.Status(); got.RSSBytes == 0 || got.PID != st.PID {
		t.Errorf("got %+v, want memory measured", got)
	}
	p.end()
	if err := syscall.Kill(st.PID, 0); err != syscall.ESRCH {
		t.Errorf("got %v for the child after the end, want no such process", err)
	}
	bindable(t, st.HTTPPort)
	bindable(t, st.WSPort)
}

func TestKilledViewerComesBackElsewhereAndLeavesNothing(t *testing.T) {
	rounds := 50
	if testing.Short() {
		rounds = 5
	}
	spec := brisk()
	spec.Restart.Delay = 0
	spec.Restart.MaxFailures = 0
	// What stays open for good, such as the netlink socket, is opened by this one.
	first := settle(t, spec, viewertest.Command()...)
	first.until(Ready, nil)
	first.end()
	files := descriptors(t)

	p := settle(t, spec, viewertest.Command()...)
	st := p.until(Ready, nil)
	for n := range rounds {
		before := st
		if err := syscall.Kill(before.PID, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		st = p.until(Ready, nil)
		if st.HTTPPort == before.HTTPPort || st.WSPort == before.WSPort || st.Restarts != n+1 || st.LastExit.Signal != "SIGKILL" {
			t.Fatalf("got %+v after %+v, want another pair and %d restarts", st, before, n+1)
		}
		bindable(t, before.HTTPPort)
		bindable(t, before.WSPort)
	}
	p.end()
	if got := descriptors(t); len(got) != len(files) {
		t.Errorf("got descriptors %v, want as many as before: %v", got, files)
	}
}

func descriptors(t testing.TB) (list []string) {
	t.Helper()
	if runtime.GOOS != "linux" {
		return nil
	}
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if to, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil {
			list = append(list, to)
		}
	}
	slices.Sort(list)
	return list
}

func TestRuntimeFolderIsMadeAgain(t *testing.T) {
	p := settle(t, brisk(), viewertest.Command()...)
	st := p.until(Ready, nil)
	if err := os.RemoveAll(p.spec.RunDir); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(st.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	p.until(Ready, func(c Change) bool { return c.Status.Generation == 2 })
}
