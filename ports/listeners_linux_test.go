package ports

import (
	"encoding/binary"
	"errors"
	"maps"
	"net"
	"net/netip"
	"os"
	"strconv"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// inodeOf returns the inode of a socket as the rest of the system sees it.
func inodeOf(tb testing.TB, l syscall.Conn) uint64 {
	tb.Helper()
	conn, err := l.SyscallConn()
	if err != nil {
		tb.Fatal(err)
	}
	var stat unix.Stat_t
	if controlErr := conn.Control(func(fd uintptr) { err = unix.Fstat(int(fd), &stat) }); controlErr != nil || err != nil {
		tb.Fatal(controlErr, err)
	}
	return stat.Ino
}

func TestListeners(t *testing.T) {
	ownNetwork(t)
	// Neither a guard nor a socket that is only bound answers anybody.
	acquire(t, NewAllocator(Defaults()), preferred)
	hold(t, places[0], flagSets[0], 8400, false)
	local4, local6 := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1")
	tests := []struct {
		listen string
		addrs  []netip.Addr
		want   string // where the listener is bound; "": not found
	}{
		{"127.0.0.1", nil, "127.0.0.1"},
		{"[::1]", nil, "::1"},
		{"0.0.0.0", nil, "0.0.0.0"},
		{"[::]", nil, "::"},
		{"127.0.0.2", nil, ""},
		{"127.0.0.2", []netip.Addr{netip.MustParseAddr("127.0.0.2")}, "127.0.0.2"},
		{"127.0.0.1", []netip.Addr{local6}, ""},
		{"[::1]", []netip.Addr{local4}, ""},
		{"127.0.0.1", []netip.Addr{netip.IPv4Unspecified()}, "127.0.0.1"},
		{"[::1]", []netip.Addr{netip.IPv4Unspecified()}, ""},
		{"127.0.0.1", []netip.Addr{netip.IPv6Unspecified()}, "127.0.0.1"},
		{"[::]", []netip.Addr{local4, local6, local4, local6, local4, local6}, "::"},
		{"127.0.0.1", []netip.Addr{netip.MustParseAddr("::ffff:127.0.0.1")}, "127.0.0.1"},
		{"127.0.0.1", []netip.Addr{{}}, ""},
	}
	for i, test := range tests {
		t.Run(test.listen, func(t *testing.T) {
			port := 8401 + i
			network := "tcp"
			if test.listen == "0.0.0.0" {
				network = "tcp4" // Go would make it a socket for both versions
			}
			l, err := net.Listen(network, test.listen+":"+strconv.Itoa(port))
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			got, err := Listeners(test.addrs, port)
			if err != nil {
				t.Fatal(err)
			}
			switch want := (Socket{Inode: inodeOf(t, l.(*net.TCPListener)), UID: os.Getuid()}); {
			case test.want == "" && len(got) == 0:
			case test.want != "" && len(got) == 1:
				want.Addr = netip.MustParseAddr(test.want)
				if got[0] != want {
					t.Errorf("got %v, want %v", got[0], want)
				}
			default:
				t.Errorf("got %v, want one at %q", got, test.want)
			}
		})
	}
	for _, port := range []int{8080, 8081, 8400, 8499} {
		if got, err := Listeners(nil, port); len(got) != 0 || err != nil {
			t.Errorf("port %d: got %v, %v, want nobody", port, got, err)
		}
	}
	if got, err := Listeners(nil, 0); err == nil {
		t.Errorf("port 0: got %v, want an error", got)
	}
}

// Two servers on one number, each on its own address: a stranger beside the child.
func TestListenersOnTwoAddresses(t *testing.T) {
	ownNetwork(t)
	hold(t, places[0], flagSets[0], 8500, true)
	hold(t, places[3], flagSets[0], 8500, true)
	got, err := Listeners(nil, 8500)
	if err != nil || len(got) != 2 || got[0].Inode == got[1].Inode {
		t.Errorf("got %v, %v, want two different sockets", got, err)
	}
}

func TestListenersConcurrently(t *testing.T) {
	ownNetwork(t)
	var wg sync.WaitGroup
	for i := range 16 {
		port := 8510 + i
		inode := inodeOf(t, occupy(t, port)[0].(*net.TCPListener))
		wg.Go(func() {
			for range 100 {
				if got, err := Listeners(nil, port); err != nil || len(got) != 1 || got[0].Inode != inode {
					t.Errorf("port %d: got %v, %v, want inode %d", port, got, err, inode)
					return
				}
			}
		})
	}
	wg.Wait()
}

// A broken socket costs one answer, not all later ones.
func TestListenersRecover(t *testing.T) {
	ownNetwork(t)
	occupy(t, 8530)
	if _, err := Listeners(nil, 8530); err != nil {
		t.Fatal(err)
	}
	diag.mu.Lock()
	// A question whose answer nobody takes: the next reader finds it first.
	stale := appendLookup(nil, 1<<31, netip.IPv6Loopback(), 8530)
	_, err := unix.Write(diag.fd, stale)
	diag.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Listeners(nil, 8530); err == nil {
		t.Errorf("with a stale answer in the way: got %v, want an error", got)
	}
	if got, err := Listeners(nil, 8530); err != nil || len(got) != 1 {
		t.Errorf("afterwards: got %v, %v, want one socket", got, err)
	}
}

func TestEstablished(t *testing.T) {
	ownNetwork(t)
	connect := func(server net.Listener, n int) {
		for range n {
			conn, err := net.Dial("tcp", server.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			accepted, err := server.Accept()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { conn.Close(); accepted.Close() })
		}
	}
	servers := occupy(t, 8600, 8601, 8602)
	dual, err := net.Listen("tcp", ":8603")
	if err != nil {
		t.Fatal(err)
	}
	defer dual.Close()
	connect(servers[0], 3)
	connect(servers[1], 1) // lies between, and is not asked for
	connect(dual, 2)
	got, err := Established([]int{8600, 8602, 8603, 8604})
	if want := map[int]int{8600: 3, 8603: 2}; err != nil || !maps.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	if got, err := Established(nil); err != nil || len(got) != 0 {
		t.Errorf("no ports: got %v, %v", got, err)
	}
	if got, err := Established([]int{70000}); err == nil {
		t.Errorf("no such port: got %v, want an error", got)
	}
}

func TestListenPorts(t *testing.T) {
	ownNetwork(t)
	servers := occupy(t, 8700, 8701)
	six, err := net.Listen("tcp", "[::1]:8702")
	if err != nil {
		t.Fatal(err)
	}
	defer six.Close()
	first, third := inodeOf(t, servers[0].(*net.TCPListener)), inodeOf(t, six.(*net.TCPListener))
	got, err := ListenPorts(map[uint64]bool{first: true, third: true, 1: true})
	if want := map[uint64]int{first: 8700, third: 8702}; err != nil || !maps.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	if got, err := ListenPorts(nil); err != nil || len(got) != 0 {
		t.Errorf("no inodes: got %v, %v", got, err)
	}
}

// A dump that does not fit one reply must be read to its end.
func TestListenPortsMany(t *testing.T) {
	ownNetwork(t)
	inodes := map[uint64]bool{}
	for port := 20000; port < 20600; port++ {
		inodes[inodeOf(t, occupy(t, port)[0].(*net.TCPListener))] = true
	}
	got, err := ListenPorts(inodes)
	if err != nil || len(got) != len(inodes) {
		t.Errorf("got %d ports, %v, want %d", len(got), err, len(inodes))
	}
}

// Whatever a netlink reply holds, reading it neither panics nor goes beyond its end.
func FuzzReply(f *testing.F) {
	message := make([]byte, headerSize+messageSize)
	binary.NativeEndian.PutUint32(message, uint32(len(message)))
	message[headerSize] = unix.AF_INET6
	f.Add(message)
	f.Add(message[:20])
	f.Add([]byte{16, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		for len(b) > 0 {
			header, payload, rest, err := cutMessage(b)
			if err != nil {
				return
			}
			if len(payload) != int(header.Len)-headerSize || len(rest) >= len(b) {
				t.Fatalf("got %d bytes and %d left of %d for a length of %d", len(payload), len(rest), len(b), header.Len)
			}
			if _, err := parseDiag(payload); err != nil && !errors.Is(err, errMalformed) {
				t.Fatal(err)
			}
			if err := messageError(payload); err == nil {
				t.Fatal("got no error out of an error message")
			}
			b = rest
		}
	})
}
