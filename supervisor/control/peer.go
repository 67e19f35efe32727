package control

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"

	"github.com/miktos/miktosctl/supervisor"
)

// peerConn is a connection from somebody who may connect.
type peerConn struct {
	net.Conn
	actor supervisor.Actor
}

// gate accepts the connections of our user and of root.
type gate struct {
	*net.UnixListener
	log *slog.Logger
}

// Accept implements [net.Listener].
func (g *gate) Accept() (net.Conn, error) {
	for {
		c, err := g.AcceptUnix()
		if err != nil {
			return nil, err
		}
		actor, err := peer(c)
		if err == nil && !welcome(actor.UID) {
			err = errors.New("another user")
		}
		if err != nil {
			g.log.Warn("control connection refused", "uid", actor.UID, "pid", actor.PID, "err", err)
			c.Close()
			continue
		}
		return &peerConn{Conn: c, actor: actor}, nil
	}
}

// welcome says whether a uid may speak with us. The folder of the socket keeps the
// others out already; this holds where somebody opens the folder up later.
func welcome(uid int) bool { return uid == os.Geteuid() || uid == 0 }

// peerKey is the context key of a connection's *peerConn.
type peerKey struct{}

func withPeer(ctx context.Context, c net.Conn) context.Context {
	if p, ok := c.(*peerConn); ok {
		return context.WithValue(ctx, peerKey{}, p)
	}
	return ctx
}

// peerOf returns the connection of a request, as withPeer noted it.
func peerOf(ctx context.Context) *peerConn {
	p, _ := ctx.Value(peerKey{}).(*peerConn)
	return p
}

// credentials asks with f for the other end of a connection.
func credentials(c *net.UnixConn, f func(fd int) (supervisor.Actor, error)) (actor supervisor.Actor, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return actor, err
	}
	failed := raw.Control(func(fd uintptr) { actor, err = f(int(fd)) })
	return actor, errors.Join(failed, err)
}
