package viewer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Options says which instance this viewer is and where it listens.
type Options struct {
	// Host is the address to listen on; empty means 127.0.0.1.
	Host string
	// HTTPPort and WSPort must differ. 0 lets the kernel choose; the log says what it chose.
	HTTPPort, WSPort int
	// Instance and Fleet are shown on the page and checked when it connects.
	Instance, Fleet string
	// Generation counts the children of the instance; shown on the page.
	Generation int
	// Scene is a .glb or .json file to begin with; empty means a small built-in scene.
	Scene string
	// Log receives the viewer's events; nil discards them.
	Log *slog.Logger
}

// Run listens on both ports and serves until ctx ends, which is not an error: it
// then closes every WebSocket with StatusGoingAway and returns nil. Faults of the
// scene file are found before anything listens. A port that cannot be had is an
// error that names it and wraps the [net.OpError].
func Run(ctx context.Context, o Options) error {
	s, err := listen(ctx, o)
	if err != nil {
		return err
	}
	return s.serve(ctx)
}

// server is one viewer that listens already.
type server struct {
	o        Options // ports are the real ones, Log is set
	sockets  net.Listener
	pages    net.Listener
	room     *room
	scene    *sceneFile // nil: nothing to serve
	limits   limits
	stopping chan struct{} // closed when no connection may start or go on

	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup // WebSocket handlers; Add only under mu while not closed
}

// limits bound what a client can cost. Sizes are bytes.
type limits struct {
	message int // one message from a client
	pending int // waiting for one client that reads slowly
	scene   int // all objects together
	objects int
	clients int
	write   time.Duration // one message to one client
	goodbye time.Duration // for the peers' answers to the close frame
}

func defaultLimits() limits {
	return limits{
		message: 16 << 20,
		pending: 64 << 20,
		scene:   64 << 20,
		objects: 10_000,
		clients: 128,
		write:   10 * time.Second,
		goodbye: time.Second,
	}
}

// listen checks the options, loads the scene and takes both ports, or none.
func listen(ctx context.Context, o Options) (*server, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Host == "" {
		o.Host = "127.0.0.1"
	}
	if o.HTTPPort == o.WSPort && o.HTTPPort != 0 {
		return nil, fmt.Errorf("port %d: the page and the WebSocket need two different ports", o.HTTPPort)
	}
	l := defaultLimits()
	first, file, err := openScene(o, l)
	if err != nil {
		return nil, err
	}

	pages, port, err := listenOn(ctx, o.Host, o.HTTPPort)
	if err != nil {
		return nil, fmt.Errorf("http port %d: %w", o.HTTPPort, err)
	}
	o.HTTPPort = port
	sockets, port, err := listenOn(ctx, o.Host, o.WSPort)
	if err != nil {
		pages.Close()
		return nil, fmt.Errorf("websocket port %d: %w", o.WSPort, err)
	}
	o.WSPort = port

	return &server{
		o:        o,
		pages:    pages,
		sockets:  sockets,
		room:     newRoom(first, l, o.Log),
		scene:    file,
		limits:   l,
		stopping: make(chan struct{}),
	}, nil
}

// listenOn leaves SO_REUSEADDR on, which Go sets: a supervisor may hold the port
// with a bound socket that never listens, and only so can both have it.
func listenOn(ctx context.Context, host string, port int) (net.Listener, int, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return nil, 0, err
	}
	return ln, ln.Addr().(*net.TCPAddr).Port, nil
}

func (s *server) serve(ctx context.Context) error {
	// Connections outlive ctx by the goodbye: a context that ends cuts a
	// WebSocket off without a close frame.
	conns, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()

	quiet := slog.NewLogLogger(s.o.Log.Handler(), slog.LevelDebug)
	newServer := func(h http.Handler) *http.Server {
		return &http.Server{
			Handler:           h,
			ReadHeaderTimeout: 10 * time.Second,
			IdleTimeout:       2 * time.Minute,
			MaxHeaderBytes:    64 << 10,
			ErrorLog:          quiet,
			BaseContext:       func(net.Listener) context.Context { return conns },
		}
	}
	pages := newServer(newPageHandler(s.o, s.scene))
	sockets := newServer(http.HandlerFunc(s.serveSocket))

	ended := make(chan error, 2)
	go func() { ended <- portError("http", s.o.HTTPPort, pages.Serve(s.pages)) }()
	go func() { ended <- portError("websocket", s.o.WSPort, sockets.Serve(s.sockets)) }()
	s.o.Log.Info("viewer listening", "viewer", s.o.Instance, "http", s.pages.Addr().String(), "ws", s.sockets.Addr().String())

	var err error
	left := 2
	select {
	case <-ctx.Done():
	case err = <-ended:
		left--
	}
	s.stop(cut, pages, sockets)
	for range left {
		err = errors.Join(err, <-ended)
	}
	s.o.Log.Info("viewer stopped", "viewer", s.o.Instance)
	return err
}

// stop ends all connections and returns when none is left.
func (s *server) stop(cut context.CancelFunc, servers ...*http.Server) {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	close(s.stopping)
	late := time.AfterFunc(s.limits.goodbye, cut)
	defer late.Stop()

	// A browser opens connections ahead of need, and Shutdown gives such a silent
	// one five seconds: the grace is ours to keep, so Close comes after it.
	grace, cancel := context.WithTimeout(context.Background(), s.limits.goodbye)
	defer cancel()
	var wg sync.WaitGroup
	for _, srv := range servers {
		wg.Go(func() {
			if srv.Shutdown(grace) != nil {
				srv.Close()
			}
		})
	}
	wg.Wait()
	s.running.Wait()
}

// enter counts a WebSocket handler in, unless the server is stopping.
func (s *server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.running.Add(1)
	return true
}

func portError(which string, port int, err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("%s port %d: %w", which, port, err)
}
