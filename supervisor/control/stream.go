package control

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/coder/websocket"

	"github.com/miktos/miktosctl/supervisor"
)

// MaxLast is the most lines from before that one request gets of each instance.
const MaxLast = 100_000

// stream is a WebSocket that goes one way.
type stream struct {
	*websocket.Conn
	gone context.Context // over when the client is gone, or had its time to say goodbye
	stop func()
}

// open makes a request a stream. It reports false when it has answered with an error.
// The stream is counted until leave is called.
func (r *routes) open(w http.ResponseWriter, req *http.Request) (st *stream, ok bool) {
	conn, err := websocket.Accept(w, req, nil)
	if err != nil {
		return nil, false
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(req.Context()))
	st = &stream{Conn: conn, gone: conn.CloseRead(ctx)}
	// Close waits for the client's answer, for longer than we will.
	late := context.AfterFunc(r.late, func() {
		if p := peerOf(req.Context()); p != nil {
			p.Close()
		}
	})
	st.stop = func() {
		conn.CloseNow()
		cancel()
		late()
	}
	return st, true
}

// send sends one message.
func (s *stream) send(text []byte) error {
	ctx, cancel := context.WithTimeout(s.gone, sendTimeout)
	defer cancel()
	return s.Write(ctx, websocket.MessageText, text)
}

// upgrade checks that a request can become a stream, and counts it in until leave.
func (r *routes) upgrade(w http.ResponseWriter, req *http.Request) (leave func(), ok bool) {
	if !strings.EqualFold(req.Header.Get("Upgrade"), "websocket") {
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", "websocket")
		refuse(w, refusef(http.StatusUpgradeRequired, "", "%s: this is a WebSocket", req.URL.Path))
		return nil, false
	}
	if !r.enter() {
		refuse(w, supervisor.ErrEnding)
		return nil, false
	}
	return r.streams.Done, true
}

// events sends what happens to the fleet.
func (r *routes) events(w http.ResponseWriter, req *http.Request) {
	leave, ok := r.upgrade(w, req)
	if !ok {
		return
	}
	defer leave()
	q := query{Values: req.URL.Query()}
	after := q.number("after", 0, 1<<62)
	if err := q.fault(); err != nil {
		refuse(w, err)
		return
	}
	// Before the handshake is answered: from then on the client misses nothing.
	ctx, cancel := context.WithCancel(context.WithoutCancel(req.Context()))
	defer cancel()
	events := r.backend.Subscribe(ctx, uint64(after))
	st, ok := r.open(w, req)
	if !ok {
		return
	}
	defer st.stop()
	for {
		select {
		case e, more := <-events:
			if !more {
				st.Close(r.ending(), "")
				return
			}
			if st.sendJSON(e) != nil {
				return
			}
		case <-st.gone.Done():
			return
		case <-r.ended:
			// The fleet is gone; what it said before is not lost.
			for {
				select {
				case e, more := <-events:
					if more && st.sendJSON(e) == nil {
						continue
					}
				default:
				}
				st.Close(websocket.StatusGoingAway, "the fleet is gone")
				return
			}
		}
	}
}

func (s *stream) sendJSON(v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return s.send(text)
}

// ending tells why a channel of events was closed: with the fleet, which is about to
// be said, or because the reader did not keep up.
func (r *routes) ending() websocket.StatusCode {
	select {
	case <-r.ended:
		return websocket.StatusGoingAway
	case <-time.After(100 * time.Millisecond):
		return websocket.StatusTryAgainLater
	}
}

// logs sends lines.
func (r *routes) logs(w http.ResponseWriter, req *http.Request) {
	leave, ok := r.upgrade(w, req)
	if !ok {
		return
	}
	defer leave()
	q := query{Values: req.URL.Query()}
	which := Select{
		Last:   q.number("n", 100, MaxLast),
		Follow: q.number("follow", 0, 1) == 1,
	}
	words := q.words("id")
	err := q.fault()
	if err == nil && len(words) > 0 {
		which.IDs, err = r.backend.Resolve(words)
	}
	if err != nil {
		refuse(w, err)
		return
	}
	st, ok := r.open(w, req)
	if !ok {
		return
	}
	defer st.stop()
	var message bytes.Buffer
	e := json.NewEncoder(&message)
	for lines := range Tail(st.gone, r.backend, which) {
		message.Reset()
		for _, l := range lines {
			if e.Encode(l) != nil {
				return
			}
			if message.Len() >= 64<<10 {
				if st.send(message.Bytes()) != nil {
					return
				}
				message.Reset()
			}
		}
		if message.Len() > 0 && st.send(message.Bytes()) != nil {
			return
		}
	}
	if which.Follow {
		st.Close(websocket.StatusGoingAway, "the logs are closed")
		return
	}
	st.Close(websocket.StatusNormalClosure, "")
}

// query reads the parameters of a request and remembers the first fault.
type query struct {
	url.Values
	err error
}

// number returns a parameter that is not negative, or fallback.
func (q *query) number(name string, fallback, most int) int {
	text := q.Get(name)
	q.Del(name)
	if text == "" {
		return fallback
	}
	n, err := strconv.Atoi(text)
	if (err != nil || n < 0 || n > most) && q.err == nil {
		q.err = refusef(http.StatusBadRequest, "", "%s: %q is not a number from 0 to %d", name, text, most)
	}
	return n
}

// words returns all values of a parameter.
func (q *query) words(name string) []string {
	words := q.Values[name]
	q.Del(name)
	return words
}

// fault returns what was wrong; parameters that nobody asked for are.
func (q *query) fault() error {
	for name := range q.Values {
		if q.err == nil {
			q.err = refusef(http.StatusBadRequest, "", "%s: no such parameter", name)
		}
	}
	return q.err
}
