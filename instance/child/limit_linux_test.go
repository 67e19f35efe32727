package child

import (
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The Go runtime raises our own limit on descriptors; children get the one that we were
// started with, however low, and their inherited files all the same.
func TestDescriptorLimit(t *testing.T) {
	exe, _ := os.Executable()
	for limit, want := range map[string]string{
		"-Sn 256": "limit 256 raised\nfd 0\nfd 1\nfd 2\nfd 99\n",
		"-n 60":   "limit 60\nfd 0\nfd 1\nfd 2\nfd 50\n",
	} {
		cmd := exec.Command("/bin/sh", "-c", "ulimit "+limit+"; exec "+exe)
		cmd.Env = cast(os.Environ(), "limited")
		out, err := cmd.CombinedOutput()
		if got := string(out); err != nil || got != want {
			t.Errorf("ulimit %s: got %q and %v, want %q", limit, got, err, want)
		}
	}
}

func playLimited() {
	var ours, theirs unix.Rlimit
	check(unix.Getrlimit(unix.RLIMIT_NOFILE, &ours))
	n := must(Open(slog.New(slog.DiscardHandler)))
	fds := must(unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0))
	c := must(n.Start(Command{
		Path: "/bin/sleep", Args: []string{"sleep", "60"},
		Inherit: []*os.File{os.NewFile(uintptr(fds[0]), "guard")},
	}))
	check(unix.Prlimit(c.PID(), unix.RLIMIT_NOFILE, nil, &theirs))
	raised := ""
	if ours.Cur > theirs.Cur {
		raised = " raised"
	}
	fmt.Printf("limit %d%s\n", theirs.Cur, raised)
	open := readNumbers(procPath(c.PID(), "fd"))
	slices.Sort(open)
	for _, fd := range open {
		// What the program opens by itself while it starts comes and goes.
		target, _ := os.Readlink(procPath(c.PID(), fmt.Sprint("fd/", fd)))
		if fd < 3 || strings.HasPrefix(target, "socket:") {
			fmt.Println("fd", fd)
		}
	}
	c.Kill()
	<-c.Gone()
	n.Close()
}

// Many children must not mean many threads.
func TestManyChildren(t *testing.T) {
	n := newNursery(t)
	before := len(readThreads(os.Getpid()))
	var all []*Child
	for range 200 {
		c, err := n.Start(Command{Path: "/bin/sleep", Args: []string{"sleep", "60"}})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	if got := len(readThreads(os.Getpid())) - before; got > 50 {
		t.Errorf("%d more threads for 200 children", got)
	}
	begin := time.Now()
	for _, c := range all {
		if err := c.Signal(unix.SIGTERM); err != nil {
			t.Error(err)
		}
	}
	for _, c := range all {
		await(t, c.Gone(), "end of the tree")
	}
	t.Logf("200 ended in %v", time.Since(begin))
}
