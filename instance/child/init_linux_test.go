package child

import (
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// As PID 1 of a container the nursery has to reap what belongs to nobody, too.
func TestInit(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root to make a pid namespace")
	}
	exe, _ := os.Executable()
	cmd := exec.Command(exe)
	cmd.Env = cast(os.Environ(), "init")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS}
	out, err := cmd.CombinedOutput()
	if strings.Contains(string(out), "not permitted") {
		t.Skipf("no namespaces here: %s", out)
	}
	if err != nil || !strings.HasSuffix(string(out), "all reaped\n") {
		t.Fatalf("%v\n%s", err, out)
	}
}

func playInit() {
	check(unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
	check(unix.Mount("proc", "/proc", "proc", 0, ""))
	n := must(Open(slog.New(slog.NewTextHandler(os.Stdout, nil))))
	setPatience(n, time.Millisecond)

	// Orphans of others: one in a session that died out, one that leads its own.
	role := func(s string) *exec.Cmd {
		cmd := exec.Command(must(os.Executable()))
		cmd.Env = cast(os.Environ(), s)
		return cmd
	}
	check(role("chain 3").Run())
	c := must(n.Start(command("orphan")))
	<-c.Exited()
	c.Kill()
	<-c.Gone()
	if err := role("exit 4").Run(); err == nil || err.Error() != "exit status 4" {
		fmt.Println("error: exit of another command:", err)
	}
	for len(readPids()) > 1 {
		n.settle() // nothing tells an outsider when PID 1 reaped something
	}
	n.Close()
	fmt.Println("all reaped")
}
