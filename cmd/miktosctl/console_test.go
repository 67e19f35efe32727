package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	return r, w
}

func TestConsoleWritesInOrder(t *testing.T) {
	out, stdout := pipe(t)
	errs, stderr := pipe(t)
	c := newConsole(stdout, stderr)
	for i := range 100 {
		c.print(t.Context(), fmt.Appendf(nil, "line %d\n", i))
		fmt.Fprintf(c, "log %d\n", i)
	}
	c.show("progress is for terminals")
	c.close()
	stdout.Close()
	stderr.Close()
	for what, r := range map[string]io.Reader{"line": out, "log": errs} {
		got, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		var want strings.Builder
		for i := range 100 {
			fmt.Fprintf(&want, "%s %d\n", what, i)
		}
		if string(got) != want.String() {
			t.Errorf("got %q, want %q", got, want.String())
		}
	}
}

// A terminal that takes nothing, after Ctrl-S, must not stop the supervisor.
func TestConsoleNeverWaits(t *testing.T) {
	_, stdout := pipe(t)
	c := newConsole(stdout, stdout)
	line := []byte(strings.Repeat("x", 1023) + "\n")
	for range 2 * backlog {
		c.Write(line) // the test hangs here if it waits
	}
	ctx, cancel := context.WithCancel(t.Context())
	printed := make(chan struct{})
	go func() {
		for range 2 * backlog {
			c.print(ctx, line)
		}
		close(printed)
	}()
	cancel()
	<-printed
	if c.dropped.Load() == 0 {
		t.Error("nothing was counted as dropped")
	}
	c.close()
}

func TestConsoleTellsOfBrokenPipe(t *testing.T) {
	sigs := make(chan os.Signal, 1)
	signal.Notify(sigs, syscall.SIGPIPE)
	defer signal.Stop(sigs)
	out, stdout := pipe(t)
	_, stderr := pipe(t)
	c := newConsole(stdout, stderr)
	defer c.close()
	out.Close()
	c.print(t.Context(), []byte("to nobody\n"))
	<-c.broken
}

func TestFit(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"short", "short"},
		{"nine char", "nine char"},
		{"ten chars.", "ten char…"},
		{"größer als", "größer a…"},
		{"a\nb\x1b[2J", "a b [2J"},
	} {
		if got := fit(test.text, 10); got != test.want {
			t.Errorf("fit(%q): got %q, want %q", test.text, got, test.want)
		}
	}
}

// A signal may come twice for one Ctrl-C; the second one that a person sends is later.
func TestSecondSignal(t *testing.T) {
	for _, test := range []struct {
		name   string
		after  []time.Duration // between the first signal and the others
		killed bool
	}{
		{"one", nil, false},
		{"one that came twice", []time.Duration{0, echoTime / 2}, false},
		{"two", []time.Duration{2 * echoTime}, true},
		{"one that came twice, and another", []time.Duration{0, 2 * echoTime}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &signals{asked: make(chan os.Signal, 2), pipes: make(chan os.Signal), over: make(chan struct{})}
				asked, killed := 0, 0
				s.asked <- syscall.SIGINT
				s.first(make(chan struct{}), &console{broken: make(chan struct{})}, func() { asked++ }, func() { killed++ })
				begun := time.Now()
				for _, after := range test.after {
					time.Sleep(after - time.Since(begun))
					s.asked <- syscall.SIGINT
				}
				synctest.Wait()
				s.stop()
				if asked != 1 || (killed == 1) != test.killed || s.killed() != test.killed {
					t.Errorf("got %d asked, %d killed, %v; want one asked, killed %v", asked, killed, s.killed(), test.killed)
				}
			})
		})
	}
}
