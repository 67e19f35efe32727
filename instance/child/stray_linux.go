package child

import (
	"errors"
	"maps"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// stray is a process of a tree whose parent died, so that it is now a child of ours (or,
// without a subreaper, of init).
type stray struct {
	owner *Child
	start uint64
}

// gather finds new strays and reaps those that died. Requires mu.
func (n *Nursery) gather() {
	n.undecided = false
	for pid, s := range n.strays {
		if n.dead(pid, s) {
			delete(n.strays, pid)
		}
	}
	session, _ := unix.Getsid(0)
	for _, pid := range n.candidates() {
		if n.leaders[pid] != nil || n.strays[pid] != nil {
			continue
		}
		st, ok := readStat(pid)
		if !ok {
			continue
		}
		if n.starting > 0 && st.session == pid {
			n.undecided = true // a daemon, or a leader that is about to be booked
			continue
		}
		// A process that left our session can never come back, and every leader leaves it
		// before it runs. So what is in our session was started by other code in here.
		var owner *Child
		if st.session != session {
			owner = n.ownerOf(st)
		}
		if owner == nil {
			n.nobody(st, session)
			continue
		}
		s := &stray{owner: owner, start: st.start}
		if !n.dead(pid, s) {
			n.strays[pid] = s
		}
	}
	maps.DeleteFunc(n.nobodys, func(pid int, start uint64) bool {
		st, ok := readStat(pid)
		return !ok || st.start != start
	})
	maps.DeleteFunc(n.unclaimed, func(pid int, _ time.Time) bool {
		st, ok := readStat(pid)
		return !ok || st.state != 'Z'
	})
}

// candidates returns the pids among which strays are found. The kernel gives an orphan to
// the first living thread of its subreaper. That is the main one: the Go runtime parks it
// rather than let it end.
func (n *Nursery) candidates() []int {
	if n.subreaper {
		return readChildren(n.pid, n.pid)
	}
	for _, c := range n.leaders {
		if c.ended || c.killing {
			return readPids()
		}
	}
	return nil
}

// dead reports whether a stray is no more, and reaps it. Its pid is safe to wait for:
// as long as it is in the books nobody else reaps it.
func (n *Nursery) dead(pid int, s *stray) bool {
	if !n.subreaper {
		st, ok := readStat(pid)
		return !ok || st.start != s.start || st.state == 'Z' || st.state == 'X'
	}
	var info siginfo
	err := waitid(unix.P_PID, pid, &info, unix.WEXITED|unix.WNOHANG)
	return errors.Is(err, unix.ECHILD) || err == nil && info.pid != 0
}

// ownerOf returns the tree that a stray belongs to, or nil. A pid that is a key of
// leaders is not reaped, so a session or group of that number is the leader's own.
func (n *Nursery) ownerOf(st stat) *Child {
	if c := n.leaders[st.session]; c != nil {
		return c
	}
	if c := n.leaders[st.group]; c != nil {
		return c
	}
	for _, c := range n.leaders {
		if start, ok := c.seen[st.pid]; ok && start == st.start {
			return c
		}
	}
	if !n.subreaper || st.state == 'Z' {
		return nil // other people's processes are not read; of a zombie nothing is left to read
	}
	if token := readToken(st.pid); token != "" {
		for _, c := range n.leaders {
			if c.token == token {
				return c
			}
		}
	}
	return n.ownerByFile(st.pid)
}

// ownerByFile returns the one tree whose output or inherited files a process has open.
func (n *Nursery) ownerByFile(pid int) *Child {
	var owner *Child
	for id := range openFiles(pid) {
		for _, c := range n.leaders {
			if _, ok := c.files[id]; !ok || c == owner {
				continue
			}
			if owner != nil {
				return nil // shared by two trees: proves nothing
			}
			owner = c
		}
	}
	return owner
}

// nobody deals with a child of ours that belongs to no tree. Only a zombie needs anything,
// and reaping it must not steal the exit status from other code that started it.
//
// What package os started is in our session or, after Setsid, the leader of its own, and a
// pidfd is open for it here until somebody waited. So what is in a third one's session is an
// orphan. The rest is taken for one if there is no pidfd, and after a while: other code may
// do without a pidfd, but it will not be so slow.
func (n *Nursery) nobody(st stat, session int) {
	if !n.subreaper {
		return
	}
	foreign := st.session != session
	if st.state != 'Z' {
		if foreign && n.nobodys[st.pid] != st.start {
			n.nobodys[st.pid] = st.start
			n.log.Warn("process belongs to no child, it is left alone", "pid", st.pid, "session", st.session)
		}
		return
	}
	if foreign && st.session != st.pid || n.forgotten(st.pid) && !claimed(st.pid) {
		waitid(unix.P_PID, st.pid, nil, unix.WEXITED|unix.WNOHANG)
		delete(n.unclaimed, st.pid)
	}
}

// forgotten reports whether a zombie has been lying around for long.
func (n *Nursery) forgotten(pid int) bool {
	first, ok := n.unclaimed[pid]
	if !ok {
		n.unclaimed[pid] = time.Now()
	}
	return ok && time.Since(first) >= n.patience
}

// claimed reports whether this process holds a pidfd for a process.
func claimed(pid int) bool {
	for _, fd := range readNumbers("/proc/self/fd") {
		target, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd))
		if err != nil || !strings.Contains(target, "pidfd") {
			continue
		}
		info, err := os.ReadFile("/proc/self/fdinfo/" + strconv.Itoa(fd))
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(info)) {
			if value, ok := strings.CutPrefix(line, "Pid:"); ok && strings.TrimSpace(value) == strconv.Itoa(pid) {
				return true
			}
		}
	}
	return false
}

// empty reports whether no stray is left of a tree. For a tree whose leader died that
// means that nobody is: every descendant hangs below a stray.
func (n *Nursery) empty(c *Child) bool {
	for _, s := range n.strays {
		if s.owner == c {
			return false
		}
	}
	return true
}
