package ports

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// probeClaimer asks the kernel by a bind that is given up at once. Between the probe
// and the child's own bind nothing holds the port but this process's books.
type probeClaimer struct{}

func (*probeClaimer) hold() string { return "probe" }
func (*probeClaimer) close()       {}

func (*probeClaimer) claim(port int) (guard, error) {
	config := net.ListenConfig{Control: exclusive}
	listener, err := config.Listen(context.Background(), "tcp", ":"+strconv.Itoa(port))
	switch {
	case err == nil:
		return noGuard, listener.Close()
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return noGuard, fmt.Errorf("port %d: no descriptor left (RLIMIT_NOFILE): %w", port, err)
	case errors.Is(err, syscall.EADDRINUSE), errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		return noGuard, errBusy
	}
	return noGuard, fmt.Errorf("port %d: %w", port, err)
}

// reclaim takes nothing: a probe could not keep what it found.
func (*probeClaimer) reclaim(int) (guard, error) { return noGuard, errBusy }

// exclusive takes back the SO_REUSEADDR that package net sets: with it a bind succeeds
// next to old connections over which a stricter child would fail, and on some systems
// next to a listener on another address.
func exclusive(_, _ string, conn syscall.RawConn) error {
	var err error
	controlErr := conn.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 0)
	})
	return errors.Join(controlErr, err)
}
