package ports

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

// logged returns an Allocator and what it has logged, a line each without the time.
func logged(options Options) (*Allocator, func() []string) {
	var text bytes.Buffer
	options.Log = slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))
	return NewAllocator(options), func() []string {
		defer text.Reset()
		return strings.Split(strings.TrimSuffix(text.String(), "\n"), "\n")
	}
}

func TestLog(t *testing.T) {
	ownNetwork(t)
	a, lines := logged(Defaults())
	want := func(step string, prefixes ...string) {
		t.Helper()
		got := lines()
		ok := len(got) == len(prefixes)
		for i := range min(len(got), len(prefixes)) {
			ok = ok && strings.HasPrefix(got[i], prefixes[i])
		}
		if !ok {
			t.Errorf("%s: got\n%s\nwant\n%s", step, strings.Join(got, "\n"), strings.Join(prefixes, "\n"))
		}
	}
	request := preferred
	request.Owner = "studio/viewer-1"
	stranger := occupy(t, 8080)[0]

	acquire(t, a, request)
	want("a stranger",
		`level=WARN msg="Preferred port 8080 is in use, searching for alternative" holder=`,
		`level=INFO msg="Found available port 8090"`,
		`level=INFO msg="Allocated port pair: HTTP=8090, WebSocket=8091" for=studio/viewer-1`)

	acquire(t, a, request)
	want("the same stranger", `level=INFO msg="Allocated port pair: HTTP=8100, WebSocket=8101" for=studio/viewer-1`)

	stranger.Close()
	occupy(t, 8080)
	acquire(t, a, request)
	want("another stranger",
		`level=WARN msg="Preferred port 8080 is in use, searching for alternative" holder=`,
		`level=INFO msg="Found available port 8110"`,
		`level=INFO msg="Allocated port pair: HTTP=8110, WebSocket=8111" for=studio/viewer-1`)

	acquire(t, a, Request{Preferred: Pair{9080, 9081}})
	want("nobody", `level=INFO msg="Allocated port pair: HTTP=9080, WebSocket=9081" for=""`)
	acquire(t, a, Request{Preferred: Pair{9080, 9081}})
	want("ourselves", `level=INFO msg="Allocated port pair: HTTP=8120, WebSocket=8121" for=""`)

	occupy(t, 9085)
	acquire(t, a, Request{Preferred: Pair{9084, 9085}})
	want("a stranger on the WebSocket port",
		`level=WARN msg="Preferred port 9085 is in use, searching for alternative" holder=`,
		`level=INFO msg="Found available port 9086"`,
		`level=INFO msg="Allocated port pair: HTTP=9084, WebSocket=9086" for=""`)
}

func TestLogNamesTheHolder(t *testing.T) {
	ownNetwork(t)
	if _, err := Listeners(nil, 8080); err != nil {
		t.Skip("needs the kernel's socket tables: ", err)
	}
	a, lines := logged(Defaults())
	occupy(t, 8080)
	acquire(t, a, preferred)
	holder, _, _ := HolderOf(8080)
	if got, want := lines()[0], `holder="`+holder.String()+`"`; !strings.HasSuffix(got, want) {
		t.Errorf("got %s, want it to end with %s", got, want)
	}
}
