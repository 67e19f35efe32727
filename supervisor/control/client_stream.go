package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"

	"github.com/coder/websocket"

	"github.com/miktos/miktosctl/supervisor"
)

// maxMessage is the largest message of a stream, in bytes: a batch of lines.
const maxMessage = 16 << 20

// Events returns the events after number after, or only new ones if it is 0. None
// that happens after Events has returned is missed. The sequence can be ranged over
// once. It ends with an error: [ErrEnded] when the fleet is gone, or the cause of
// ctx's end. A stream that was cut off because its reader was slow is taken up again
// where it ended.
func (c *Client) Events(ctx context.Context, after uint64) (iter.Seq2[supervisor.Event, error], error) {
	conn, err := c.events(ctx, after)
	if err != nil {
		return nil, err
	}
	abandoned := context.AfterFunc(ctx, func() { conn.CloseNow() })
	return func(yield func(supervisor.Event, error) bool) {
		abandoned()
		last := after
		for {
			seen, err := read(ctx, conn, func(e supervisor.Event) bool {
				last = e.Seq
				return yield(e, nil)
			})
			conn.CloseNow()
			if err == nil {
				return // the reader had enough
			}
			if seen && websocket.CloseStatus(err) == websocket.StatusTryAgainLater {
				if conn, err = c.events(ctx, last); err == nil {
					continue
				}
			}
			yield(supervisor.Event{}, streamEnd(ctx, err))
			return
		}
	}, nil
}

func (c *Client) events(ctx context.Context, after uint64) (*websocket.Conn, error) {
	return c.stream(ctx, "/v1/events", url.Values{"after": {strconv.FormatUint(after, 10)}})
}

// Logs returns lines in batches; see [Tail], whose [Select] it takes apart from
// Since. IDs may be any words for instances. The sequence ends without an error when
// there are no more lines.
func (c *Client) Logs(ctx context.Context, which Select) (iter.Seq2[[]Line, error], error) {
	q := url.Values{"n": {strconv.Itoa(which.Last)}, "id": which.IDs}
	if which.Follow {
		q.Set("follow", "1")
	}
	conn, err := c.stream(ctx, "/v1/logs", q)
	if err != nil {
		return nil, err
	}
	abandoned := context.AfterFunc(ctx, func() { conn.CloseNow() })
	return func(yield func([]Line, error) bool) {
		abandoned()
		defer conn.CloseNow()
		for {
			_, text, err := conn.Read(ctx)
			switch websocket.CloseStatus(err) {
			case websocket.StatusNormalClosure, websocket.StatusGoingAway:
				return
			}
			if err != nil {
				yield(nil, streamEnd(ctx, err))
				return
			}
			var lines []Line
			for d := json.NewDecoder(bytes.NewReader(text)); err == nil; {
				var l Line
				if err = d.Decode(&l); err == nil {
					lines = append(lines, l)
				}
			}
			if err != io.EOF {
				yield(nil, fmt.Errorf("a line that is not understood: %w", err))
				return
			}
			if !yield(lines, nil) {
				return
			}
		}
	}, nil
}

// stream opens a WebSocket.
func (c *Client) stream(ctx context.Context, path string, q url.Values) (*websocket.Conn, error) {
	ctx, done := c.attend(ctx)
	defer done()
	conn, resp, err := websocket.Dial(ctx, "ws://miktosctl"+path+"?"+q.Encode(), &websocket.DialOptions{HTTPClient: c.http})
	if err != nil {
		if resp != nil && resp.StatusCode != http.StatusSwitchingProtocols {
			text, _ := io.ReadAll(resp.Body)
			return nil, refused(resp, text)
		}
		return nil, failure(ctx, err)
	}
	conn.SetReadLimit(maxMessage)
	return conn, nil
}

// read hands on messages until the stream ends, or yield returns false, which is no
// error. It reports whether there was a message.
func read[T any](ctx context.Context, conn *websocket.Conn, yield func(T) bool) (seen bool, err error) {
	for {
		_, text, err := conn.Read(ctx)
		if err != nil {
			return seen, err
		}
		var v T
		if err := json.Unmarshal(text, &v); err != nil {
			return seen, fmt.Errorf("a message that is not understood: %w", err)
		}
		seen = true
		if !yield(v) {
			return seen, nil
		}
	}
}

// streamEnd returns why a stream ended.
func streamEnd(ctx context.Context, err error) error {
	var closed websocket.CloseError
	if errors.As(err, &closed) && closed.Code == websocket.StatusGoingAway {
		return ErrEnded
	}
	return failure(ctx, err)
}
