package instance

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miktos/miktosctl/instance/viewertest"
)

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
