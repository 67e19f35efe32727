package control

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/miktos/miktosctl/instance/output"
	"github.com/miktos/miktosctl/supervisor"
)

func TestEvents(t *testing.T) {
	f := newFakeFleet(t, "viewer-1")
	s, c := serve(t, f)
	events, err := c.Events(t.Context(), 7)
	if err != nil {
		t.Fatal(err)
	}
	// Events has returned: nothing is missed from here on.
	by := supervisor.Actor{UID: 1, PID: 2}
	want := []supervisor.Event{
		{Seq: 8, Type: supervisor.EventAction, Instance: "viewer-1", Reason: "restart", By: &by},
		{Seq: 9, Type: supervisor.EventState, Instance: "viewer-1", From: "ready", To: "stopping"},
	}
	for _, e := range want {
		f.emit(e)
	}
	if got := f.afters[0]; got != 7 {
		t.Errorf("subscribed after %d, want 7", got)
	}
	s.Finish(nil) // what was said before is not lost
	var got []supervisor.Event
	for e, err := range events {
		if err != nil {
			if !errors.Is(err, ErrEnded) || !errors.Is(err, ErrNotRunning) {
				t.Errorf("got %v at the end, want ErrEnded", err)
			}
			break
		}
		got = append(got, e)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// A reader that was cut off for being slow goes on where it was.
func TestEventsTakenUp(t *testing.T) {
	f := newFakeFleet(t, "viewer-1")
	_, c := serve(t, f)
	events, err := c.Events(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	f.emit(supervisor.Event{Seq: 41})
	f.cut()
	next, stop := iter.Pull2(events)
	defer stop()
	if e, err, _ := next(); err != nil || e.Seq != 41 {
		t.Fatalf("got %+v, %v, want number 41", e, err)
	}
	resumed := make(chan uint64)
	go func() {
		for {
			f.mu.Lock()
			n := len(f.subs)
			afters := f.afters
			f.mu.Unlock()
			if n > 0 {
				f.emit(supervisor.Event{Seq: 42})
				resumed <- afters[len(afters)-1]
				return
			}
		}
	}()
	if e, err, _ := next(); err != nil || e.Seq != 42 {
		t.Fatalf("got %+v, %v, want number 42", e, err)
	}
	if got := within(t, resumed); got != 41 {
		t.Errorf("taken up after %d, want 41", got)
	}
}

func TestEventsContext(t *testing.T) {
	f := newFakeFleet(t, "viewer-1")
	_, c := serve(t, f)
	ctx, cancel := context.WithCancelCause(t.Context())
	events, err := c.Events(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	enough := errors.New("enough")
	cancel(enough)
	for _, err := range events {
		if !errors.Is(err, enough) {
			t.Errorf("got %v, want the cause", err)
		}
	}
	if _, err := c.Events(ctx, 0); !errors.Is(err, enough) {
		t.Errorf("got %v, want the cause", err)
	}
}

// A client that reads nothing must not keep the supervisor alive.
func TestStuckReader(t *testing.T) {
	dirs := folders(t)
	f := newFakeFleet(t, "viewer-1")
	s := listen(t, dirs)
	served := make(chan error, 1)
	go func() { served <- s.Serve(f) }()
	c, err := net.Dial("unix", SocketPath(dirs))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "GET /v1/events HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	if _, err := c.Read(make([]byte, 12)); err != nil { // it is upgraded
		t.Fatal(err)
	}
	for range 50 {
		f.emit(supervisor.Event{Reason: strings.Repeat("x", 64<<10)})
	}
	s.Finish(nil)
	if err := within(t, served); err != nil {
		t.Error(err)
	}
}

// texts collects the texts of a log stream with the names before them.
func texts(t testing.TB, lines iter.Seq2[[]Line, error]) []string {
	t.Helper()
	var got []string
	for batch, err := range lines {
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range batch {
			got = append(got, l.ID+": "+l.Text)
		}
	}
	return got
}

// tick waits until the next line has a later time stamp: they know milliseconds.
func tick() {
	for start := time.Now().UnixMilli(); time.Now().UnixMilli() == start; {
	}
}

func TestLogsLast(t *testing.T) {
	f := newFakeFleet(t, "viewer-1", "viewer-2")
	_, c := serve(t, f)
	binary := "bytes \xff\xfe\x00 and \x1b[31m"
	for i, text := range []string{"one", "two", "three", "four", binary} {
		f.Output([]string{"viewer-1", "viewer-2"}[i%2]).Note("%s", text)
		tick()
	}
	for _, test := range []struct {
		which Select
		want  []string
	}{
		{Select{Last: 10}, []string{"viewer-1: one", "viewer-2: two", "viewer-1: three", "viewer-2: four", "viewer-1: " + binary}},
		{Select{Last: 1}, []string{"viewer-2: four", "viewer-1: " + binary}},
		{Select{Last: 10, IDs: []string{"viewer-2"}}, []string{"viewer-2: two", "viewer-2: four"}},
		{Select{Last: 0}, nil},
	} {
		lines, err := c.Logs(t.Context(), test.which)
		if err != nil {
			t.Fatal(err)
		}
		if got := texts(t, lines); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%+v: got %q, want %q", test.which, got, test.want)
		}
	}
	var refused *RefusedError
	if _, err := c.Logs(t.Context(), Select{IDs: []string{"nobody"}}); !errors.As(err, &refused) || refused.Code != 404 {
		t.Errorf("got %v, want a RefusedError with 404", err)
	}
	for _, q := range []string{"n=-1", "n=x", "follow=2", "n=100001", "nn=1"} {
		values, _ := url.ParseQuery(q)
		if _, err := c.stream(t.Context(), "/v1/logs", values); !errors.As(err, &refused) || refused.Code != 400 {
			t.Errorf("%s: got %v, want a RefusedError with 400", q, err)
		}
	}
}

func TestLogsFollow(t *testing.T) {
	f := newFakeFleet(t, "viewer-1", "viewer-2")
	s, c := serve(t, f)
	f.Output("viewer-1").Note("before")
	lines, err := c.Logs(t.Context(), Select{Last: 10, Follow: true})
	if err != nil {
		t.Fatal(err)
	}
	next, stop := iter.Pull2(lines)
	defer stop()
	var got []Line
	want := func(text string) {
		t.Helper()
		for len(got) == 0 {
			batch, err, ok := next()
			if err != nil || !ok {
				t.Fatalf("the stream ended before %q: %v", text, err)
			}
			got = batch
		}
		if l := got[0].ID + ": " + got[0].Text; l != text {
			t.Fatalf("got %q, want %q", l, text)
		}
		got = got[1:]
	}
	want("viewer-1: before")
	f.Output("viewer-2").Note("after")
	want("viewer-2: after")
	f.add("viewer-3").Note("from the first line on")
	f.emit(supervisor.Event{Seq: 1, Type: supervisor.EventAdded, Instance: "viewer-3"})
	want("viewer-3: from the first line on")

	f.Output("viewer-1").Note("last words")
	f.end()
	want("viewer-1: last words")
	s.Finish(nil)
	if _, err, ok := next(); ok {
		t.Errorf("got %v, want the end", err)
	}
}

// What an instance of the same name printed in an earlier life is not news.
func TestTailSince(t *testing.T) {
	f := newFakeFleet(t, "viewer-1")
	f.Output("viewer-1").Note("long ago")
	tick()
	since := time.Now()
	f.Output("viewer-1").Note("now")
	for _, follow := range []bool{false, true} {
		ctx, cancel := context.WithCancel(t.Context())
		var got []string
		for batch := range Tail(ctx, f, Select{Last: 10, Since: since, Follow: follow}) {
			for _, l := range batch {
				got = append(got, l.Text)
			}
			cancel()
		}
		cancel()
		if want := []string{"now"}; !reflect.DeepEqual(got, want) {
			t.Errorf("follow %v: got %q, want %q", follow, got, want)
		}
	}
}

func TestLineJSON(t *testing.T) {
	for _, want := range []Line{
		{ID: "a", Time: time.UnixMilli(1).UTC(), Generation: 3, Text: "plain"},
		{ID: "a", Time: time.UnixMilli(1).UTC(), Text: "\xff\x00", Dropped: 7, Note: true},
		lineOf("a", output.Line{Time: time.UnixMilli(1).UTC(), Text: "ü"}),
	} {
		text, err := want.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		var got Line
		if err := got.UnmarshalJSON(text); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%s: got %+v, want %+v", text, got, want)
		}
	}
}

func BenchmarkStatus(b *testing.B) {
	ids := make([]string, 100)
	for i := range ids {
		ids[i] = fmt.Sprintf("viewer-%d", i+1)
	}
	_, c := serve(b, newFakeFleet(b, ids...))
	for b.Loop() {
		if _, err := c.Status(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
