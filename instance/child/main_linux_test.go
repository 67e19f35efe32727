package child

import (
	"bufio"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

// roleVariable turns the test binary into a hostile child.
const roleVariable = "CHILD_TEST_ROLE"

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		time.AfterFunc(time.Minute, func() { os.Exit(99) }) // whatever a test does wrong
		play(strings.Fields(role))
		os.Exit(0)
	}
	code := m.Run()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	var info siginfo
	if err := waitid(unix.P_ALL, 0, &info, unix.WEXITED|unix.WNOWAIT|unix.WNOHANG); err != unix.ECHILD {
		fmt.Fprintln(os.Stderr, "a child is left, zombie pid:", info.pid)
		code = 1
	}
	os.Exit(code)
}

// play is the life of a child. "say" tells the test that it is set up.
func play(role []string) {
	say := func(a ...any) { fmt.Println(a...) }
	number := func(i int) int { v, _ := strconv.Atoi(role[i]); return v }
	switch role[0] {
	case "exit":
		os.Exit(number(1))
	case "die":
		unix.Kill(os.Getpid(), syscall.Signal(number(1)))
		pause()
	case "linger":
		say("pid", os.Getpid())
		pause()
	case "deaf":
		signal.Ignore(unix.SIGTERM)
		say("pid", os.Getpid())
		pause()
	case "frozen": // stops itself, and leaves only when it hears TERM
		term := make(chan os.Signal, 1)
		signal.Notify(term, unix.SIGTERM)
		say("pid", os.Getpid())
		unix.Kill(os.Getpid(), unix.SIGSTOP)
		<-term
		os.Exit(7)
	case "orphan": // leaves a grandchild in its own group
		reexec("linger", os.Environ(), false, false)
	case "parent": // keeps a grandchild
		reexec("linger", os.Environ(), true, false)
		pause()
	case "daemon": // leaves one that made itself a session; "bare" without token and files
		env := os.Environ()
		bare := slices.Contains(role, "bare")
		if bare {
			env = slices.DeleteFunc(env, func(s string) bool { return strings.HasPrefix(s, TokenVariable+"=") })
		}
		reexec("between "+strings.Join(role[1:], " "), env, true, bare)
		say("left")
		if slices.Contains(role, "stay") {
			pause()
		}
	case "between": // the process between a daemon and its parent
		reexec("linger", os.Environ(), true, slices.Contains(role, "bare"))
	case "chain": // hops from process to process, each in a session of its own
		if number(1) > 0 {
			reexec(fmt.Sprint("chain ", number(1)-1), os.Environ(), true, false)
		}
	case "bomb": // two children each, for some generations, all of them deaf
		signal.Ignore(unix.SIGTERM)
		say("pid", os.Getpid())
		if depth := number(1); depth > 0 {
			for i := range 2 {
				reexec(fmt.Sprint("bomb ", depth-1), os.Environ(), i == 0, false)
			}
		}
		pause()
	case "headless": // the main thread ends, others run on
		l, err := net.Listen("tcp", "127.0.0.1:0")
		check(err)
		say("inode", inodeOf(l))
		endMainThread()
	case "listen":
		l, err := net.Listen("tcp", "127.0.0.1:0")
		check(err)
		say("inode", inodeOf(l))
		pause()
	case "listen-below":
		reexec("listen", os.Environ(), false, false)
		pause()
	case "describe":
		for _, fd := range readNumbers("/proc/self/fd") {
			if target, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd)); err == nil && !ours(target) {
				say("fd", fd, target)
			}
		}
		status, err := os.ReadFile("/proc/thread-self/status")
		check(err)
		for line := range strings.Lines(string(status)) {
			if strings.HasPrefix(line, "Sig") {
				fmt.Print(line)
			}
		}
		say("cwd", must(os.Getwd()))
		say("arg0", os.Args[0])
	case "limited": // starts one of its own; see TestDescriptorLimit
		playLimited()
	case "init": // PID 1 of a namespace; see TestInit
		playInit()
	}
}

// endMainThread finds the main thread by keeping the goroutines that land on others there.
func endMainThread() {
	runtime.LockOSThread()
	if unix.Gettid() == os.Getpid() {
		unix.Syscall(unix.SYS_EXIT, 0, 0, 0)
	}
	for {
		landed := make(chan struct{})
		go func() {
			runtime.LockOSThread()
			if unix.Gettid() == os.Getpid() {
				unix.Syscall(unix.SYS_EXIT, 0, 0, 0)
			}
			close(landed)
			select {}
		}()
		select {
		case <-landed:
		case <-time.After(time.Second): // that one is gone
			pause()
		}
	}
}

// ours reports what the Go runtime of the child itself has open.
func ours(target string) bool {
	return strings.HasPrefix(target, "anon_inode:") || strings.HasPrefix(target, "/proc/") || strings.HasPrefix(target, "/sys/")
}

// pause blocks for good without the runtime taking it for a deadlock.
func pause() {
	for {
		unix.Pause()
	}
}

func reexec(role string, env []string, setsid, silent bool) {
	env = cast(env, role)
	files := []*os.File{os.Stdin, os.Stdout, os.Stderr}
	if silent {
		null := must(os.OpenFile(os.DevNull, os.O_RDWR, 0))
		files = []*os.File{null, null, null}
	}
	_, err := os.StartProcess(must(os.Executable()), []string{"child"}, &os.ProcAttr{
		Env: env, Files: files, Sys: &syscall.SysProcAttr{Setsid: setsid},
	})
	check(err)
}

// cast returns an environment for a role. The first of two of a name would win, and the
// child would play its parent for ever.
func cast(env []string, role string) []string {
	env = slices.DeleteFunc(slices.Clone(env), func(s string) bool { return strings.HasPrefix(s, roleVariable+"=") })
	return append(env, roleVariable+"="+role, "GORACE=atexit_sleep_ms=0")
}

func inodeOf(l net.Listener) uint64 {
	raw := must(l.(*net.TCPListener).SyscallConn())
	var st unix.Stat_t
	check(raw.Control(func(fd uintptr) {
		check(unix.Fstat(int(fd), &st))
		must(unix.Dup(int(fd))) // stays open when the listener is garbage
	}))
	return st.Ino
}

func check(err error) {
	if err != nil {
		fmt.Println("error", err)
		os.Exit(98)
	}
}

func must[T any](v T, err error) T {
	check(err)
	return v
}

func newNursery(t testing.TB) *Nursery {
	t.Helper()
	return opened(t, true, true)
}

func opened(t testing.TB, subreaper, pidfds bool) *Nursery {
	t.Helper()
	n, err := open(slog.New(slog.NewTextHandler(t.Output(), nil)), subreaper, pidfds)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	return n
}

func setPatience(n *Nursery, d time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.patience = d
}

// actor is a child in a role, and what it says.
type actor struct {
	*Child
	lines *bufio.Scanner
}

func command(role string) Command {
	exe, _ := os.Executable()
	return Command{
		Path:  exe,
		Args:  []string{"actor"},
		Env:   append(cast(os.Environ(), role), TokenVariable+"=tok-"+role),
		Token: "tok-" + role,
	}
}

func start(t testing.TB, n *Nursery, role string) actor {
	t.Helper()
	return startCommand(t, n, command(role))
}

func startCommand(t testing.TB, n *Nursery, cmd Command) actor {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Output = w
	c, err := n.Start(cmd)
	w.Close()
	if err != nil {
		r.Close()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Kill()
		await(t, c.Gone(), "end of the tree")
		r.Close()
	})
	return actor{c, bufio.NewScanner(r)}
}

// hear returns what follows a word that the child says; other lines are passed over.
func (a actor) hear(t testing.TB, word string) string {
	t.Helper()
	for a.lines.Scan() {
		if rest, ok := strings.CutPrefix(a.lines.Text(), word); ok {
			return strings.TrimSpace(rest)
		}
	}
	t.Fatalf("child never said %q", word)
	return ""
}

func (a actor) hearNumber(t testing.TB, word string) int {
	t.Helper()
	v, err := strconv.Atoi(a.hear(t, word))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// await fails a test that would hang.
func await(t testing.TB, event <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-event:
	case <-time.After(20 * time.Second):
		buf := make([]byte, 1<<16)
		t.Fatalf("%s never came\n%s", what, buf[:runtime.Stack(buf, true)])
	}
}

func happened(event <-chan struct{}) bool {
	select {
	case <-event:
		return true
	default:
		return false
	}
}

func alive(pid int) bool {
	st, ok := readStat(pid)
	return ok && st.state != 'Z'
}
