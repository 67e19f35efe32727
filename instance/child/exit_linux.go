package child

import (
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// siginfo is the kernel's siginfo_t for SIGCHLD.
type siginfo struct {
	_, _, code int32
	_          [unsafe.Sizeof(uintptr(0)) / 8]int32 // the union is aligned to a pointer
	pid        int32
	_          uint32
	status     int32
	_          [100]byte // up to the 128 bytes that the kernel may write
}

const (
	killed = 2 // si_code: CLD_KILLED
	dumped = 3 // CLD_DUMPED
)

func waitid(kind, id int, info *siginfo, options int) error {
	for {
		err := unix.Waitid(kind, id, (*unix.Siginfo)(unsafe.Pointer(info)), options, nil)
		if err != unix.EINTR {
			return err
		}
	}
}

// peek reports whether a child died, and how, without reaping it.
func peek(kind, id int) (Exit, bool) {
	var info siginfo
	err := waitid(kind, id, &info, unix.WEXITED|unix.WNOWAIT|unix.WNOHANG)
	if err == unix.ECHILD {
		// Somebody reaped it who must not. That it is dead is still true.
		return Exit{Code: -1, At: time.Now()}, true
	}
	if err != nil || info.pid == 0 {
		return Exit{}, false
	}
	exit := Exit{Code: int(info.status), At: time.Now()}
	if info.code == killed || info.code == dumped {
		exit.Code, exit.Signal, exit.Core = -1, syscall.Signal(info.status), info.code == dumped
	}
	return exit, true
}

// watch starts to wait for the leader's death in the runtime's poller, so that no thread
// is blocked. It reports false, and closes the descriptor, where that is not possible.
func (c *Child) watch(pidfd int) bool {
	if unix.SetNonblock(pidfd, true) != nil {
		unix.Close(pidfd)
		return false
	}
	file := os.NewFile(uintptr(pidfd), "pidfd")
	raw, err := file.SyscallConn()
	if err != nil || file.SetReadDeadline(time.Time{}) != nil { // the poller would not take it
		file.Close()
		return false
	}
	c.pidfd = file
	c.watcher.Go(func() {
		var exit Exit
		err := raw.Read(func(fd uintptr) (died bool) {
			exit, died = peek(unix.P_PIDFD, int(fd))
			return died
		})
		if err != nil {
			return // the nursery was closed
		}
		c.nursery.mu.Lock()
		defer c.nursery.mu.Unlock()
		c.end(exit)
	})
	return true
}

// peekLeaders looks at every leader that is not watched.
func (n *Nursery) peekLeaders() {
	for _, c := range n.leaders {
		if c.pidfd != nil || c.ended {
			continue
		}
		if exit, died := peek(unix.P_PID, c.pid); died {
			c.end(exit)
		}
	}
}

// end books the leader's death. Requires Nursery.mu.
func (c *Child) end(exit Exit) {
	c.exit, c.ended = exit, true
	close(c.exited)
	c.nursery.stir()
}
