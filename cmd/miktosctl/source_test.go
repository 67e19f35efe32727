package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

type closing struct{ *bytes.Buffer }

func (closing) Close() error { return nil }

// A fleet file that lost its end would be another fleet.
func TestHandOverWholeOrNothing(t *testing.T) {
	want := []byte("name = \"zed\"\ninstances = 2 # \xff\n")
	var wire bytes.Buffer
	if err := (source{text: want}).handOver(closing{&wire}); err != nil {
		t.Fatal(err)
	}
	got, err := takeOver(io.NopCloser(bytes.NewReader(wire.Bytes())))
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
	for n := range bytes.TrimSpace(wire.Bytes()) {
		if got, err := takeOver(io.NopCloser(bytes.NewReader(wire.Bytes()[:n]))); err == nil {
			t.Errorf("%d bytes of %d: got %q, want an error", n, wire.Len(), got)
		}
	}
}

// A process in the background does not look for a file where its starter found none,
// and does not read the one again that it was given.
func TestSourceHandedOver(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, test := range []struct{ path, text, want string }{
		{"", "", "default"},
		{filepath.Join(t.TempDir(), "gone.toml"), `name = "zed"`, "zed"},
	} {
		if err := os.WriteFile(fleetFile, []byte(`name = "new"`), 0o600); err != nil {
			t.Fatal(err)
		}
		ours, theirs, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		go source{text: []byte(test.text)}.handOver(theirs)
		from, err := unix.Dup(int(ours.Fd()))
		ours.Close()
		if err != nil {
			t.Fatal(err)
		}
		a := &app{file: test.path, env: func(string) string { return "" }}
		src, err := a.source(from)
		if err != nil {
			t.Fatal(err)
		}
		f, err := a.fleetOf(src, a.env)
		if err != nil {
			t.Fatal(err)
		}
		if f.Name != test.want {
			t.Errorf("%q: got fleet %s, want %s", test.path, f.Name, test.want)
		}
	}
}
