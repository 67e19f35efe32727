package control

import (
	"net"

	"golang.org/x/sys/unix"

	"github.com/miktos/miktosctl/supervisor"
)

// peer returns who is at the other end of a connection.
func peer(c *net.UnixConn) (supervisor.Actor, error) {
	return credentials(c, func(fd int) (supervisor.Actor, error) {
		cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
		if err != nil {
			return supervisor.Actor{UID: -1}, err
		}
		return supervisor.Actor{UID: int(cred.Uid), PID: int(cred.Pid)}, nil
	})
}
