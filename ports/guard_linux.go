package ports

import (
	"errors"
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"
)

func newClaimer() claimer { return &kernelClaimer{family: unix.AF_INET6, lock: -1, sock: -1} }

// newReleasedClaimer returns one for a port that we have just given up with its lock: it
// meets exclusive sockets only.
func newReleasedClaimer() claimer {
	return &kernelClaimer{family: unix.AF_INET6, lock: -1, sock: -1, lenient: true}
}

// newYieldedClaimer returns one for a port of which we still have the lock.
func newYieldedClaimer() claimer {
	return &kernelClaimer{family: unix.AF_INET6, lock: -1, sock: -1, lenient: true, unlocked: true}
}

// kernelClaimer takes ports by guard sockets.
type kernelClaimer struct {
	lenient  bool // with SO_REUSEADDR
	unlocked bool // without a lock
	family   int  // AF_INET on kernels without IPv6
	lock     int  // sockets whose bind failed, or none
	sock     int
}

func (c *kernelClaimer) hold() string { return "guard" }

func (c *kernelClaimer) close() {
	for _, fd := range []*int{&c.lock, &c.sock} {
		if *fd >= 0 {
			_ = unix.Close(*fd)
			*fd = -1
		}
	}
}

// claim takes the lock before the guard: a supervisor whose child is about to bind a
// port without a guard over it must not meet our trial bind.
func (c *kernelClaimer) claim(port int) (guard, error) {
	lock, err := c.takeLock(port)
	if err != nil {
		return noGuard, err
	}
	sock, err := c.bind(port)
	if err != nil {
		if lock >= 0 {
			_ = unix.Close(lock)
		}
		return noGuard, err
	}
	return guard{lock: lock, sock: sock}, nil
}

// reclaim makes a guard over old connections. A bind with SO_REUSEADDR passes over them
// but would pass over another such socket, too; what excludes that one is to listen, for
// a moment. After the shutdown the socket is bound as any guard is.
func (c *kernelClaimer) reclaim(port int) (guard, error) {
	lock, err := c.takeLock(port)
	if err != nil {
		return noGuard, err
	}
	over := kernelClaimer{family: c.family, lock: -1, sock: -1, lenient: true}
	defer over.close()
	sock, err := over.bind(port)
	if err == nil && (!onlyClosed(port, sock) || unix.Listen(sock, 0) != nil ||
		unix.SetsockoptInt(sock, unix.SOL_SOCKET, unix.SO_REUSEADDR, 0) != nil ||
		unix.Shutdown(sock, unix.SHUT_RDWR) != nil) {
		_ = unix.Close(sock)
		err = errBusy
	}
	if err != nil {
		if lock >= 0 {
			_ = unix.Close(lock)
		}
		return noGuard, err
	}
	return guard{lock: lock, sock: sock}, nil
}

// onlyClosed tells whether no process has a socket of port open, but for ours.
func onlyClosed(port, sock int) bool {
	var own unix.Stat_t
	if unix.Fstat(sock, &own) != nil {
		return false
	}
	closed := true
	err := dump(anyState, port, port, func(m diagMessage) {
		closed = closed && (m.inode == 0 || m.inode == own.Ino)
	})
	return err == nil && closed
}

// lockName is the abstract address that stands for a port. Abstract names live in the
// network namespace, as ports do; a lock file would exclude by folder instead.
func lockName(port int) string { return "@miktos/port/" + strconv.Itoa(port) }

// takeLock returns -1 where there are no unix sockets to be had: the guard excludes by
// itself, only the holder's name is lost.
func (c *kernelClaimer) takeLock(port int) (int, error) {
	if c.unlocked {
		return -1, nil
	}
	if c.lock < 0 {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if outOfDescriptors(err) {
			return -1, descriptorError(port, err)
		} else if err != nil {
			return -1, nil
		}
		c.lock = fd
	}
	if err := unix.Bind(c.lock, &unix.SockaddrUnix{Name: lockName(port)}); err != nil {
		if err == unix.EADDRINUSE {
			return -1, errBusy
		}
		return -1, nil
	}
	fd := c.lock
	c.lock = -1
	// It listens so that connecting tells who holds the port (SO_PEERCRED); nobody
	// ever accepts, and each question takes a place in the queue.
	_ = unix.Listen(fd, 4096)
	return fd, nil
}

// bind makes the guard. No SO_REUSEADDR for one that is to stay: see the package comment.
func (c *kernelClaimer) bind(port int) (int, error) {
	if c.sock < 0 {
		fd, err := c.socket()
		if outOfDescriptors(err) {
			return -1, descriptorError(port, err)
		} else if err != nil {
			return -1, fmt.Errorf("guard socket: %w", err)
		}
		c.sock = fd
	}
	if c.lenient {
		if err := unix.SetsockoptInt(c.sock, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
			return -1, fmt.Errorf("guard socket: %w", err)
		}
	}
	var addr unix.Sockaddr = &unix.SockaddrInet6{Port: port}
	if c.family == unix.AF_INET {
		addr = &unix.SockaddrInet4{Port: port}
	}
	switch err := unix.Bind(c.sock, addr); err {
	case nil:
	case unix.EADDRINUSE, unix.EACCES, unix.EPERM: // the latter two by local policy
		return -1, errBusy
	default:
		return -1, fmt.Errorf("port %d: %w", port, err)
	}
	fd := c.sock
	c.sock = -1
	return fd, nil
}

// socket makes a guard's socket: for both IP versions, said explicitly because
// net.ipv6.bindv6only may say otherwise.
func (c *kernelClaimer) socket() (int, error) {
	if c.family == unix.AF_INET6 {
		fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err == nil {
			if err = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 0); err != nil {
				_ = unix.Close(fd)
				return -1, err
			}
			return fd, nil
		}
		if err != unix.EAFNOSUPPORT {
			return -1, err
		}
		c.family = unix.AF_INET
	}
	return unix.Socket(c.family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
}

// share sets the flags that let a child bind over the guard.
func (g *guard) share() error {
	return errors.Join(g.set(unix.SO_REUSEADDR, 1), g.set(unix.SO_REUSEPORT, 1))
}

// shut takes the flags back. That is not enough if a program with SO_REUSEPORT has
// bound the port since: the kernel then lets the next such program of the same user in
// without looking at the guard at all (tb->fastreuseport). A bind with SO_REUSEADDR
// alone, over our own guard, makes it look again.
func (g *guard) shut() error {
	return errors.Join(g.set(unix.SO_REUSEPORT, 0), g.rebind(), g.set(unix.SO_REUSEADDR, 0))
}

func (g *guard) set(option, value int) error {
	if err := unix.SetsockoptInt(g.sock, unix.SOL_SOCKET, option, value); err != nil {
		return fmt.Errorf("guard socket: %w", err)
	}
	return nil
}

// rebind binds the guard's address once more, for a moment.
func (g *guard) rebind() error {
	addr, err := unix.Getsockname(g.sock)
	if err != nil {
		return fmt.Errorf("guard socket: %w", err)
	}
	c := kernelClaimer{family: unix.AF_INET6, lock: -1, sock: -1}
	if _, ok := addr.(*unix.SockaddrInet4); ok {
		c.family = unix.AF_INET
	}
	fd, err := c.socket()
	if err != nil {
		return fmt.Errorf("guard socket: %w", err)
	}
	defer unix.Close(fd)
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return fmt.Errorf("guard socket: %w", err)
	}
	if err := unix.Bind(fd, addr); err != nil && err != unix.EADDRINUSE {
		return fmt.Errorf("guard socket: %w", err)
	}
	return nil // in use: somebody still listens, and keeps others off by that
}

func outOfDescriptors(err error) bool {
	return errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE)
}

// descriptorError names the limit that was met. A pair costs two guards and two locks.
func descriptorError(port int, err error) error {
	if errors.Is(err, unix.ENFILE) {
		return fmt.Errorf("port %d: no descriptor left on this machine (fs.file-max), a pair takes 4: %w", port, err)
	}
	var limit unix.Rlimit
	if e := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); e != nil {
		return fmt.Errorf("port %d: no descriptor left (RLIMIT_NOFILE), a pair takes 4: %w", port, err)
	}
	return fmt.Errorf("port %d: no descriptor left (RLIMIT_NOFILE is %d), a pair takes 4: %w", port, limit.Cur, err)
}
