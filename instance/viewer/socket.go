package viewer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/coder/websocket"
)

var (
	errTooSlow = errors.New("client reads too slowly")
	errLeft    = errors.New("client left")
)

// client is one WebSocket connection of the room.
type client struct {
	out  *outbox
	drop context.CancelCauseFunc // cuts the connection; the cause says why
}

// serveSocket answers on the WebSocket port, on any path.
func (s *server) serveSocket(w http.ResponseWriter, r *http.Request) {
	if !headerHas(r.Header, "Connection", "upgrade") || !headerHas(r.Header, "Upgrade", "websocket") {
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", "websocket")
		http.Error(w, fmt.Sprintf("this is the WebSocket port of %s; its page is on port %d", s.o.Instance, s.o.HTTPPort),
			http.StatusUpgradeRequired)
		return
	}
	if !originAllowed(r) {
		http.Error(w, "pages of another host may not connect to this viewer", http.StatusForbidden)
		return
	}
	// A page whose viewer moved to other ports must not end up in somebody else's scene.
	if want := r.URL.Query().Get("instance"); want != "" && want != s.o.Instance {
		http.Error(w, fmt.Sprintf("this is %s, not %s", s.o.Instance, want), http.StatusConflict)
		return
	}
	if !s.enter() {
		http.Error(w, "the viewer is stopping", http.StatusServiceUnavailable)
		return
	}
	defer s.running.Done()

	// The origin was checked above; Accept's own rule wants the same port too.
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return
	}
	defer conn.CloseNow()
	conn.SetReadLimit(int64(s.limits.message))
	ctx, drop := context.WithCancelCause(r.Context())
	defer drop(errLeft)

	c := &client{out: newOutbox(s.limits.pending), drop: drop}
	if err := s.room.join(c); err != nil {
		conn.Close(websocket.StatusTryAgainLater, err.Error())
		return
	}
	s.o.Log.Debug("client connected", "viewer", s.o.Instance, "client", r.RemoteAddr)

	written := make(chan struct{})
	go func() {
		defer close(written)
		s.write(ctx, conn, c)
	}()
	err = s.read(ctx, conn, c)
	s.room.leave(c)
	drop(errLeft)
	<-written
	reason := err
	if cause := context.Cause(ctx); !errors.Is(cause, errLeft) {
		reason = cause
	}
	s.o.Log.Debug("client disconnected", "viewer", s.o.Instance, "client", r.RemoteAddr, "reason", reason)
}

// read hands messages to the room until the connection ends.
func (s *server) read(ctx context.Context, conn *websocket.Conn, c *client) error {
	for {
		kind, data, err := conn.Read(ctx)
		if err != nil {
			return err
		}
		if kind != websocket.MessageText {
			s.room.refuse(c, errors.New("message is binary: send JSON as text"))
			continue
		}
		s.room.handle(c, data)
	}
}

// write sends what is in the outbox, and the goodbye when the server stops.
func (s *server) write(ctx context.Context, conn *websocket.Conn, c *client) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.stopping:
			conn.Close(websocket.StatusGoingAway, "viewer is stopping")
			return
		case <-c.out.ready:
		}
		m, ok := c.out.next()
		if !ok {
			continue
		}
		limited, cancel := context.WithTimeoutCause(ctx, s.limits.write, errTooSlow)
		err := conn.Write(limited, websocket.MessageText, m)
		cause := context.Cause(limited)
		cancel()
		if err != nil {
			if cause == nil {
				cause = err
			}
			c.drop(cause)
			return
		}
	}
}

// headerHas looks for a token in a comma-separated header.
func headerHas(h http.Header, key, token string) bool {
	for _, v := range h.Values(key) {
		for t := range strings.SplitSeq(v, ",") {
			if strings.EqualFold(strings.TrimSpace(t), token) {
				return true
			}
		}
	}
	return false
}
