package ports

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strconv"
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
	l := occupy(t, 18080)[0]
	client, err := net.Dial("tcp", "127.0.0.1:18080")
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
	lease.Release()
	if _, err := plainListen(18080); !errors.Is(err, syscall.EADDRINUSE) {
		t.Fatalf("got %v, want the port in TIME_WAIT, or this test says nothing", err)
	}
	if !awaitCopies(newReleasedClaimer, 18080) {
		t.Error("a port in TIME_WAIT counts as held by a copy of the guard")
	}
	busy := acquire(t, NewAllocator(Defaults()), Request{Preferred: Pair{8100, 8101}})
	if awaitCopies(newReleasedClaimer, 8100) {
		t.Error("a port under a guard counts as free")
	}
	busy.Release()
}
