package control

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/miktos/miktosctl/supervisor"
)

const (
	// farewell is how long a client may take for its last bytes.
	farewell = time.Second
	// sendTimeout is how long one message to a client may take.
	sendTimeout = 10 * time.Second
	// maxBody is the largest request, in bytes: some ten thousand names.
	maxBody = 1 << 20
)

// Options say who listens. All are required.
type Options struct {
	Fleet   string
	Version string
	Log     *slog.Logger
}

// Server is the right to supervise a fleet, and the socket on which it is steered.
type Server struct {
	self holder
	log  *slog.Logger
	lock *lock
	gate *gate
	path string // of the socket

	ended   chan struct{} // closed by Finish
	outcome error         // valid once ended is closed
	finish  sync.Once
	late    context.Context // over when clients had their time to say goodbye
	lateNow context.CancelFunc

	mu      sync.Mutex
	closing bool           // no stream may begin
	streams sync.WaitGroup // Add only under mu while not closing
}

// SocketPath returns where the supervisor of a fleet listens.
func SocketPath(dirs supervisor.Dirs) string {
	return filepath.Join(dirs.Runtime, "control.sock")
}

// Listen makes the runtime folder, takes the lock of the fleet and listens. Whoever
// connects waits until [Server.Serve] is called. The errors are a [RunningError], a
// [FolderError], or say what the system refused. Finish gives everything back.
func Listen(dirs supervisor.Dirs, o Options) (*Server, error) {
	if err := makeFolder(dirs.Runtime); err != nil {
		return nil, err
	}
	self := holder{Fleet: o.Fleet, PID: os.Getpid(), Version: o.Version, StartedAt: time.Now()}
	l, err := takeLock(dirs, self)
	if err != nil {
		return nil, err
	}
	path := SocketPath(dirs)
	listener, err := bind(path)
	if err != nil {
		l.release()
		return nil, fmt.Errorf("control socket %s: %w", path, err)
	}
	s := &Server{
		self:  self,
		log:   o.Log,
		lock:  l,
		gate:  &gate{UnixListener: listener, log: o.Log},
		path:  path,
		ended: make(chan struct{}),
	}
	s.late, s.lateNow = context.WithCancel(context.Background())
	return s, nil
}

// bind listens on path. Only the holder of the lock may call it: what is there is
// what a supervisor left that was killed.
func bind(path string) (*net.UnixListener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, bare(err)
	}
	short, done, err := reach(path)
	if err != nil {
		return nil, err
	}
	defer done()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: short, Net: "unix"})
	if err != nil {
		return nil, err
	}
	// It would remove the short path, and another holder's socket at that.
	l.SetUnlinkOnClose(false)
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		os.Remove(path)
		return nil, bare(err)
	}
	return l, nil
}

// Serve answers until Finish is called, says goodbye to every client and returns
// when the last connection is closed. An error is one of the socket itself.
func (s *Server) Serve(b Backend) error {
	srv := &http.Server{
		Handler:           newRoutes(s, b),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ConnContext:       withPeer,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(s.gate) }()

	var err error
	select {
	case err = <-served:
		err = fmt.Errorf("control socket %s: %w", s.path, err)
		select {
		case <-s.ended: // Finish closes the socket first
			err = nil
		default:
		}
	case <-s.ended:
	}

	s.mu.Lock()
	s.closing = true
	s.mu.Unlock()
	timer := time.AfterFunc(farewell, s.lateNow)
	defer timer.Stop()
	// Shutdown waits for answers that are under way, and knows nothing of streams.
	grace, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	if srv.Shutdown(grace) != nil {
		srv.Close()
	}
	s.streams.Wait()
	s.lateNow()
	return err
}

// Finish says that the fleet is gone, and with which error: lock and socket are
// free when it returns, whoever waits for the end is told the outcome, and Serve
// returns. Only the first call counts. It does not wait.
func (s *Server) Finish(outcome error) {
	s.finish.Do(func() {
		s.outcome = outcome
		// The socket before the lock: after that it may be another supervisor's.
		os.Remove(s.path)
		s.lock.release()
		close(s.ended)
		s.gate.Close()
	})
}

// enter counts a stream in, unless the server is closing.
func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return false
	}
	s.streams.Add(1)
	return true
}
