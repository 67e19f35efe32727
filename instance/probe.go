package instance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"syscall"
	"time"

	"github.com/coder/websocket"
	"github.com/miktos/miktosctl/ports"
)

// The pace of the questions to a starting child: a fast one is not kept waiting, a
// slow one is not pestered.
const (
	firstPoll = time.Millisecond
	lastPoll  = 50 * time.Millisecond
)

const userAgent = "miktosctl-probe"

// politeness bounds what is done only so that the child sees a connection end as it
// should: reading a page to its end, and the WebSocket closing handshake.
const politeness = 250 * time.Millisecond

// silentError is a port on which the child does not listen.
type silentError struct{ port int }

func (e *silentError) Error() string {
	return fmt.Sprintf("waiting for the program to listen on port %d", e.port)
}

// waitingError is a child that does not do yet what it is waited for.
type waitingError struct{ what string }

func (e *waitingError) Error() string { return e.what }

// blindError is a question that could not be asked. It says nothing about the child.
type blindError struct{ err error }

func (e *blindError) Error() string { return "not asked: " + e.err.Error() }
func (e *blindError) Unwrap() error { return e.err }

// ourFault says whether an error is a lack of ours and none of the child's.
func ourFault(err error) bool {
	for _, lack := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.EADDRNOTAVAIL} {
		if errors.Is(err, lack) {
			return true
		}
	}
	return false
}

// noAnswer returns the error for a request that failed.
func noAnswer(what string, port uint16, err error) error {
	if ourFault(err) {
		return &blindError{err}
	}
	return &waitingError{fmt.Sprintf("no %s on port %d: %v", what, port, cause(err))}
}

func (m *machine) prove(ctx context.Context, p process, pair ports.Pair, waiting func(string)) (goodbye func(), err error) {
	var said string
	poll := firstPoll
	timer := time.NewTimer(poll)
	defer timer.Stop()
	for suspected := false; ; {
		goodbye, err := m.ask(ctx, p, pair)
		var taken *ConflictError
		switch {
		case err == nil:
			return goodbye, nil
		case errors.As(err, &taken):
			// Asked twice: a listener is handed on between processes of one tree
			// in the moment between the two look-ups.
			if suspected {
				return nil, err
			}
			suspected = true
		default:
			suspected = false
			if text := err.Error(); text != said && ctx.Err() == nil {
				said = text
				waiting(text)
			}
		}
		timer.Reset(poll)
		select {
		case <-timer.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		poll = min(poll*5/4, lastPoll)
	}
}

func (m *machine) check(ctx context.Context, p process, pair ports.Pair) error {
	goodbye, err := m.ask(ctx, p, pair)
	var silent *silentError
	switch {
	case err == nil:
		goodbye()
	case errors.As(err, &silent):
		err = fmt.Errorf("the program no longer listens on port %d", silent.port)
	}
	return err
}

// ask asks all that ready means, the cheapest first. What is left to do so that the
// child sees both connections end as they should is in goodbye: nobody has to wait
// for it.
func (m *machine) ask(ctx context.Context, p process, pair ports.Pair) (goodbye func(), err error) {
	page, err := m.listening(p, pair.HTTP)
	if err != nil {
		return nil, err
	}
	stream, err := m.listening(p, pair.WebSocket)
	if err != nil {
		return nil, err
	}
	read, bye := func() {}, func() {}
	if path := m.spec.Probe.HTTP; path != "" {
		if read, err = askHTTP(ctx, page, path, m.spec.Probe.Timeout); err != nil {
			return nil, err
		}
	}
	if path := m.spec.Probe.WebSocket; path != "" {
		m.probing.Add(1)
		if bye, err = askWebSocket(ctx, stream, path, m.spec.Probe.Timeout); err != nil {
			m.probing.Add(-1)
			read()
			return nil, err
		}
		end := bye
		bye = func() { end(); m.probing.Add(-1) }
	}
	return func() { read(); bye() }, nil
}

// addresses returns where a client of the instance may knock: browsers try ::1 and
// 127.0.0.1 for localhost, so a stranger on either is in the way.
func (s Spec) addresses() []netip.Addr {
	if s.local() {
		return []netip.Addr{ipv4Loopback, netip.IPv6Loopback()}
	}
	return []netip.Addr{netip.MustParseAddr(s.Host)}
}

// listening returns the address at which the child answers on a port.
func (m *machine) listening(p process, port int) (netip.AddrPort, error) {
	var found netip.AddrPort
	for _, addr := range m.spec.addresses() {
		at := netip.AddrPortFrom(addr, uint16(port))
		sockets, err := ports.Listeners([]netip.Addr{addr}, port)
		switch {
		case errors.Is(err, errors.ErrUnsupported):
			// Who answers cannot be told here; that somebody does can.
			if answers(at) {
				return at, nil
			}
			continue
		case err != nil:
			return netip.AddrPort{}, &blindError{fmt.Errorf("port %d: %w", port, err)}
		}
		for _, s := range sockets {
			if !p.(running).Owns(s.Inode) {
				// Without a descriptor to spare nobody's sockets can be seen.
				null, err := os.Open(os.DevNull)
				if err != nil {
					return netip.AddrPort{}, &blindError{err}
				}
				null.Close()
				return netip.AddrPort{}, &ConflictError{Port: port, Holder: s.Holder(port)}
			}
			if !found.IsValid() {
				found = at
			}
		}
	}
	if !found.IsValid() {
		return netip.AddrPort{}, &silentError{port}
	}
	return found, nil
}

func answers(at netip.AddrPort) bool {
	c, err := net.DialTimeout("tcp", at.String(), time.Second)
	if err != nil {
		return false
	}
	c.Close()
	return true
}

// askHTTP requests a page. Any answer below 500 is one: a viewer may well want a
// login. The returned function reads the page to its end, or the child would see its
// answer cut off.
func askHTTP(ctx context.Context, at netip.AddrPort, path string, timeout time.Duration) (read func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+at.String()+path, nil)
	if err != nil {
		cancel()
		return nil, err
	}
	req.Header.Set("User-Agent", userAgent)
	req.Close = true
	resp, err := new(connection).client().Do(req)
	if err != nil {
		cancel()
		return nil, noAnswer("HTTP answer", at.Port(), err)
	}
	read = func() {
		defer cancel()
		defer resp.Body.Close()
		rest := time.AfterFunc(politeness, cancel)
		defer rest.Stop()
		io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20))
	}
	if resp.StatusCode >= 500 {
		read()
		return nil, &waitingError{fmt.Sprintf("HTTP answered %s on port %d", resp.Status, at.Port())}
	}
	return read, nil
}

// askWebSocket completes a handshake. The returned function completes the closing
// handshake, too.
func askWebSocket(ctx context.Context, at netip.AddrPort, path string, timeout time.Duration) (bye func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var c connection
	conn, resp, err := websocket.Dial(ctx, "ws://"+at.String()+path, &websocket.DialOptions{
		HTTPClient: c.client(),
		HTTPHeader: http.Header{"User-Agent": {userAgent}},
	})
	if err != nil {
		if resp != nil && resp.StatusCode != http.StatusSwitchingProtocols {
			return nil, &waitingError{fmt.Sprintf("WebSocket handshake answered %s on port %d", resp.Status, at.Port())}
		}
		return nil, noAnswer("WebSocket handshake", at.Port(), err)
	}
	return func() {
		defer conn.CloseNow()
		// Close reads on until the child closes, too: some viewers send their whole
		// scene first, and more than the default limit of one message.
		conn.SetReadLimit(-1)
		// Not CloseNow: that one waits for the Close which is under way.
		rest := time.AfterFunc(politeness, func() { c.Close() })
		defer rest.Stop()
		conn.Close(websocket.StatusNormalClosure, "")
	}, nil
}

// cause returns the part of a client's error that says what happened, without the
// request that everybody knows already.
func cause(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.New("timed out")
	}
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}
