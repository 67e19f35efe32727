package ports

import (
	"bufio"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestHolderOf(t *testing.T) {
	ownNetwork(t)
	me := os.Getpid()
	tests := []struct {
		name string
		hold func(t *testing.T, port int)
		want State
	}{
		{"listener", func(t *testing.T, port int) { occupy(t, port) }, Listening},
		{"listener elsewhere on the loopback", func(t *testing.T, port int) {
			hold(t, places[1], flagSets[0], port, true)
		}, Listening},
		{"listener on ::1", func(t *testing.T, port int) { hold(t, places[3], flagSets[0], port, true) }, Listening},
		{"bound only", func(t *testing.T, port int) { hold(t, places[0], flagSets[0], port, false) }, Bound},
		{"lease", func(t *testing.T, port int) {
			acquire(t, NewAllocator(Options{SearchRange: 1}), Request{Preferred: Pair{port, port + 1}})
		}, Leased},
		{"listener over a lease", func(t *testing.T, port int) {
			lease := acquire(t, NewAllocator(Options{SearchRange: 1}), Request{Preferred: Pair{port, port + 1}})
			if err := lease.Share(); err != nil {
				t.Fatal(err)
			}
			occupy(t, port)
		}, Listening},
		{"outgoing connection", func(t *testing.T, port int) {
			server := occupy(t, 9999)[0]
			dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}}
			conn, err := dialer.Dial("tcp", server.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				conn.(*net.TCPConn).SetLinger(0)
				conn.Close()
			})
		}, Connected},
	}
	for i, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			port := 8200 + 10*i
			if holder, ok, err := HolderOf(port); ok || err != nil {
				t.Fatalf("before: got %v, %t, %v, want nobody", holder, ok, err)
			}
			test.hold(t, port)
			got, ok, err := HolderOf(port)
			if err != nil || !ok {
				t.Fatalf("got %t, %v, want a holder", ok, err)
			}
			if got.State != test.want || got.PID != me || got.Port != port || got.UID != os.Getuid() {
				t.Errorf("got %+v with state %s, want pid %d, state %s", got, got.State, me, test.want)
			}
			if !slices.Equal(got.Command, os.Args) && got.Command[len(got.Command)-1] != os.Args[len(os.Args)-1] {
				t.Errorf("got command %q, want %q", got.Command, os.Args)
			}
			if age := time.Since(got.Since); age < 0 || age > time.Hour {
				t.Errorf("got a start %v ago", age)
			}
			if got.Process == "" {
				t.Error("the process has no name")
			}
		})
	}
}

func hold(t *testing.T, at place, with flags, port int, listens bool) {
	t.Helper()
	fd, err := bound(t, at, with, port)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if listens {
		if err := unix.Listen(fd, 1); err != nil {
			t.Fatal(err)
		}
	}
}

// What is left of a connection after its end keeps an exclusive bind off, and belongs to
// nobody.
func TestHolderOfTimeWait(t *testing.T) {
	ownNetwork(t)
	server := occupy(t, 8300)[0]
	client, err := net.Dial("tcp", server.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := server.Accept()
	if err != nil {
		t.Fatal(err)
	}
	accepted.Close() // the side that closes first gets the TIME_WAIT
	_, _ = bufio.NewReader(client).ReadByte()
	client.Close()
	server.Close()
	holder, ok, err := HolderOf(8300)
	if err != nil || !ok || holder.State != Closing || holder.PID != 0 {
		t.Errorf("got %+v (%s), %t, %v, want state %s and no process", holder, holder.State, ok, err, Closing)
	}
	if NewAllocator(Options{}).Available(8300) {
		t.Error("Available: got true, want false")
	}
}

// The lock tells whose a lease is even to those who may not look into the process.
func TestLockHolder(t *testing.T) {
	ownNetwork(t)
	if pid, uid, ok := lockHolder(8080); ok {
		t.Errorf("free port: got pid %d, uid %d, want nobody", pid, uid)
	}
	acquire(t, NewAllocator(Options{}), preferred)
	for range 3 {
		if pid, uid, ok := lockHolder(8080); !ok || pid != os.Getpid() || uid != os.Getuid() {
			t.Errorf("got pid %d, uid %d, %t, want %d, %d", pid, uid, ok, os.Getpid(), os.Getuid())
		}
	}
}

func TestStartTime(t *testing.T) {
	stat, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		t.Fatal(err)
	}
	plain := startTime(stat)
	if plain.IsZero() {
		t.Fatalf("got no time from %s", stat)
	}
	name := string(stat[:strings.IndexByte(string(stat), '(')]) + "(a) b (c" + string(stat[strings.LastIndexByte(string(stat), ')'):])
	if got := startTime([]byte(name)); !got.Equal(plain) {
		t.Errorf("with brackets in the name: got %v, want %v", got, plain)
	}
	if got := startTime([]byte("1 (x) S")); !got.IsZero() {
		t.Errorf("got %v from half a line, want zero", got)
	}
}
