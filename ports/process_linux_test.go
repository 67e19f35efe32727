package ports

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// roles are what this test binary can be when a test starts it as another process.
var roles = map[string]func(){
	"serve":     playServer,
	"keep":      playKeeper,
	"supervise": playSupervisor,
	"compete":   playCompetitor,
}

// process is this test binary, started again in a role.
type process struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	lines *bufio.Reader
}

// start runs a role. It ends by itself when its standard input does, at the latest with
// the test.
func start(tb testing.TB, role string, files []*os.File, args ...string) *process {
	tb.Helper()
	cmd := exec.Command("/proc/self/exe", args...)
	// A race detector waits for a second at the end, if it is not told otherwise.
	cmd.Env = append(os.Environ(), "PORTS_TEST_ROLE="+role, "GORACE=atexit_sleep_ms=0")
	cmd.Stderr = os.Stderr
	cmd.ExtraFiles = files
	stdin, err := cmd.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	p := &process{cmd: cmd, stdin: stdin, lines: bufio.NewReader(stdout)}
	tb.Cleanup(func() {
		stdin.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return p
}

// line returns what the process says next.
func (p *process) line(tb testing.TB) string {
	tb.Helper()
	line, err := p.lines.ReadString('\n')
	if err != nil {
		tb.Fatalf("process said %q, then: %v", line, err)
	}
	return strings.TrimSpace(line)
}

// say prints a line for process.line.
func say(words ...string) {
	os.Stdout.WriteString(strings.Join(words, " ") + "\n")
}

// untilStdinEnds blocks until the test lets go.
func untilStdinEnds() { _, _ = io.Copy(io.Discard, os.Stdin) }

// playServer listens on the addresses it is given.
func playServer() {
	for _, addr := range os.Args[1:] {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			say(err.Error())
			return
		}
		defer l.Close()
	}
	say("listening")
	untilStdinEnds()
}

// playKeeper inherits files and does nothing with them.
func playKeeper() {
	say("keeping")
	untilStdinEnds()
}

// playSupervisor leases a pair and has a child inherit it. The child reads the same
// standard input, and so ends when the test says so.
func playSupervisor() {
	lease, err := NewAllocator(Defaults()).Acquire(preferred)
	if err == nil {
		err = lease.Share()
	}
	if err != nil {
		say(err.Error())
		return
	}
	child := exec.Command("/proc/self/exe")
	child.Env = append(os.Environ(), "PORTS_TEST_ROLE=keep")
	child.Stdin, child.Stderr = os.Stdin, os.Stderr
	child.ExtraFiles = lease.Files()
	stdout, err := child.StdoutPipe()
	if err == nil {
		err = child.Start()
	}
	if err == nil {
		_, err = bufio.NewReader(stdout).ReadString('\n')
	}
	if err != nil {
		say(err.Error())
		return
	}
	say(strconv.Itoa(child.Process.Pid), lease.Pair().String())
	_ = child.Wait()
}

// free waits for both ports, for as long as anything could reasonably take.
func free(tb testing.TB, pair Pair) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), 10*time.Second)
	defer cancel()
	if err := errors.Join(WaitFree(ctx, pair.HTTP), WaitFree(ctx, pair.WebSocket)); err != nil {
		tb.Error(err)
	}
}

func TestChildOverGuard(t *testing.T) {
	ownNetwork(t)
	lease := acquire(t, NewAllocator(Defaults()), preferred)
	pair := lease.Pair()
	addrs := []string{"127.0.0.1:" + strconv.Itoa(pair.HTTP), ":" + strconv.Itoa(pair.WebSocket)}

	if got := start(t, "serve", nil, addrs...).line(t); !strings.Contains(got, "address already in use") {
		t.Errorf("child over an exclusive lease: got %q, want address already in use", got)
	}
	if err := lease.Share(); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second finds what the first one left
		child := start(t, "serve", lease.Files(), addrs...)
		if got, want := child.line(t), "listening"; got != want {
			t.Fatalf("child over a shared lease: got %q, want %q", got, want)
		}
		for _, port := range []int{pair.HTTP, pair.WebSocket} {
			conn, err := net.Dial("tcp", "127.0.0.1:"+strconv.Itoa(port))
			if err != nil {
				t.Fatal(err)
			}
			conn.Close()
			sockets, err := Listeners(nil, port)
			if err != nil || len(sockets) != 1 {
				t.Fatalf("Listeners(%d): got %v, %v, want one socket", port, sockets, err)
			}
			holder, ok, err := HolderOf(port)
			if err != nil || !ok || holder.PID != child.cmd.Process.Pid || holder.State != Listening {
				t.Errorf("HolderOf(%d): got %+v, %t, %v, want pid %d listening", port, holder, ok, err, child.cmd.Process.Pid)
			}
		}
		_ = child.cmd.Process.Kill()
		_ = child.cmd.Wait()
	}
	if err := lease.Exclusive(); err != nil {
		t.Fatal(err)
	}
	if got := start(t, "serve", nil, addrs...).line(t); !strings.Contains(got, "address already in use") {
		t.Errorf("child over an exclusive lease again: got %q, want address already in use", got)
	}
	lease.Release()
	if got, want := start(t, "serve", nil, addrs...).line(t), "listening"; got != want {
		t.Errorf("anybody after Release: got %q, want %q", got, want)
	}
}

// A killed supervisor's lease lives on in its child, and ends with it.
func TestLeaseOutlivesSupervisor(t *testing.T) {
	ownNetwork(t)
	supervisor := start(t, "supervise", nil)
	answer := strings.Fields(supervisor.line(t))
	if len(answer) != 2 || answer[1] != "8080/8081" {
		t.Fatalf("supervisor: got %q, want a pid and 8080/8081", answer)
	}
	child, err := strconv.Atoi(answer[0])
	if err != nil {
		t.Fatal(err)
	}
	_ = supervisor.cmd.Process.Signal(syscall.SIGKILL)
	_, _ = supervisor.cmd.Process.Wait()

	if got, want := acquire(t, NewAllocator(Defaults()), preferred).Pair(), (Pair{8090, 8091}); got != want {
		t.Errorf("while the child lives: got %v, want %v", got, want)
	}
	if holder, ok, err := HolderOf(8080); err != nil || !ok || holder.PID != child || holder.State != Bound {
		t.Errorf("HolderOf(8080): got %+v, %t, %v, want pid %d bound", holder, ok, err, child)
	}
	supervisor.stdin.Close() // now the child ends
	free(t, preferred.Preferred)
	if got, want := acquire(t, NewAllocator(Defaults()), preferred).Pair(), (Pair{8080, 8081}); got != want {
		t.Errorf("after the child: got %v, want %v", got, want)
	}
}

// A supervisor that ends without Release, and without a child, leaves nothing behind.
func TestLeaseEndsWithItsProcess(t *testing.T) {
	ownNetwork(t)
	supervisor := start(t, "supervise", nil)
	if got := supervisor.line(t); !strings.HasSuffix(got, " 8080/8081") {
		t.Fatalf("supervisor: got %q, want a pid and 8080/8081", got)
	}
	supervisor.stdin.Close()
	_, _ = supervisor.cmd.Process.Wait()
	free(t, preferred.Preferred)
}

// Release while other goroutines start processes: their children have a copy of every
// descriptor until they exec, and must not keep the ports for that moment.
func TestReleaseAmongForks(t *testing.T) {
	ownNetwork(t)
	// Package os tries the kernel once by a fork that nothing can wait for.
	_, _ = os.StartProcess("/proc/self/maps", nil, &os.ProcAttr{})
	stop := make(chan struct{})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
			}
			// Not a program: a fork whose exec fails soon.
			_, _ = os.StartProcess("/proc/self/maps", nil, &os.ProcAttr{})
		}
	}()
	defer func() { close(stop); <-stopped }()
	a := NewAllocator(Options{}) // the preferred pair or none
	for range 2000 {
		lease, err := a.Acquire(preferred)
		if err != nil {
			t.Fatal(err)
		}
		lease.Release()
	}
}
