package instance

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"time"
)

// connection is one probe's way to a child, an [http.RoundTripper] for one request. It
// works on the caller's goroutine alone. The transport of net/http has three, and waking
// them is most of what a check costs when a hundred children are checked all day.
type connection struct{ net.Conn }

// client returns an HTTP client for one request. It follows no redirect and asks no
// proxy: the answer must be the child's own.
func (c *connection) client() *http.Client {
	return &http.Client{
		Transport:     c,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// RoundTrip implements [http.RoundTripper]. Closing the body of the answer closes the
// connection, and so does the end of the request's context, except after an upgrade.
func (c *connection) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	if err := c.dial(ctx, req.URL.Host); err != nil {
		return nil, err
	}
	detach := context.AfterFunc(ctx, func() { c.Close() })
	in := bufio.NewReaderSize(c, 1<<10)
	resp, err := c.exchange(req, in)
	if err != nil {
		detach()
		c.Close()
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, err
	}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		detach()
		resp.Body = stream{in, c}
	} else {
		resp.Body = page{resp.Body, c, detach}
	}
	return resp, nil
}

func (c *connection) exchange(req *http.Request, in *bufio.Reader) (*http.Response, error) {
	if err := req.Write(c); err != nil {
		return nil, err
	}
	for {
		resp, err := http.ReadResponse(in, req)
		if err != nil {
			return nil, err
		}
		// Hints come before the answer, as many as the server likes.
		if resp.StatusCode >= 200 || resp.StatusCode == http.StatusSwitchingProtocols {
			return resp, nil
		}
	}
}

// dial connects. The connection is reset when it is closed: otherwise each probe would
// leave one in TIME_WAIT on the child's port, wherever the child closes first, and nobody
// could bind that port for a minute after its release.
func (c *connection) dial(ctx context.Context, addr string) error {
	d := net.Dialer{KeepAlive: -1}
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	if err := conn.(*net.TCPConn).SetLinger(0); err != nil {
		conn.Close()
		return err
	}
	c.Conn = conn
	return nil
}

// stream is the body of an answer that upgrades the connection.
type stream struct {
	io.Reader // what was read ahead, then the connection
	*connection
}

func (s stream) Read(b []byte) (int, error) { return s.Reader.Read(b) }

// page is the body of any other answer.
type page struct {
	io.ReadCloser
	conn   *connection
	detach func() bool
}

// Close closes the connection, too.
func (p page) Close() error {
	p.detach()
	p.conn.SetReadDeadline(time.Now()) // the body's own Close would read it to its end
	p.ReadCloser.Close()
	return p.conn.Close()
}
