package viewer

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// running is a viewer under test.
type running struct {
	*server
	stop func() error // ends it and returns what Run would have returned
}

// start runs a viewer on ports of the kernel's choice and stops it with the test.
func start(t testing.TB, o Options, change ...func(*server)) running {
	t.Helper()
	if o.Instance == "" {
		o.Instance = "viewer-1"
	}
	if o.Fleet == "" {
		o.Fleet = "test"
	}
	// The test's own context ends before its cleanups, and pages are closed there.
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	s, err := listen(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range change {
		f(s)
	}
	done := make(chan error, 1)
	go func() { done <- s.serve(ctx) }()
	stop := sync.OnceValue(func() error { cancel(); return <-done })
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("stopping: %v", err)
		}
	})
	return running{s, stop}
}

func (r running) page() string   { return "http://" + r.pages.Addr().String() }
func (r running) socket() string { return "ws://" + r.sockets.Addr().String() + "/" }

// get asks without keeping the connection, which would count as a leak.
func get(t testing.TB, url string, header ...string) (*http.Response, string) {
	t.Helper()
	return do(t, http.MethodGet, url, header...)
}

func do(t testing.TB, method, url string, header ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Close = true
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
			continue
		}
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(resp.Body); err != nil {
		t.Fatal(err)
	}
	return resp, body.String()
}

// peer is a WebSocket client that speaks the viewer's messages.
type peer struct {
	t    testing.TB
	conn *websocket.Conn
}

// message is anything that the viewer sends.
type message struct {
	Type       string           `json:"type"`
	Objects    []map[string]any `json:"objects"`
	Camera     *camera          `json:"camera"`
	Position   []float64        `json:"position"`
	Target     []float64        `json:"target"`
	Viewport   string           `json:"viewport"`
	Quality    string           `json:"quality"`
	FPS        *float64         `json:"fps"`
	Timestamp  string           `json:"timestamp"`
	UpdateType string           `json:"update_type"`
	ObjectData map[string]any   `json:"object_data"`
	Message    string           `json:"message"`
}

// dial connects without reading the scene_state that comes first.
func dial(t testing.TB, url string) peer {
	t.Helper()
	conn, _, err := websocket.Dial(t.Context(), url, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.CloseNow() })
	conn.SetReadLimit(-1)
	return peer{t, conn}
}

// connect returns a client and the scene it was greeted with.
func connect(t testing.TB, r running) (peer, message) {
	t.Helper()
	p := dial(t, r.socket())
	return p, p.expect("scene_state")
}

func (p peer) send(format string, args ...any) {
	p.t.Helper()
	if err := p.conn.Write(p.t.Context(), websocket.MessageText, fmt.Appendf(nil, format, args...)); err != nil {
		p.t.Fatal(err)
	}
}

func (p peer) read() (message, error) {
	ctx, cancel := context.WithTimeout(p.t.Context(), 10*time.Second)
	defer cancel()
	_, data, err := p.conn.Read(ctx)
	if err != nil {
		return message{}, err
	}
	var m message
	if err := json.Unmarshal(data, &m); err != nil {
		return message{}, fmt.Errorf("%s: %w", data, err)
	}
	return m, nil
}

// expect reads one message, which must be of this type.
func (p peer) expect(kind string) message {
	p.t.Helper()
	m, err := p.read()
	if err != nil {
		p.t.Fatal(err)
	}
	if m.Type != kind {
		p.t.Fatalf("got %+v, want a %s", m, kind)
	}
	return m
}

func (p peer) expectError(part string) {
	p.t.Helper()
	if m := p.expect("error"); !strings.Contains(m.Message, part) {
		p.t.Errorf("got error %q, want %q in it", m.Message, part)
	}
}

// scene asks for the state of things.
func (p peer) scene() message {
	p.t.Helper()
	p.send(`{"type":"get_scene_state"}`)
	return p.expect("scene_state")
}

func TestRunStopsCleanly(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	logged := newLines("viewer listening")
	done := make(chan error, 1)
	go func() {
		done <- Run(ctx, Options{Instance: "viewer-1", Log: slog.New(slog.NewTextHandler(logged, nil))})
	}()
	select {
	case <-logged.seen:
	case err := <-done:
		t.Fatalf("Run returned early: %v", err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("got %v, want nil", err)
	}
}

func TestRunNamesTheTakenPort(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port

	err = Run(t.Context(), Options{HTTPPort: port})
	if want := fmt.Sprintf("http port %d: ", port); err == nil || !strings.HasPrefix(err.Error(), want) || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("got %v, want %q…address already in use", err, want)
	}
	err = Run(t.Context(), Options{WSPort: port})
	if want := fmt.Sprintf("websocket port %d: ", port); err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v, want %q…", err, want)
	}
	err = Run(t.Context(), Options{HTTPPort: 8080, WSPort: 8080})
	if err == nil || !strings.Contains(err.Error(), "two different ports") {
		t.Errorf("got %v, want an error about one port for both", err)
	}
}

// A failed start must give back the port that it did get.
func TestRunTakesBothPortsOrNone(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := free.Addr().(*net.TCPAddr).Port
	free.Close()

	if err := Run(t.Context(), Options{HTTPPort: port, WSPort: taken.Addr().(*net.TCPAddr).Port}); err == nil {
		t.Fatal("got nil, want an error")
	}
	again, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatalf("http port was not given back: %v", err)
	}
	again.Close()
}

// A browser's spare connection, which never sends a byte, must not hold up the end.
func TestStopDoesNotWaitForSilentConnections(t *testing.T) {
	v := start(t, Options{}, func(s *server) { s.limits.goodbye = 50 * time.Millisecond })
	for _, ln := range []net.Listener{v.pages, v.sockets} {
		c, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	if err := v.stop(); err != nil {
		t.Errorf("got %v, want nil", err)
	}
}

// lines closes seen once a line with part in it was logged.
type lines struct {
	part string
	seen chan struct{}
	once sync.Once
}

func newLines(part string) *lines { return &lines{part: part, seen: make(chan struct{})} }

func (l *lines) Write(p []byte) (int, error) {
	if strings.Contains(string(p), l.part) {
		l.once.Do(func() { close(l.seen) })
	}
	return len(p), nil
}

func writeFile(t testing.TB, name, content string) string {
	t.Helper()
	name = t.TempDir() + "/" + name
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}
