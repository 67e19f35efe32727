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
}{next: 21000}

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

func TestHostileViewers(t *testing.T) {
	for _, c := range []struct {
		name    string
		command []string
		state   State
		class   Class
		reason  string
	}{
		{"crashes", viewertest.Command("-exit", "10ms", "-code", "3"), Backoff, ClassCrash, "exit code 3 (last line: leaving by itself)"},
		{"leaves its work to a grandchild and dies", viewertest.Command("-orphan"), Backoff, ClassCrash, "exit code 1"},
		{"never listens", viewertest.Command("-silent"), Backoff, ClassNotReady, "not ready after 1.5s: waiting for the program to listen on port"},
		{"answers no WebSocket", viewertest.Command("-page-only"), Backoff, ClassNotReady, "WebSocket handshake answered 200 OK on port"},
		{"exits with 0", viewertest.Command("-exit", "500ms"), Stopped, ClassNone, "exited with code 0"},
		{"daemonises", []string{"sh", "-c", "setsid sleep 100 & exit 0"}, Stopped, ClassNone, "it left 1 of its processes behind"},
		{"does not exist", []string{"no-such-viewer"}, Failed, ClassSpawn, "no-such-viewer: not found in PATH"},
		{"is a folder", []string{"/tmp"}, Failed, ClassSpawn, "/tmp: is a directory"},
		{"listens elsewhere", viewertest.Command("-shift", "7"), Backoff, ClassMisbound, "the program listens on port"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := settle(t, brisk(), c.command...)
			step := p.until(c.state, nil)
			if !strings.Contains(step.Reason, c.reason) {
				t.Errorf("got reason %q, want %q in it", step.Reason, c.reason)
			}
			if c.class == ClassSpawn {
				return
			}
			if step.LastExit == nil || step.LastExit.Class != c.class {
				t.Errorf("got last exit %+v, want class %q", step.LastExit, c.class)
			}
		})
	}
}

func TestViewerThatStopsListeningIsDegraded(t *testing.T) {
	spec := brisk()
	spec.Probe.Interval, spec.Probe.Failures = 50*time.Millisecond, 1
	p := settle(t, spec, viewertest.Command("-fade", "100ms")...)
	st := p.until(Degraded, nil)
	if want := fmt.Sprintf("no longer listens on port %d", st.WSPort); !strings.Contains(st.Reason, want) {
		t.Errorf("got %q, want %q in it", st.Reason, want)
	}
	if next := p.until(Ready, func(c Change) bool { return c.Status.Generation == 2 }); next.LastExit.Class != ClassUnhealthy {
		t.Errorf("got %+v, want it replaced for being unhealthy", next.LastExit)
	}
}

func TestDeafViewerIsKilledAfterItsGrace(t *testing.T) {
	p := settle(t, brisk(), viewertest.Command("-deaf")...)
	st := p.until(Ready, nil)
	p.Stop("stop asked")
	if got := p.until(Stopped, nil); got.LastExit.Signal != "SIGKILL" {
		t.Errorf("got %+v, want SIGKILL", got.LastExit)
	}
	bindable(t, st.HTTPPort)
	bindable(t, st.WSPort)
}

func TestStrangerOnALeasedPortIsNamedAndLeft(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("who listens can be told on Linux only")
	}
	p := settle(t, brisk(), viewertest.Command("-late", "300ms")...)
	st := p.until(Starting, nil)
	thief, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", st.WSPort))
	if err != nil {
		t.Fatal(err)
	}
	defer thief.Close()
	// It never accepts: a connection would be answered by the kernel all the same.
	ready := p.until(Ready, nil)
	if ready.HTTPPort == st.HTTPPort || ready.WSPort == st.WSPort || ready.PortRetries != 1 || ready.Restarts != 0 {
		t.Errorf("got %+v, want another pair, one port retry and no restart", ready)
	}
	if got, want := ready.LastExit.Reason, fmt.Sprintf("pid %d", os.Getpid()); ready.LastExit.Class != ClassPortConflict || !strings.Contains(got, want) {
		t.Errorf("got %+v, want a port conflict that names %q", ready.LastExit, want)
	}
	bindable(t, st.HTTPPort)
}

func TestHalfDeadViewerIsCuredSoon(t *testing.T) {
	spec := brisk()
	spec.RetryAttempts = 0
	p := settle(t, spec, viewertest.Command("-half-dead")...)
	st := p.until(Backoff, nil)
	if took := st.LastExit.At.Sub(*st.StartedAt); st.LastExit.Class != ClassPortConflict || took > spec.Probe.StartTimeout {
		t.Errorf("got %+v after %v, want a port conflict before the start timeout", st.LastExit, took)
	}
}

func TestPlainViewerGetsItsPortsReleased(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("nothing is held that could be in its way")
	}
	for _, flags := range [][]string{{"-plain"}, {"-plain", "-survivor"}} {
		t.Run(strings.Join(flags, " "), func(t *testing.T) {
			spec := brisk()
			spec.Hold = "auto"
			p := settle(t, spec, viewertest.Command(flags...)...)
			first := p.until(Starting, nil)
			st := p.until(Ready, nil)
			if st.HTTPPort != first.HTTPPort || st.Hold != "release" || st.Restarts != 0 || st.PortRetries != 0 || st.Generation != 2 {
				t.Errorf("got %+v, want it ready on the same pair %d at the second try, nothing counted", st, first.HTTPPort)
			}
			if err := syscall.Kill(st.PID, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			if again := p.until(Ready, nil); again.Generation != 3 || again.Hold != "release" {
				t.Errorf("got %+v, want what was learnt to be paid once", again)
			}
		})
	}
}

// shell returns the command of a viewer behind a line of script.
func shell(script string, flags ...string) []string {
	return append([]string{"/bin/sh", "-c", script + `; exec "$0" "$@"`}, viewertest.Command(flags...)...)
}

func TestSlowViewerIsNotBlamedForItsWords(t *testing.T) {
	for _, line := range []string{
		"metrics: listen tcp :9100: bind: address already in use",
		"an earlier run said: address already in use",
		"Checking whether port 8080 is in use: no",
	} {
		t.Run(line, func(t *testing.T) {
			p := settle(t, brisk(), shell("echo '"+line+"'", "-late", "700ms")...)
			if st := p.until(Ready, nil); st.Generation != 1 || st.Hold == "release" {
				t.Errorf("got %+v, want the first child ready over its guard", st)
			}
		})
	}
}

func TestCrashOverAnotherPortTeachesNothing(t *testing.T) {
	spec := brisk()
	spec.Hold = "auto"
	p := settle(t, spec, shell("echo 'listen tcp :9100: bind: address already in use' >&2; exit 1")...)
	if st := p.until(Backoff, nil); st.LastExit.Class != ClassCrash || p.host.Programs.Plain(p.spec.Program) {
		t.Errorf("got %+v and plain = %v, want a crash and nothing learnt", st.LastExit, p.host.Programs.Plain(p.spec.Program))
	}
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

func TestStrangerOnTheOtherLoopbackIsNamed(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("who listens can be told on Linux only")
	}
	p := settle(t, brisk(), viewertest.Command("-late", "300ms")...)
	st := p.until(Starting, nil)
	thief, err := net.Listen("tcp", fmt.Sprintf("[::1]:%d", st.WSPort))
	if err != nil {
		t.Skip("needs IPv6 on loopback: ", err)
	}
	defer thief.Close()
	ready := p.until(Ready, nil)
	if got, want := ready.LastExit, fmt.Sprintf("pid %d", os.Getpid()); got == nil || !strings.Contains(got.Reason, want) {
		t.Errorf("got %+v, want a conflict that names %q", got, want)
	}
}

func TestReasonsAreFitToShow(t *testing.T) {
	p := settle(t, brisk(), "/bin/sh", "-c", `printf '\033]0;owned\007\033[2J%s address already in use\n' "$(head -c 9000 /dev/zero | tr '\0' x)"; exit 1`)
	if st := p.until(Backoff, nil); strings.ContainsRune(st.Reason, 0x1b) || len(st.Reason) > 400 {
		t.Errorf("got a reason of %d bytes, %q, want a short one without escapes", len(st.Reason), st.Reason)
	}
}
