package ports

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"testing"

	"go.uber.org/goleak"
)

// TestMain runs the tests in a network of their own, where every port is free and the
// kernel's settings are theirs to change, and the helpers that tests start as processes.
func TestMain(m *testing.M) {
	if role := os.Getenv("PORTS_TEST_ROLE"); role != "" {
		roles[role]()
		return
	}
	if code, done := inOwnNetwork(); done {
		os.Exit(code)
	}
	code := m.Run()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// ownNetwork skips the test where it could not have a network of its own: the numbers
// it uses may be taken there.
func ownNetwork(tb testing.TB) {
	tb.Helper()
	if os.Getenv("PORTS_TEST_NETWORK") == "" {
		tb.Skip("needs a network namespace of its own (root, or user namespaces): not permitted here")
	}
}

// occupy makes a stranger listen on a port of the loopback address.
func occupy(tb testing.TB, ports ...int) []net.Listener {
	tb.Helper()
	var listeners []net.Listener
	for _, port := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { l.Close() })
		listeners = append(listeners, l)
	}
	return listeners
}

// acquire returns a lease that ends with the test.
func acquire(tb testing.TB, a *Allocator, request Request) *Lease {
	tb.Helper()
	lease, err := a.Acquire(request)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(lease.Release)
	return lease
}

// preferred is the request of a fleet that says nothing.
var preferred = Request{Preferred: Pair{8080, 8081}}
