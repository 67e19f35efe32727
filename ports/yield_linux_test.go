package ports

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"sync"
	"syscall"
	"testing"
)

// plainListen listens as a program does that sets no flags.
func plainListen(port int) (net.Listener, error) {
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) {
			_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 0)
		})
	}}
	return lc.Listen(context.Background(), "tcp", "127.0.0.1:"+strconv.Itoa(port))
}

func TestYieldLetsAPlainProgramInAndNoOtherSupervisor(t *testing.T) {
	ownNetwork(t)
	lease := acquire(t, NewAllocator(Defaults()), preferred)
	if err := lease.Share(); err != nil {
		t.Fatal(err)
	}
	if _, err := plainListen(8080); !errors.Is(err, syscall.EADDRINUSE) {
		t.Fatalf("over a shared guard: got %v, want address in use", err)
	}
	if err := errors.Join(lease.Yield(), lease.Yield(), lease.Share(), lease.Exclusive()); err != nil {
		t.Fatal(err)
	}
	if got := lease.Hold(); got != "release" || lease.Files() != nil {
		t.Errorf("got hold %q and files %v, want release and none", got, lease.Files())
	}
	// Before the child listens, another supervisor already leaves both alone.
	other := acquire(t, NewAllocator(Defaults()), preferred)
	if got, want := other.Pair(), (Pair{8090, 8091}); got != want {
		t.Errorf("another supervisor got %v, want %v", got, want)
	}
	for _, port := range []int{8080, 8081} {
		l, err := plainListen(port)
		if err != nil {
			t.Fatalf("after Yield: %v", err)
		}
		l.Close()
	}
	lease.Release()
	if got, want := acquire(t, NewAllocator(Defaults()), preferred).Pair(), (Pair{8080, 8081}); got != want {
		t.Errorf("after Release another supervisor got %v, want %v", got, want)
	}
	if err := lease.Yield(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Yield after Release: got %v, want os.ErrClosed", err)
	}
}

// A child that closes a connection first leaves it in TIME_WAIT, and Release would wait
// in vain for the port to be free of it.
func TestReleaseDoesNotWaitForOldConnections(t *testing.T) {
	ownNetwork(t)
	// Not a port of the other tests: it stays in TIME_WAIT for a minute.
	lease := acquire(t, NewAllocator(Defaults()), Request{Preferred: Pair{18080, 18081}})
	if err := lease.Share(); err != nil {
		t.Fatal(err)
	}
	leaveTimeWait(t, 18080)
	lease.Release()
	if !awaitCopies(newReleasedClaimer, 18080) {
		t.Error("a port in TIME_WAIT counts as held by a copy of the guard")
	}
	busy := acquire(t, NewAllocator(Defaults()), Request{Preferred: Pair{8100, 8101}})
	if awaitCopies(newReleasedClaimer, 8100) {
		t.Error("a port under a guard counts as free")
	}
	busy.Release()
}

// leaveTimeWait leaves a connection of a server in TIME_WAIT on a port.
func leaveTimeWait(t *testing.T, port int) {
	t.Helper()
	l := occupy(t, port)[0]
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	server.Close()
	if _, err := io.ReadAll(client); err != nil {
		t.Fatal(err)
	}
	client.Close()
	l.Close()
	if _, err := plainListen(port); !errors.Is(err, syscall.EADDRINUSE) {
		t.Fatalf("got %v, want port %d in TIME_WAIT, or this test says nothing", err, port)
	}
}

// A fleet that is started again a moment after its end gets its ports back, and what it
// gets is a guard like any other.
func TestPreferredPortInTimeWaitIsTaken(t *testing.T) {
	ownNetwork(t)
	leaveTimeWait(t, 18090)
	request := Request{Preferred: Pair{18090, 18091}}
	lease := acquire(t, NewAllocator(Defaults()), request)
	if got := lease.Pair(); got != request.Preferred {
		t.Fatalf("got %v, want %v", got, request.Preferred)
	}
	for range 2 {
		for name, listen := range map[string]func(string, string) (net.Listener, error){
			"with SO_REUSEADDR": net.Listen,
			"without":           func(string, string) (net.Listener, error) { return plainListen(18090) },
		} {
			if l, err := listen("tcp", "127.0.0.1:18090"); !errors.Is(err, syscall.EADDRINUSE) {
				t.Errorf("a stranger %s: got %v, %v, want address in use", name, l, err)
			}
		}
		if other := acquire(t, NewAllocator(Defaults()), request); other.Pair().HTTP == 18090 {
			t.Errorf("another supervisor got %v, too", other.Pair())
		}
		if err := lease.Share(); err != nil {
			t.Fatal(err)
		}
		child, err := net.Listen("tcp", "127.0.0.1:18090")
		if err != nil {
			t.Fatalf("the child: %v", err)
		}
		child.Close()
		if err := lease.Exclusive(); err != nil {
			t.Fatal(err)
		}
	}
}

// What somebody still has open is not taken, whatever flags it has.
func TestOpenSocketsAreNotReclaimed(t *testing.T) {
	ownNetwork(t)
	leaveTimeWait(t, 18094)
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	if err := errors.Join(syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1),
		syscall.Bind(fd, &syscall.SockaddrInet4{Port: 18094, Addr: [4]byte{127, 0, 0, 1}})); err != nil {
		t.Fatal(err)
	}
	lease := acquire(t, NewAllocator(Defaults()), Request{Preferred: Pair{18094, 18095}})
	if lease.Pair().HTTP == 18094 {
		t.Error("a port was taken from a program that is about to listen on it")
	}
}

// Two supervisors that start at once do not both get it.
func TestReclaimExcludes(t *testing.T) {
	ownNetwork(t)
	leaveTimeWait(t, 18096)
	var wg sync.WaitGroup
	var got [8]*Lease
	for i := range got {
		wg.Go(func() { got[i], _ = NewAllocator(Defaults()).Acquire(Request{Preferred: Pair{18096, 18097}}) })
	}
	wg.Wait()
	winners := 0
	for _, l := range got {
		if l == nil {
			continue
		}
		if l.Pair().HTTP == 18096 {
			winners++
		}
		l.Release()
	}
	if winners != 1 {
		t.Errorf("got %d supervisors with the port, want exactly one", winners)
	}
}
