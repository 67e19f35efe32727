package control

import (
	"net"

	"golang.org/x/sys/unix"

	"github.com/miktos/miktosctl/supervisor"
)

// peer returns who is at the other end of a connection.
func peer(c *net.UnixConn) (supervisor.Actor, error) {
	return credentials(c, func(fd int) (supervisor.Actor, error) {
		cred, err := unix.GetsockoptXucred(fd, unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
		if err != nil {
			return supervisor.Actor{UID: -1}, err
		}
		actor := supervisor.Actor{UID: int(cred.Uid)}
		if pid, err := unix.GetsockoptInt(fd, unix.SOL_LOCAL, unix.LOCAL_PEERPID); err == nil {
			actor.PID = pid
		}
		return actor, nil
	})
}
