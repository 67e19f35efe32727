package viewer

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// A client that never reads is cut off; the others get everything, in order.
func TestSlowClientIsDropped(t *testing.T) {
	accepted := make(chan *narrowConn, 8)
	v := start(t, Options{}, func(s *server) {
		s.limits.pending = 256 << 10
		s.sockets = narrow{s.sockets, accepted}
	})
	dial(t, v.socket()) // reads nothing, ever
	slow := <-accepted
	quick, _ := connect(t, v)
	note := strings.Repeat("x", 64<<10)
	// Far more than the sockets between the two, and the outbox, can hold.
	for i := 0; v.clients() == 2 && i < 1000; i++ {
		quick.send(`{"type":"object_update","update_type":"object_modified","object_data":{"id":"pearl","note":%q,"turn":%d}}`, note, i)
		if m := quick.expect("object_update"); m.ObjectData["turn"] != float64(i) {
			t.Fatalf("turn %v, want %d", m.ObjectData["turn"], i)
		}
	}
	if n := v.clients(); n != 1 {
		t.Errorf("%d clients in the room, want the quick one alone", n)
	}
	<-slow.gone
	// It may come back, and begins with the whole scene.
	connect(t, v)
}

func TestStopSaysGoingAway(t *testing.T) {
	v := start(t, Options{})
	a, _ := connect(t, v)
	b, _ := connect(t, v)
	stopped := make(chan error, 1)
	go func() { stopped <- v.stop() }()
	for _, p := range []peer{a, b} {
		if _, err := p.read(); websocket.CloseStatus(err) != websocket.StatusGoingAway {
			t.Errorf("got %v, want status going away", err)
		}
	}
	if err := <-stopped; err != nil {
		t.Errorf("got %v, want nil", err)
	}
	if c, err := net.Dial("tcp", v.sockets.Addr().String()); err == nil {
		c.Close()
		t.Error("websocket port still listens")
	}
}

// A client that does not answer the close frame cannot hold up the end.
func TestStopCutsDeafClients(t *testing.T) {
	v := start(t, Options{}, func(s *server) { s.limits.goodbye = 50 * time.Millisecond })
	connect(t, v) // reads no more from here on, so it never answers
	if err := v.stop(); err != nil {
		t.Errorf("got %v, want nil", err)
	}
	if n := v.clients(); n != 0 {
		t.Errorf("%d clients left in the room, want 0", n)
	}
}

func (r running) clients() int {
	r.room.mu.Lock()
	defer r.room.mu.Unlock()
	return len(r.room.clients)
}

func TestHandshake(t *testing.T) {
	v := start(t, Options{Instance: "viewer-1"})
	port := v.sockets.Addr().(*net.TCPAddr).Port
	for _, c := range []struct {
		name, path, host, origin string
		want                     int
	}{
		{"program", "/", "", "", 101},
		{"any path", "/some/where?x=1", "", "", 101},
		{"page of this host", "/", "", "http://127.0.0.1:8080", 101},
		{"page behind a gateway", "/", "viewer-1.localhost:8070", "http://viewer-1.localhost:8070", 101},
		{"gateway with TLS", "/", "viewer.example", "https://viewer.example", 101},
		{"upper case", "/", "Viewer-1.LOCALHOST:8070", "http://viewer-1.localhost:8070", 101},
		{"page of another host", "/", "", "http://evil.example", 403},
		{"page of a lookalike", "/", "viewer-1.localhost:8070", "http://viewer-1.localhost.evil.example", 403},
		{"sandboxed page", "/", "", "null", 403},
		{"nonsense", "/", "", "http://", 403},
		{"right instance", "/?instance=viewer-1", "", "", 101},
		{"wrong instance", "/?instance=viewer-2", "", "", 409},
	} {
		t.Run(c.name, func(t *testing.T) {
			opts := &websocket.DialOptions{Host: c.host}
			if c.origin != "" {
				opts.HTTPHeader = map[string][]string{"Origin": {c.origin}}
			}
			conn, resp, err := websocket.Dial(t.Context(), fmt.Sprintf("ws://127.0.0.1:%d%s", port, c.path), opts)
			if err == nil {
				defer conn.CloseNow()
			}
			if resp == nil || resp.StatusCode != c.want {
				t.Errorf("got %v (%v), want %d", resp, err, c.want)
			}
		})
	}
}

func TestPlainRequestOnTheWebSocketPort(t *testing.T) {
	v := start(t, Options{Instance: "viewer-1"})
	resp, body := get(t, "http://"+v.sockets.Addr().String()+"/")
	if resp.StatusCode != 426 || resp.Header.Get("Upgrade") != "websocket" || !strings.Contains(body, "WebSocket port of viewer-1") {
		t.Errorf("got %d %q %q", resp.StatusCode, resp.Header.Get("Upgrade"), body)
	}
}

func TestOutboxBoundsWhatPilesUp(t *testing.T) {
	b := newOutbox(1000)
	if !b.push(make([]byte, 5000)) {
		t.Error("an empty outbox refused a large message")
	}
	if b.push(nil) {
		t.Error("a full outbox took another message")
	}
	if m, ok := b.next(); !ok || len(m) != 5000 {
		t.Errorf("got %d bytes, %v", len(m), ok)
	}
	n := 0
	for b.push(nil) {
		n++
	}
	if want := 1000 / overhead; n != want {
		t.Errorf("took %d empty messages, want %d", n, want)
	}
	for range n {
		<-b.ready
		if _, ok := b.next(); !ok {
			t.Fatal("ready without a message")
		}
	}
	if _, ok := b.next(); ok || b.size != 0 {
		t.Errorf("%d bytes left in an empty outbox", b.size)
	}
}

// narrow is a listener whose connections take little before a write has to wait.
type narrow struct {
	net.Listener
	accepted chan *narrowConn
}

type narrowConn struct {
	net.Conn
	closed func() // closes the channel below, once
	gone   chan struct{}
}

func (n narrow) Accept() (net.Conn, error) {
	c, err := n.Listener.Accept()
	if err != nil {
		return nil, err
	}
	gone := make(chan struct{})
	nc := &narrowConn{c, sync.OnceFunc(func() { close(gone) }), gone}
	n.accepted <- nc
	return nc, c.(*net.TCPConn).SetWriteBuffer(4096)
}

func (c *narrowConn) Close() error {
	c.closed()
	return c.Conn.Close()
}
