package child

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func TestOrphan(t *testing.T) {
	for name, subreaper := range map[string]bool{"subreaper": true, "polling": false} {
		t.Run(name, func(t *testing.T) {
			n := opened(t, subreaper, subreaper)
			a := start(t, n, "orphan")
			pid := a.hearNumber(t, "pid")
			await(t, a.Exited(), "exit")
			if happened(a.Gone()) || !alive(pid) {
				t.Fatal("gone while a grandchild is alive")
			}
			if st, ok := readStat(a.PID()); !ok || st.state != 'Z' {
				t.Fatal("the leader was reaped while its group has members")
			}
			if got, want := a.Pids(), []int{pid}; !slices.Equal(got, want) {
				t.Errorf("pids: got %v, want %v", got, want)
			}
			a.Kill()
			await(t, a.Gone(), "end of the tree")
			if alive(pid) {
				t.Error("the grandchild is alive after gone")
			}
		})
	}
}

// Gone comes by itself when the last orphan dies, whoever killed it.
func TestOrphanDiesAlone(t *testing.T) {
	n := newNursery(t)
	a := start(t, n, "orphan")
	pid := a.hearNumber(t, "pid")
	await(t, a.Exited(), "exit")
	unix.Kill(pid, unix.SIGKILL)
	await(t, a.Gone(), "end of the tree")
	if _, ok := readStat(pid); ok {
		t.Error("the orphan was not reaped")
	}
}

func TestDaemon(t *testing.T) {
	n := newNursery(t)
	t.Run("token", func(t *testing.T) {
		a := start(t, n, "daemon")
		pid := a.hearNumber(t, "pid")
		await(t, a.Exited(), "exit")
		if happened(a.Gone()) {
			t.Fatal("gone while its daemon is alive")
		}
		if err := a.Signal(unix.SIGTERM); err != nil {
			t.Fatal(err)
		}
		await(t, a.Gone(), "end of the tree")
		if alive(pid) {
			t.Error("the daemon did not get the signal")
		}
	})
	t.Run("file", func(t *testing.T) { // no token, but it holds the output open
		cmd := command("daemon")
		cmd.Token = "another"
		a := startCommand(t, n, cmd)
		pid := a.hearNumber(t, "pid")
		await(t, a.Exited(), "exit")
		if got := a.Pids(); !slices.Contains(got, pid) {
			t.Fatalf("pids: got %v, want %v among them", got, pid)
		}
		a.Kill()
		await(t, a.Gone(), "end of the tree")
	})
	t.Run("seen", func(t *testing.T) { // neither; but it was seen below its leader once
		a := start(t, n, "parent bare")
		pid := a.hearNumber(t, "pid")
		if got, want := a.Pids(), []int{a.PID(), pid}; !slices.Equal(got, want) {
			t.Fatalf("pids: got %v, want %v", got, want)
		}
		a.Child.token, a.Child.files = "", nil
		unix.Kill(a.PID(), unix.SIGKILL)
		await(t, a.Exited(), "exit")
		if got, want := a.Pids(), []int{pid}; !slices.Equal(got, want) {
			t.Fatalf("pids after the leader's death: got %v, want %v", got, want)
		}
		a.Kill()
		await(t, a.Gone(), "end of the tree")
	})
	t.Run("bare", func(t *testing.T) { // nothing ties it to anybody: it is left alone
		setPatience(n, 0)
		before := readChildren(n.pid, n.pid)
		a := start(t, n, "daemon bare")
		a.hear(t, "left")
		await(t, a.Gone(), "end of the tree")
		var stranger int
		for { // until the process in between is reaped, and the daemon is what it is to be
			rest := slices.DeleteFunc(readChildren(n.pid, n.pid), func(pid int) bool { return slices.Contains(before, pid) })
			if len(rest) == 0 {
				t.Fatal("a stranger was killed")
			}
			env, _ := os.ReadFile(procPath(rest[0], "environ"))
			if len(rest) == 1 && strings.Contains(string(env), roleVariable+"=linger") {
				stranger = rest[0]
				break
			}
			n.settle()
		}
		unix.Kill(stranger, unix.SIGKILL)
		if err := waitid(unix.P_PID, stranger, nil, unix.WEXITED); err != nil && !errors.Is(err, unix.ECHILD) {
			t.Error(err)
		}
	})
}

func TestBomb(t *testing.T) {
	n := newNursery(t)
	a := start(t, n, "bomb 5")
	for range 8 {
		a.hear(t, "pid") // under way
	}
	a.Kill()
	await(t, a.Gone(), "end of the tree")
	setPatience(n, 0)
	for rest := []int{0}; len(rest) > 0; n.settle() { // until zombies of unknown descent are reaped
		rest = readChildren(n.pid, n.pid)
		if i := slices.IndexFunc(rest, alive); i >= 0 {
			t.Fatalf("alive after gone: %d of %v", rest[i], rest)
		}
	}
}

// A process that hops on and on is seen through, and its last hop ends the tree.
func TestChain(t *testing.T) {
	n := newNursery(t)
	a := start(t, n, "chain 8")
	await(t, a.Gone(), "end of the tree")
}

func TestHeadless(t *testing.T) {
	n := newNursery(t)
	a := start(t, n, "headless")
	inode := a.hearNumber(t, "inode")
	for { // until the main thread is gone
		if st, ok := readStat(a.PID()); ok && st.state == 'Z' {
			break
		}
		runtime.Gosched()
	}
	if happened(a.Exited()) {
		t.Fatal("exited while threads are running")
	}
	if got, want := a.Pids(), []int{a.PID()}; !slices.Equal(got, want) {
		t.Errorf("pids: got %v, want %v", got, want)
	}
	if !a.Owns(uint64(inode)) {
		t.Error("its socket was not found")
	}
	a.Kill()
	await(t, a.Gone(), "end of the tree")
}

// Other code in this process keeps the exit statuses of what it starts.
func TestOthersKeepTheirExits(t *testing.T) {
	n := newNursery(t)
	setPatience(n, 0)
	exe, _ := os.Executable()
	for i := range 15 {
		a := start(t, n, "orphan") // strays to be reaped, meanwhile
		cmd := exec.Command(exe)
		cmd.Env = cast(os.Environ(), "exit 5")
		if i%2 == 1 {
			cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		pid := a.hearNumber(t, "pid")
		for { // let it lie about as a zombie while the nursery looks around
			if st, ok := readStat(cmd.Process.Pid); !ok || st.state == 'Z' {
				break
			}
			n.settle()
		}
		unix.Kill(pid, unix.SIGKILL)
		await(t, a.Gone(), "end of the tree")
		n.settle()
		err := cmd.Wait()
		if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 5 {
			t.Fatalf("got %v, want exit status 5", err)
		}
	}
}
