package main

import (
	"bytes"
	"errors"
	"log/slog"
	"testing"
	"testing/slogtest"
	"time"
)

func TestLogHandler(t *testing.T) {
	var b bytes.Buffer
	h := &logHandler{w: &b, stamp: "15:04:05"}
	log := slog.New(h)
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.Local)
	for _, test := range []struct {
		log  *slog.Logger
		args []any
		want string
	}{
		{log, nil, "03:04:05 INFO  ready\n"},
		{log, []any{"instance", "viewer-1", "pid", 7, "wait", 1500 * time.Millisecond}, "03:04:05 INFO  ready instance=viewer-1 pid=7 wait=1.5s\n"},
		{log, []any{"reason", "exit code 1: no\n\x1b[2J", "err", errors.New("a b"), "empty", ""}, "03:04:05 INFO  ready reason=\"exit code 1: no\\n\\x1b[2J\" err=\"a b\" empty=\"\"\n"},
		{log.With("fleet", "studio").WithGroup("g").With("a", 1), []any{"b", 2, slog.Group("c", "d", 3)}, "03:04:05 INFO  ready fleet=studio g.a=1 g.b=2 g.c.d=3\n"},
	} {
		b.Reset()
		r := slog.NewRecord(at, slog.LevelInfo, "ready", 0)
		r.Add(test.args...)
		if err := test.log.Handler().Handle(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		if got := b.String(); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
	b.Reset()
	log.Debug("not said")
	if b.Len() > 0 {
		t.Errorf("got %q, want nothing below the level", b.String())
	}
}

// The handler holds what slog's own test asks for; it is parsed back for that.
func TestLogHandlerContract(t *testing.T) {
	var b bytes.Buffer
	slogtest.Run(t, func(*testing.T) slog.Handler {
		b.Reset()
		return &logHandler{w: &b, stamp: "15:04:05"}
	}, func(t *testing.T) map[string]any { return parseLog(t, b.String()) })
}

func parseLog(t *testing.T, line string) map[string]any {
	t.Helper()
	fields := bytes.Fields([]byte(line))
	got := map[string]any{}
	if len(fields) > 0 && bytes.Count(fields[0], []byte(":")) == 2 {
		got["time"] = string(fields[0])
		fields = fields[1:]
	}
	got["level"], got["msg"] = string(fields[0]), string(fields[1])
	for _, f := range fields[2:] {
		key, value, _ := bytes.Cut(f, []byte("="))
		into := got
		parts := bytes.Split(key, []byte("."))
		for _, group := range parts[:len(parts)-1] {
			next, ok := into[string(group)].(map[string]any)
			if !ok {
				next = map[string]any{}
				into[string(group)] = next
			}
			into = next
		}
		into[string(parts[len(parts)-1])] = string(value)
	}
	return got
}
