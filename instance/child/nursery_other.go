//go:build !linux

package child

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"syscall"
	"time"
)

// pollEvery is how often a group without its leader is looked at: nothing tells us about
// the deaths of other people's children.
const pollEvery = 20 * time.Millisecond

// Nursery starts children. On this system it has nothing to look after between that
// and their end.
type Nursery struct {
	log  *slog.Logger
	null *os.File
}

// tree is the process group here.
type tree struct {
	mu      sync.Mutex
	killing bool
	over    bool // the group is empty, its number may be somebody else's
}

// Open prepares to start children. The error is about resources.
func Open(log *slog.Logger) (*Nursery, error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("nursery: %w", err)
	}
	return &Nursery{log: log, null: null}, nil
}

// Close releases what Open took. Children that still live are left alone.
func (n *Nursery) Close() { n.null.Close() }

// Start runs a command as the leader of a session of its own. The error is a *SpawnError
// when the command could not be executed.
func (n *Nursery) Start(cmd Command) (*Child, error) {
	path, fault := cmd.locate()
	if fault != nil {
		return nil, fault
	}
	output := cmd.Output
	if output == nil {
		output = n.null
	}
	files := []*os.File{n.null, output, output}
	for len(cmd.Inherit) > 0 && len(files) < FirstInherited {
		files = append(files, nil)
	}
	files = append(files, cmd.Inherit...)
	args := cmd.Args
	if args == nil {
		args = []string{cmd.Path}
	}
	env := cmd.Env
	if env == nil {
		env = []string{}
	}
	process, err := os.StartProcess(path, args, &os.ProcAttr{
		Dir: cmd.Dir, Env: env, Files: files, Sys: &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		if pathErr, ok := errors.AsType[*os.PathError](err); ok {
			err = pathErr.Err
		}
		return nil, cmd.explain(path, err)
	}
	c := &Child{
		nursery: n, pid: process.Pid, token: cmd.Token,
		exited: make(chan struct{}), gone: make(chan struct{}),
	}
	go c.watch(process) // ends with the child, and Gone is how its end is waited for
	return c, nil
}

// watch waits for the leader and then for its group. There is no peeking here, so the
// leader is reaped before the group is empty; its number stays taken as long as the
// group has members.
func (c *Child) watch(process *os.Process) {
	state, err := process.Wait()
	c.exit = Exit{Code: -1, At: time.Now()}
	if err != nil {
		c.nursery.log.Error("leader not reaped", "pid", c.pid, "error", err)
	} else if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		c.exit.Signal, c.exit.Core = status.Signal(), status.CoreDump()
	} else {
		c.exit.Code = state.ExitCode()
	}
	close(c.exited)

	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	for !c.round() {
		<-poll.C
	}
	close(c.gone)
}

// round reports whether the group is empty, and kills what is left if that was asked.
func (c *Child) round() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	sig := syscall.Signal(0)
	if c.killing {
		sig = syscall.SIGKILL
	}
	c.over = errors.Is(syscall.Kill(-c.pid, sig), syscall.ESRCH)
	return c.over
}

// Signal sends a signal to every process of the group, followed by SIGCONT unless it is
// SIGKILL or SIGSTOP. It returns nil when nobody is left.
func (c *Child) Signal(sig syscall.Signal) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return nil
	}
	err := syscall.Kill(-c.pid, sig)
	if err == nil && sig != syscall.SIGKILL && sig != syscall.SIGSTOP && sig != 0 {
		err = syscall.Kill(-c.pid, syscall.SIGCONT)
	}
	if err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("process %d: %w", c.pid, err)
	}
	return nil
}

// Kill ends every process of the group with SIGKILL and returns at once. Gone tells when
// it is done.
func (c *Child) Kill() {
	c.mu.Lock()
	c.killing = true
	c.mu.Unlock()
	c.Signal(syscall.SIGKILL)
}

// Pids returns the leader, or nobody after its death: the group cannot be listed.
func (c *Child) Pids() []int {
	select {
	case <-c.exited:
		return nil
	default:
		return []int{c.pid}
	}
}

// Owns reports false: this system does not tell who has a socket open.
func (c *Child) Owns(uint64) bool { return false }

// Sockets returns an empty map: this system does not tell who has a socket open.
func (c *Child) Sockets() map[uint64]bool { return map[uint64]bool{} }
