package control

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Other users are refused even where somebody opened the folder and the socket up.
func TestOtherUserRefused(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to become another user")
	}
	s, c := serve(t, newFakeFleet(t, "viewer-1"))
	if err := os.Chmod(s.path, 0o666); err != nil {
		t.Fatal(err)
	}
	for dir := filepath.Dir(s.path); dir != filepath.Clean(os.TempDir()) && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o711); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := knockAs(65534, s.path), "closed"; got != want {
		t.Errorf("another user: got %q, want %q", got, want)
	}
	if got, want := knockAs(0, s.path), "HTTP/1.1 200 OK"; got != want {
		t.Errorf("our user: got %q, want %q", got, want)
	}
	if _, err := c.Version(t.Context()); err != nil {
		t.Errorf("after the refusal: %v", err)
	}
}

// knockAs asks for the version as another user and returns the first line of the
// answer. On Linux a user is a thread's: this one's never comes back.
func knockAs(uid int, path string) string {
	answer := make(chan string)
	go func() {
		runtime.LockOSThread()
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, uintptr(uid), uintptr(uid), uintptr(uid)); errno != 0 {
			answer <- errno.Error()
			return
		}
		c, err := net.Dial("unix", path)
		if err != nil {
			answer <- err.Error()
			return
		}
		defer c.Close()
		fmt.Fprintf(c, "GET /v1/version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		line, err := bufio.NewReader(c).ReadString('\n')
		if err != nil {
			line = "closed"
		}
		answer <- strings.TrimSpace(line)
	}()
	return <-answer
}

func TestLongPath(t *testing.T) {
	dirs := folders(t)
	dirs.Runtime = filepath.Join(filepath.Dir(dirs.Runtime), strings.Repeat("deep-", 20), strings.Repeat("long-", 20))
	if err := os.MkdirAll(filepath.Dir(dirs.Runtime), 0o700); err != nil {
		t.Fatal(err)
	}
	s := listen(t, dirs)
	served := make(chan error, 1)
	go func() { served <- s.Serve(newFakeFleet(t, "viewer-1")) }()
	c, err := Dial(t.Context(), dirs)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	about, err := c.Version(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if want := (About{Fleet: "studio", Version: "v1", PID: os.Getpid(), Schema: 1}); about != want {
		t.Errorf("got %+v, want %+v", about, want)
	}
	s.Finish(nil)
	if err := <-served; err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(SocketPath(dirs)); !os.IsNotExist(err) {
		t.Errorf("the socket is left: %v", err)
	}
}
