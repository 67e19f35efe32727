package control

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// Every exchange with a supervisor that is stopped ends, and says why.
func TestStoppedSupervisor(t *testing.T) {
	cmd := exec.Command("sleep", "1000")
	if err := cmd.Start(); err != nil {
		t.Skip(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	pid := cmd.Process.Pid
	if isStopped(pid) || isStopped(os.Getpid()) {
		t.Fatal("stopped before anybody stopped it")
	}
	cmd.Process.Signal(syscall.SIGSTOP)
	if err := unix.Waitid(unix.P_PID, pid, nil, unix.WSTOPPED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
	if !isStopped(pid) {
		t.Fatal("got a process that is not stopped")
	}

	dirs := folders(t)
	listen(t, dirs) // and nobody serves
	for name, ask := range map[string]func(context.Context, *Client) error{
		"status": func(ctx context.Context, c *Client) error { _, err := c.Status(ctx); return err },
		"scale":  func(ctx context.Context, c *Client) error { return c.Scale(ctx, 2) },
		"events": func(ctx context.Context, c *Client) error { _, err := c.Events(ctx, 0); return err },
	} {
		t.Run(name, func(t *testing.T) {
			c, err := Dial(t.Context(), dirs)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if got := int(c.pid.Load()); got != os.Getpid() {
				t.Errorf("got pid %d for the supervisor, want %d", got, os.Getpid())
			}
			c.pid.Store(int64(pid)) // stays: the connection of Dial is there to be used
			var stopped *StoppedError
			if err := ask(t.Context(), c); !errors.As(err, &stopped) || stopped.PID != pid {
				t.Errorf("got %v, want that pid %d is stopped", err, pid)
			}
		})
	}
}
