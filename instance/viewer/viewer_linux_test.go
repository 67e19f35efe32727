package viewer

import (
	"syscall"
	"testing"
)

// A supervisor holds the ports with sockets that are bound and never listen; with
// SO_REUSEADDR on both sides the viewer can listen all the same.
func TestListensOverAGuard(t *testing.T) {
	var ports [2]int
	for i := range ports {
		fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer syscall.Close(fd)
		if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
			t.Fatal(err)
		}
		addr, err := syscall.Getsockname(fd)
		if err != nil {
			t.Fatal(err)
		}
		ports[i] = addr.(*syscall.SockaddrInet4).Port
	}
	v := start(t, Options{HTTPPort: ports[0], WSPort: ports[1]})
	if resp, _ := get(t, v.page()+"/"); resp.StatusCode != 200 {
		t.Errorf("got %d, want the page", resp.StatusCode)
	}
	connect(t, v)
}
