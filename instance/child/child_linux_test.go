package child

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func TestExit(t *testing.T) {
	n := newNursery(t)
	for _, tt := range []struct {
		role, want string
		code       int
	}{
		{"exit 0", "exit code 0", 0},
		{"exit 3", "exit code 3", 3},
		{"die 9", "killed by SIGKILL", -1},
		{"die 15", "killed by SIGTERM", -1},
	} {
		t.Run(tt.role, func(t *testing.T) {
			a := start(t, n, tt.role)
			await(t, a.Exited(), "exit")
			if got := a.Exit(); got.String() != tt.want || got.Code != tt.code || got.At.IsZero() {
				t.Errorf("got %v %+v, want %q", got, got, tt.want)
			}
			await(t, a.Gone(), "end of the tree")
			if err := a.Signal(unix.SIGTERM); err != nil {
				t.Errorf("signal to nobody: got %v, want nil", err)
			}
		})
	}
}

func TestExitString(t *testing.T) {
	for want, e := range map[string]Exit{
		"exit code 0":                     {},
		"killed by SIGSEGV":               {Code: -1, Signal: unix.SIGSEGV},
		"killed by SIGSEGV (core dumped)": {Code: -1, Signal: unix.SIGSEGV, Core: true},
		"killed by signal 40":             {Code: -1, Signal: 40},
	} {
		if got := e.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestDeaf(t *testing.T) {
	n := newNursery(t)
	a := start(t, n, "deaf")
	a.hear(t, "pid")
	if err := a.Signal(unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if happened(a.Exited()) {
		t.Fatal("exited by a signal that it ignores")
	}
	a.Kill()
	await(t, a.Gone(), "end of the tree")
	if got, want := a.Exit().Signal, unix.SIGKILL; got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

// A stopped child hears TERM only because CONT follows it.
func TestFrozen(t *testing.T) {
	n := newNursery(t)
	a := start(t, n, "frozen")
	if err := waitid(unix.P_PID, a.PID(), nil, unix.WSTOPPED); err != nil {
		t.Fatal(err)
	}
	if err := a.Signal(unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	await(t, a.Gone(), "end of the tree")
	if got, want := a.Exit().Code, 7; got != want {
		t.Errorf("got code %d, want %d", got, want)
	}
}

func TestOwns(t *testing.T) {
	n := newNursery(t)
	for _, role := range []string{"listen", "listen-below"} {
		t.Run(role, func(t *testing.T) {
			a := start(t, n, role)
			other := start(t, n, "linger")
			inode := uint64(a.hearNumber(t, "inode"))
			for range 2 { // looked for, then remembered
				if !a.Owns(inode) {
					t.Error("its own socket was not found")
				}
			}
			if other.Owns(inode) || a.Owns(1) {
				t.Error("owns a stranger's socket")
			}
			if !a.Sockets()[inode] {
				t.Error("its socket is not listed")
			}
			a.Kill()
			await(t, a.Gone(), "end of the tree")
			if a.Owns(inode) || len(a.Sockets()) > 0 {
				t.Error("owns a socket after its end")
			}
		})
	}
}

func TestSpawnError(t *testing.T) {
	n := newNursery(t)
	dir := t.TempDir()
	file := func(name, text string, mode fs.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, tt := range map[string]struct {
		cmd  Command
		is   error
		text string
	}{
		"missing":           {Command{Path: dir + "/no"}, exec.ErrNotFound, "no such file"},
		"missing in PATH":   {Command{Path: "no-such-thing", Env: []string{"PATH=/bin:/usr/bin"}}, exec.ErrNotFound, "not found in PATH"},
		"empty":             {Command{}, exec.ErrNotFound, "command: is empty"},
		"not executable":    {Command{Path: file("plain", "", 0o644)}, fs.ErrPermission, "is not executable"},
		"the same in PATH":  {Command{Path: "plain", Env: []string{"PATH=" + dir}}, fs.ErrPermission, "not executable"},
		"a directory":       {Command{Path: dir}, fs.ErrPermission, "is a directory"},
		"format":            {Command{Path: file("data", "\x00\x01 no program", 0o755)}, syscall.ENOEXEC, "exec format error"},
		"interpreter":       {Command{Path: file("script", "#!/no/such/interpreter\n", 0o755)}, exec.ErrNotFound, "interpreter"},
		"working directory": {Command{Path: "/bin/true", Dir: dir + "/no"}, fs.ErrNotExist, "working directory"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := n.Start(tt.cmd)
			if _, ok := errors.AsType[*SpawnError](err); !ok {
				t.Fatalf("got %v, want a SpawnError", err)
			}
			if !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("got %q, want %v and %q", err, tt.is, tt.text)
			}
		})
	}
}

func TestPathOfChild(t *testing.T) {
	n := newNursery(t)
	dir := t.TempDir()
	exe, _ := os.Executable()
	if err := os.Symlink(exe, dir+"/prog"); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ path, env string }{{"prog", dir}, {"./prog", ""}, {"prog", ""}} {
		cmd := command("describe")
		cmd.Path, cmd.Dir, cmd.Args = tt.path, dir, nil
		cmd.Env = append(cmd.Env, "PATH="+tt.env+":/bin")
		a := startCommand(t, n, cmd)
		if got := a.hear(t, "cwd"); got != dir {
			t.Errorf("got %q, want %q", got, dir)
		}
		if got := a.hear(t, "arg0"); got != tt.path {
			t.Errorf("got %q, want %q", got, tt.path)
		}
	}
}

// What a child is born with: three descriptors and the inherited ones, every signal at
// its default and none blocked, though this process was started with other ideas.
func TestInheritance(t *testing.T) {
	signal.Ignore(unix.SIGHUP, unix.SIGUSR1)
	defer signal.Reset(unix.SIGHUP, unix.SIGUSR1)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var block, was unix.Sigset_t
	block.Val[0] = 1<<(unix.SIGTERM-1) | 1<<(unix.SIGUSR2-1)
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, &block, &was); err != nil {
		t.Fatal(err)
	}
	defer unix.PthreadSigmask(unix.SIG_SETMASK, &was, nil)

	leaky, err := unix.Open(os.DevNull, unix.O_RDONLY, 0) // as if our starter had left it open
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(leaky)

	n := newNursery(t)
	guards := make([]*os.File, 2)
	for i := range guards {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			t.Fatal(err)
		}
		guards[i] = os.NewFile(uintptr(fd), "guard")
		defer guards[i].Close()
	}

	cmd := command("describe")
	cmd.Inherit = guards
	a := startCommand(t, n, cmd)
	var fds []string
	signals := make(map[string]string)
	for a.lines.Scan() {
		f := strings.Fields(a.lines.Text())
		if f[0] == "fd" {
			fds = append(fds, f[1]+" "+strings.SplitN(f[2], ":", 2)[0])
		} else {
			signals[f[0]] = f[1]
		}
	}
	slices.Sort(fds)
	want := []string{"0 /dev/null", "1 pipe", "100 socket", "2 pipe", "99 socket"}
	if !slices.Equal(fds, want) {
		t.Errorf("descriptors: got %q, want %q", fds, want)
	}
	for _, mask := range []string{"SigBlk:", "SigIgn:"} {
		if got, want := signals[mask], fmt.Sprintf("%016x", 0); got != want {
			t.Errorf("%s got %s, want %s", mask, got, want)
		}
	}
	for _, g := range guards { // they are still ours and in the mode that they were in
		raw, _ := g.SyscallConn()
		raw.Control(func(fd uintptr) {
			if flags, err := unix.FcntlInt(fd, unix.F_GETFL, 0); err != nil || flags&unix.O_NONBLOCK == 0 {
				t.Errorf("guard: flags %#x, error %v", flags, err)
			}
		})
	}
}

func TestNothingIsLeft(t *testing.T) {
	n := newNursery(t)
	descriptors := func() int {
		n.mu.Lock() // or the nursery may have something of /proc open just now
		defer n.mu.Unlock()
		return len(readNumbers("/proc/self/fd"))
	}
	before, goroutines := descriptors(), runtime.NumGoroutine()
	for i := range 50 {
		c, err := n.Start(command([]string{"exit 0", "die 9", "orphan"}[i%3]))
		if err != nil {
			t.Fatal(err)
		}
		await(t, c.Exited(), "exit")
		c.Kill()
		await(t, c.Gone(), "end of the tree")
	}
	if got, want := descriptors(), before; got != want {
		t.Errorf("descriptors: got %d, want %d", got, want)
	}
	if got, want := runtime.NumGoroutine(), goroutines; got > want {
		t.Errorf("goroutines: got %d, want %d", got, want)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.leaders)+len(n.strays) > 0 {
		t.Errorf("books: %d leaders and %d strays", len(n.leaders), len(n.strays))
	}
}

// A nursery that is closed leaves the living alone.
func TestClose(t *testing.T) {
	n := newNursery(t)
	c, err := n.Start(command("linger"))
	if err != nil {
		t.Fatal(err)
	}
	n.Close()
	n.Close()
	if happened(c.Exited()) || !alive(c.PID()) {
		t.Error("the child did not survive")
	}
	unix.Kill(-c.PID(), unix.SIGKILL)
	if err := waitid(unix.P_PID, c.PID(), nil, unix.WEXITED); err != nil {
		t.Error(err)
	}
}
