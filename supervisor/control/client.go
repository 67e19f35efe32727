package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/miktos/miktosctl/supervisor"
)

// ErrNotRunning is a fleet without a supervisor.
var ErrNotRunning = errors.New("no supervisor is running")

// ErrEnded is a supervisor that ended while it was asked something.
var ErrEnded = fmt.Errorf("the supervisor has ended: %w", ErrNotRunning)

// RefusedError is a request that the supervisor answered with an error.
type RefusedError struct {
	Code    int // the HTTP status
	Message string
	Advice  string
}

func (e *RefusedError) Error() string { return e.Message }

// Hint returns the supervisor's advice, "" if it has none.
func (e *RefusedError) Hint() string { return e.Advice }

// Client steers the fleet of one supervisor. All methods may be called concurrently.
type Client struct {
	path  string
	first chan net.Conn // the connection of Dial, until somebody needs one
	pid   atomic.Int64  // of the supervisor; 0: unknown
	http  *http.Client
}

// Dial connects to the supervisor of a fleet. The error is [ErrNotRunning] where
// there is none. Close the client after use.
func Dial(ctx context.Context, dirs supervisor.Dirs) (*Client, error) {
	c := &Client{path: SocketPath(dirs), first: make(chan net.Conn, 1)}
	conn, err := c.connect(ctx)
	if err != nil {
		return nil, err
	}
	c.first <- conn
	c.http = &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			select {
			case conn := <-c.first:
				return conn, nil
			default:
				return c.connect(ctx)
			}
		},
		DisableCompression: true,
		IdleConnTimeout:    time.Minute,
	}}
	return c, nil
}

// Close gives the connections back. Streams that are open stay so.
func (c *Client) Close() error {
	select {
	case conn := <-c.first:
		conn.Close()
	default:
	}
	c.http.CloseIdleConnections()
	return nil
}

// connect opens a connection to the supervisor and checks whose it is.
func (c *Client) connect(ctx context.Context) (net.Conn, error) {
	short, done, err := reach(c.path)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil, ErrNotRunning
	}
	if err != nil {
		return nil, fmt.Errorf("control socket %s: %w", c.path, err)
	}
	defer done()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", short)
	switch {
	case errors.Is(err, os.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOTDIR):
		return nil, ErrNotRunning
	case err != nil:
		var op *net.OpError
		if errors.As(err, &op) {
			err = op.Err
		}
		return nil, fmt.Errorf("control socket %s: %w", c.path, err)
	}
	// In a temporary folder somebody else may have been there before us.
	who, err := peer(conn.(*net.UnixConn))
	if err == nil && !welcome(who.UID) && os.Geteuid() != 0 {
		err = fmt.Errorf("the supervisor there is one of uid %d", who.UID)
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("control socket %s: %w", c.path, err)
	}
	c.pid.Store(int64(who.PID))
	return conn, nil
}

// Version returns who answers.
func (c *Client) Version(ctx context.Context) (a About, err error) {
	err = c.do(ctx, http.MethodGet, "/v1/version", nil, &a)
	return a, err
}

// Status returns the fleet as it is now, with the instances that the words name, in
// their order, or with all.
func (c *Client) Status(ctx context.Context, words ...string) (s supervisor.Status, err error) {
	err = c.do(ctx, http.MethodGet, "/v1/status?"+url.Values{"id": words}.Encode(), nil, &s)
	return s, err
}

// Start starts instances that are stopped, waiting or failed, and returns their names.
func (c *Client) Start(ctx context.Context, which Which) ([]string, error) {
	return c.order(ctx, "start", which)
}

// Stop stops instances until they are started again, and returns their names.
func (c *Client) Stop(ctx context.Context, which Which) ([]string, error) {
	return c.order(ctx, "stop", which)
}

// Restart gives instances another child on a fresh pair, and returns their names.
func (c *Client) Restart(ctx context.Context, which Which) ([]string, error) {
	return c.order(ctx, "restart", which)
}

func (c *Client) order(ctx context.Context, verb string, which Which) ([]string, error) {
	var a Accepted
	err := c.do(ctx, http.MethodPost, "/v1/"+verb, which, &a)
	return a.IDs, err
}

// Scale changes how many instances there are.
func (c *Client) Scale(ctx context.Context, n int) error {
	return c.do(ctx, http.MethodPost, "/v1/scale", scaleOrder{Instances: &n}, nil)
}

// Down ends the fleet and returns when nothing of it is left, with the outcome: nil
// is the proof, a [RefusedError] names what is still alive.
func (c *Client) Down(ctx context.Context) error {
	return c.do(ctx, http.MethodPost, "/v1/down", downOrder{Wait: true}, nil)
}

// Kill ends every grace period at once.
func (c *Client) Kill(ctx context.Context) error {
	return c.do(ctx, http.MethodPost, "/v1/kill", nil, nil)
}

// do sends a request and reads the answer into out, where that is not nil.
func (c *Client) do(ctx context.Context, method, path string, in, out any) error {
	// An order would wait in the socket, and be carried out long after its failure.
	if pid := int(c.pid.Load()); method != http.MethodGet && isStopped(pid) {
		return &StoppedError{PID: pid}
	}
	ctx, done := c.attend(ctx)
	defer done()
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://miktosctl"+path, body)
	if err != nil {
		return err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return failure(ctx, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return failure(ctx, err)
	}
	if resp.StatusCode >= 300 {
		return refused(resp, text)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(text, out); err != nil {
		return fmt.Errorf("%s: an answer that is not understood: %w", path, err)
	}
	return nil
}

// refused returns the error in an answer.
func refused(resp *http.Response, text []byte) error {
	var f fault
	if json.Unmarshal(text, &f) != nil || f.Error == "" {
		f.Error = fmt.Sprintf("the supervisor answered %s", resp.Status)
	}
	return &RefusedError{Code: resp.StatusCode, Message: f.Error, Advice: f.Hint}
}

// failure tells an exchange that was cut off by the supervisor's end from others.
func failure(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	switch {
	case errors.Is(err, ErrNotRunning):
		return ErrNotRunning
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return ErrEnded
	}
	return err
}
