package ports

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// place is an address that a program may bind.
type place struct {
	name   string
	family int
	addr   func(port int) unix.Sockaddr
	six    int // IPV6_V6ONLY
}

var places = []place{
	{"127.0.0.1", unix.AF_INET, func(p int) unix.Sockaddr { return &unix.SockaddrInet4{Port: p, Addr: [4]byte{127, 0, 0, 1}} }, 0},
	{"127.0.0.2", unix.AF_INET, func(p int) unix.Sockaddr { return &unix.SockaddrInet4{Port: p, Addr: [4]byte{127, 0, 0, 2}} }, 0},
	{"0.0.0.0", unix.AF_INET, func(p int) unix.Sockaddr { return &unix.SockaddrInet4{Port: p} }, 0},
	{"::1", unix.AF_INET6, func(p int) unix.Sockaddr { return &unix.SockaddrInet6{Port: p, Addr: [16]byte{15: 1}} }, 1},
	{":: v6 only", unix.AF_INET6, func(p int) unix.Sockaddr { return &unix.SockaddrInet6{Port: p} }, 1},
	{":: dual", unix.AF_INET6, func(p int) unix.Sockaddr { return &unix.SockaddrInet6{Port: p} }, 0},
}

// flags are what a program sets before it binds.
type flags struct {
	name         string
	addr, port   bool
	letsInShared bool // binds over a shared guard
}

var flagSets = []flags{
	{"none", false, false, false},
	{"SO_REUSEADDR", true, false, true},
	{"SO_REUSEPORT", false, true, true},
	{"both", true, true, true},
}

// bound returns a socket as a program would bind it.
func bound(tb testing.TB, at place, with flags, port int) (int, error) {
	tb.Helper()
	fd, err := unix.Socket(at.family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		tb.Fatal(err)
	}
	set := func(level, option int, on bool) {
		value := 0
		if on {
			value = 1
		}
		if err := unix.SetsockoptInt(fd, level, option, value); err != nil {
			tb.Fatal(err)
		}
	}
	set(unix.SOL_SOCKET, unix.SO_REUSEADDR, with.addr)
	set(unix.SOL_SOCKET, unix.SO_REUSEPORT, with.port)
	if at.family == unix.AF_INET6 {
		set(unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, at.six == 1)
	}
	if err := unix.Bind(fd, at.addr(port)); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// What this package relies on the kernel for: an exclusive guard lets nobody in, on no
// address, with no flags; a shared one lets in whoever sets a flag, to listen; and taking
// the flags back shuts it again.
func TestGuardMatrix(t *testing.T) {
	ownNetwork(t)
	for _, at := range places {
		for _, with := range flagSets {
			t.Run(fmt.Sprintf("%s/%s", at.name, with.name), func(t *testing.T) {
				lease := acquire(t, NewAllocator(Defaults()), preferred)
				try := func(step string, want error) {
					t.Helper()
					fd, err := bound(t, at, with, 8080)
					if err == nil {
						defer unix.Close(fd)
						err = unix.Listen(fd, 1)
					}
					if err != want {
						t.Errorf("%s: got %v, want %v", step, err, want)
					}
				}
				var open error = unix.EADDRINUSE
				if with.letsInShared {
					open = nil
				}
				try("exclusive", unix.EADDRINUSE)
				if err := lease.Share(); err != nil {
					t.Fatal(err)
				}
				try("shared", open)
				try("shared, second child", open)
				if err := lease.Exclusive(); err != nil {
					t.Fatal(err)
				}
				try("exclusive again", unix.EADDRINUSE)
				lease.Release()
				try("released", nil)
			})
		}
	}
}

// The other way round: whoever has the port, on whatever address and however bound,
// keeps the guard off it.
func TestGuardMeetsStrangers(t *testing.T) {
	ownNetwork(t)
	for _, at := range places {
		for _, with := range flagSets {
			for _, listens := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s/listens=%t", at.name, with.name, listens), func(t *testing.T) {
					fd, err := bound(t, at, with, 8081)
					if err != nil {
						t.Fatal(err)
					}
					defer unix.Close(fd)
					if listens {
						if err := unix.Listen(fd, 1); err != nil {
							t.Fatal(err)
						}
					}
					if got, want := acquire(t, NewAllocator(Defaults()), preferred).Pair(), (Pair{8090, 8091}); got != want {
						t.Errorf("got %v, want %v", got, want)
					}
				})
			}
		}
	}
}

// A second supervisor never gets a port of the first, shared or not.
func TestGuardExcludesSupervisors(t *testing.T) {
	ownNetwork(t)
	lease := acquire(t, NewAllocator(Defaults()), preferred)
	other := NewAllocator(Options{})
	for _, shared := range []bool{false, true} {
		if shared {
			if err := lease.Share(); err != nil {
				t.Fatal(err)
			}
		}
		if l, err := other.Acquire(preferred); !errors.Is(err, ErrExhausted) {
			t.Errorf("shared=%t: got %v, %v, want ErrExhausted", shared, l, err)
		}
		// The guard must do it alone, too: the lock's name can be taken by anybody.
		c := &kernelClaimer{family: unix.AF_INET6, lock: -1, sock: -1}
		if fd, err := c.bind(8080); !errors.Is(err, errBusy) {
			t.Errorf("shared=%t, guard alone: got %d, %v, want errBusy", shared, fd, err)
		}
		c.close()
	}
}

// The lock alone keeps other supervisors off a port that has no guard for a moment.
func TestLockExcludesSupervisors(t *testing.T) {
	ownNetwork(t)
	c := &kernelClaimer{family: unix.AF_INET6, lock: -1, sock: -1}
	defer c.close()
	lock, err := c.takeLock(8080)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(lock)
	if got, want := acquire(t, NewAllocator(Defaults()), preferred).Pair(), (Pair{8090, 8091}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Why the flags stay set while a child lives.
func TestExclusiveTooEarlyBreaksListen(t *testing.T) {
	ownNetwork(t)
	lease := acquire(t, NewAllocator(Defaults()), preferred)
	if err := lease.Share(); err != nil {
		t.Fatal(err)
	}
	fd, err := bound(t, places[0], flagSets[1], 8080)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := lease.Exclusive(); err != nil {
		t.Fatal(err)
	}
	if got, want := unix.Listen(fd, 1), unix.EADDRINUSE; got != want {
		t.Errorf("listen over an exclusive guard: got %v, want %v", got, want)
	}
	if err := lease.Share(); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(fd, 1); err != nil {
		t.Errorf("listen over a shared guard: %v", err)
	}
}

// The kernel's own choice of a port never falls on a guard, shared or not, not even when
// it has no other port left.
func TestKernelPassesOverGuards(t *testing.T) {
	ownNetwork(t)
	const setting = "/proc/sys/net/ipv4/ip_local_port_range"
	before, err := os.ReadFile(setting)
	if err != nil {
		t.Skip(err)
	}
	if err := os.WriteFile(setting, []byte("40000 40009"), 0); err != nil {
		t.Skip("needs to set the ephemeral range: ", err)
	}
	defer os.WriteFile(setting, before, 0)

	server := places[0]
	listener, err := bound(t, server, flagSets[0], 9999)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(listener)
	if err := unix.Listen(listener, 100); err != nil {
		t.Fatal(err)
	}
	for _, shared := range []bool{false, true} {
		lease := acquire(t, NewAllocator(Options{}), Request{Preferred: Pair{40003, 40006}})
		if shared {
			if err := lease.Share(); err != nil {
				t.Fatal(err)
			}
		}
		for _, at := range places {
			for _, with := range flagSets {
				var open []int
				for range 12 { // more than the range has
					fd, err := bound(t, at, with, 0)
					if err != nil {
						continue
					}
					open = append(open, fd)
					if got := localPort(t, fd); got == 40003 || got == 40006 {
						t.Errorf("bind(0) on %s with %s, shared=%t: got the guarded port %d", at.name, with.name, shared, got)
					}
				}
				if len(open) == 0 {
					t.Errorf("bind(0) on %s with %s: got no port at all", at.name, with.name)
				}
				for _, fd := range open {
					unix.Close(fd)
				}
			}
		}
		var open []int
		for range 12 {
			fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				t.Fatal(err)
			}
			open = append(open, fd)
			// Aborted, not closed: TIME_WAIT would keep the range from the next round.
			if err := unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}); err != nil {
				t.Fatal(err)
			}
			if err := unix.Connect(fd, server.addr(9999)); err != nil {
				continue
			}
			if got := localPort(t, fd); got == 40003 || got == 40006 {
				t.Errorf("connect, shared=%t: got the guarded port %d", shared, got)
			}
		}
		for _, fd := range open {
			unix.Close(fd)
		}
		lease.Release()
	}
}

func localPort(tb testing.TB, fd int) int {
	tb.Helper()
	addr, err := unix.Getsockname(fd)
	if err != nil {
		tb.Fatal(err)
	}
	switch addr := addr.(type) {
	case *unix.SockaddrInet4:
		return addr.Port
	case *unix.SockaddrInet6:
		return addr.Port
	}
	tb.Fatalf("address %T", addr)
	return 0
}

// Without IPv6 the guard covers IPv4, and still excludes the guards of others.
func TestGuardWithoutIPv6(t *testing.T) {
	ownNetwork(t)
	c := &kernelClaimer{family: unix.AF_INET, lock: -1, sock: -1}
	defer c.close()
	g, err := c.claim(8080)
	if err != nil {
		t.Fatal(err)
	}
	defer g.close()
	for _, at := range places[:3] {
		if fd, err := bound(t, at, flagSets[1], 8080); err != unix.EADDRINUSE {
			t.Errorf("%s: got %d, %v, want %v", at.name, fd, err, unix.EADDRINUSE)
		}
	}
	if got, want := acquire(t, NewAllocator(Defaults()), preferred).Pair(), (Pair{8090, 8091}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

// IPv6 may be switched off on a kernel that has it, and IPv6 sockets may be made for
// IPv6 alone; the guard covers both versions all the same.
func TestGuardUnderSettings(t *testing.T) {
	ownNetwork(t)
	for _, setting := range []string{"/proc/sys/net/ipv6/conf/all/disable_ipv6", "/proc/sys/net/ipv6/bindv6only"} {
		t.Run(setting, func(t *testing.T) {
			if err := os.WriteFile(setting, []byte("1"), 0); err != nil {
				t.Skip(err)
			}
			defer os.WriteFile(setting, []byte("0"), 0)
			acquire(t, NewAllocator(Defaults()), preferred)
			if fd, err := bound(t, places[0], flagSets[1], 8080); err != unix.EADDRINUSE {
				t.Errorf("got %d, %v, want %v", fd, err, unix.EADDRINUSE)
			}
		})
	}
}
