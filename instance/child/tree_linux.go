package child

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// tree is what is known about the processes below and around a leader. Guarded by
// Nursery.mu but for files, pidfd and watcher, which never change.
type tree struct {
	files   map[fileID]struct{} // by which strays are recognised
	pidfd   *os.File            // the leader's; nil where leaders are looked at one by one
	watcher sync.WaitGroup

	ended   bool           // the leader died
	killing bool           // everybody has to go
	reaped  bool           // the leader's pid is free again
	seen    map[int]uint64 // members at the last look, with their start times
}

// members returns everybody in the tree who lives, the leader first, and remembers them.
// Requires Nursery.mu.
func (c *Child) members() []stat {
	if c.reaped {
		return nil
	}
	c.nursery.gather()
	var found []stat
	known := make(map[int]uint64)
	add := func(pid int, plausible func(stat) bool) {
		if _, twice := known[pid]; twice {
			return
		}
		st, ok := readStat(pid)
		if !ok || !plausible(st) {
			return
		}
		known[pid] = st.start // a zombie too: it may be ours to reap soon
		if st.state != 'Z' || st.threads > 1 {
			found = append(found, st) // the zombie with threads is one whose main thread ended
		}
	}
	add(c.pid, func(stat) bool { return true })
	for pid, s := range c.nursery.strays {
		if s.owner == c {
			add(pid, func(st stat) bool { return st.start == s.start })
		}
	}
	for pid, start := range c.seen { // whose parents died just now, or adopted by others
		add(pid, func(st stat) bool { return st.start == start })
	}
	for i := 0; i < len(found); i++ { // it grows: breadth first
		parent := found[i]
		threads := []int{parent.pid}
		if parent.threads > 1 {
			threads = readThreads(parent.pid)
		}
		for _, thread := range threads {
			for _, pid := range readChildren(parent.pid, thread) {
				// Between the list and the look its parent may have died, or even the child
				// itself, and its pid may be a stranger's.
				add(pid, func(st stat) bool { return st.parent == parent.pid || st.parent == c.nursery.pid })
			}
		}
	}
	c.seen = known
	return found
}

// Pids returns the living processes of the tree, the leader first. A leader that died is
// not among them.
func (c *Child) Pids() []int {
	c.nursery.mu.Lock()
	defer c.nursery.mu.Unlock()
	members := c.members()
	pids := make([]int, len(members))
	for i, st := range members {
		pids[i] = st.pid
	}
	return pids
}

// Signal sends a signal to every process of the tree, to the leader's group at once and
// then to those that left it, followed by SIGCONT: a stopped process does not hear
// anything else. Nothing follows SIGKILL, which needs no help, nor SIGSTOP. It returns
// nil when nobody is left, and an error when the system did not allow it.
func (c *Child) Signal(sig syscall.Signal) error {
	c.nursery.mu.Lock()
	defer c.nursery.mu.Unlock()
	if c.reaped {
		return nil
	}
	outside := c.outside()
	err := c.signalAll(outside, sig)
	if sig != unix.SIGKILL && sig != unix.SIGSTOP && sig != 0 {
		err = errors.Join(err, c.signalAll(outside, unix.SIGCONT))
	}
	if err != nil {
		return fmt.Errorf("process %d: %w", c.pid, err)
	}
	return nil
}

// outside returns the members that a signal to the leader's group does not reach.
func (c *Child) outside() []stat {
	var outside []stat
	for _, st := range c.members() {
		if st.group != c.pid {
			outside = append(outside, st)
		}
	}
	return outside
}

func (c *Child) signalAll(outside []stat, sig syscall.Signal) error {
	err := ignoreGone(unix.Kill(-c.pid, sig))
	for _, st := range outside {
		err = errors.Join(err, c.signalOne(st, sig))
	}
	return err
}

// signalOne signals a process that may die at any moment. A child of ours cannot be
// reused, as it is reaped under the lock that is held now; anybody else is opened first
// and then looked at again. Where that is not possible it is left alone: when its parents
// are gone it becomes a child of ours.
func (c *Child) signalOne(st stat, sig syscall.Signal) error {
	if s := c.nursery.strays[st.pid]; s != nil && s.owner == c && c.nursery.subreaper {
		return ignoreGone(unix.Kill(st.pid, sig))
	}
	fd, err := unix.PidfdOpen(st.pid, 0)
	if err != nil {
		return ignoreGone(err)
	}
	defer unix.Close(fd)
	if now, ok := readStat(st.pid); !ok || now.start != st.start {
		return nil
	}
	return ignoreGone(unix.PidfdSendSignal(fd, sig, nil, 0))
}

func ignoreGone(err error) error {
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	return err
}

// Kill ends every process of the tree with SIGKILL, again and again until none is left,
// and returns at once. Gone tells when it is done.
func (c *Child) Kill() {
	c.nursery.mu.Lock()
	defer c.nursery.mu.Unlock()
	if c.reaped {
		return
	}
	c.killing = true
	unix.Kill(-c.pid, unix.SIGKILL)
	c.nursery.stir()
}

// killRound kills whoever can be seen now. Who was forked behind its back has a parent
// that was killed by it; that parent's death, or the death of one further up, is a SIGCHLD
// and with it the next round. So it ends, however fast they fork.
func (n *Nursery) killRound(c *Child) {
	if err := c.signalAll(c.outside(), unix.SIGKILL); err != nil {
		n.log.Warn("process of a child cannot be killed", "pid", c.pid, "error", err)
	}
}
