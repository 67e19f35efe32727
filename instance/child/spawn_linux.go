package child

import (
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// Start runs a command as the leader of a session of its own. The error is a *SpawnError
// when the command could not be executed.
//
// It does not go through package os: that would keep a pidfd of its own for each
// child, and reap the leader in its Wait.
func (n *Nursery) Start(cmd Command) (*Child, error) {
	path, fault := cmd.locate()
	if fault != nil {
		return nil, fault
	}
	c := &Child{
		nursery: n,
		token:   cmd.Token,
		exited:  make(chan struct{}),
		gone:    make(chan struct{}),
	}
	fds, err := n.descriptors(&cmd, c)
	if err != nil {
		return nil, &SpawnError{Path: path, Err: err}
	}
	args := cmd.Args
	if args == nil {
		args = []string{cmd.Path}
	}
	var pidfd int
	sys := &syscall.SysProcAttr{Setsid: true}
	if n.pidfds {
		sys.PidFD = &pidfd
	}

	// The lock is not held over the fork: a program on a dead network disk would hold up
	// everybody else's signals.
	n.mu.Lock()
	n.starting++
	n.mu.Unlock()
	restore := clearSignalMask()
	c.pid, _, err = syscall.StartProcess(path, args, &syscall.ProcAttr{Dir: cmd.Dir, Env: cmd.Env, Files: fds, Sys: sys})
	restore()
	runtime.KeepAlive(cmd)

	n.mu.Lock()
	defer n.mu.Unlock()
	n.starting--
	if n.undecided {
		n.stir()
	}
	if err != nil {
		return nil, cmd.explain(path, err)
	}
	n.leaders[c.pid] = c
	if !n.pidfds || pidfd < 0 || !c.watch(pidfd) {
		// From now on this and later leaders are looked at by the loop. The first look is due now:
		// it may have died already.
		n.pidfds = false
		n.stir()
	}
	return c, nil
}

// descriptors returns the descriptor table of the child, and notes by which files its
// processes can be recognised. ^0 is a descriptor that stays closed.
func (n *Nursery) descriptors(cmd *Command, c *Child) ([]uintptr, error) {
	output := cmd.Output
	if output == nil {
		output = n.null
	}
	first := FirstInherited
	// Between fork and exec the files are moved out of each other's way, to numbers above all others.
	need := 2*len(cmd.Inherit) + 8
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) == nil && limit.Max < uint64(first+need) {
		first = max(3, int(limit.Max)-need)
	}
	fds := make([]uintptr, 3, first+len(cmd.Inherit))
	if len(cmd.Inherit) > 0 {
		for len(fds) < first {
			fds = append(fds, ^uintptr(0))
		}
	}
	c.files = make(map[fileID]struct{}, 1+len(cmd.Inherit))
	for i, f := range append([]*os.File{n.null, output, output}, cmd.Inherit...) {
		fd, err := c.descriptor(f)
		if err != nil {
			return nil, err
		}
		if i < 3 {
			fds[i] = fd
		} else {
			fds = append(fds, fd)
		}
	}
	return fds, nil
}

// descriptor returns the number of an open file. File.Fd would do, too, but it takes the
// file out of the runtime's poller, and the file belongs to somebody else.
func (c *Child) descriptor(f *os.File) (uintptr, error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return 0, err
	}
	var number uintptr
	err = raw.Control(func(fd uintptr) {
		number = fd
		var st unix.Stat_t
		if unix.Fstat(int(fd), &st) == nil {
			if id, ok := idOf(&st); ok {
				c.files[id] = struct{}{}
			}
		}
	})
	return number, err
}

// clearSignalMask unblocks every signal of this thread until restore is called, because
// a child inherits the mask of the thread that forks it, and we may have been started with
// signals blocked.
func clearSignalMask() (restore func()) {
	runtime.LockOSThread()
	var none, was unix.Sigset_t
	err := unix.PthreadSigmask(unix.SIG_SETMASK, &none, &was)
	return func() {
		if err == nil {
			unix.PthreadSigmask(unix.SIG_SETMASK, &was, nil)
		}
		runtime.UnlockOSThread()
	}
}
