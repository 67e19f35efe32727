package output

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// tinyDisk is a file system of one megabyte.
func tinyDisk(t *testing.T) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root to mount a small file system")
	}
	dir := t.TempDir()
	if err := unix.Mount("tiny", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("mount: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// A full disk costs lines of the file, counted and said, and nothing else.
func TestDiskFull(t *testing.T) {
	dir := tinyDisk(t)
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 900<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	faults := make(chan error, 10)
	l := openLog(t, Options{Path: filepath.Join(dir, "v.log"), OnFault: func(err error) { faults <- err }})
	var printed int
	text := strings.Repeat("x", 500)
	for l.Dropped() == 0 { // fills what is free, then the queue
		l.Note("%d %s", printed, text)
		printed++
	}
	for range 10 {
		l.Note("%d %s", printed, text)
		printed++
	}
	last, err := l.Last(1)
	if err != nil || !strings.HasPrefix(last[0].Text, strconv.Itoa(printed-1)+" ") {
		t.Errorf("memory: got %v %v", last, err)
	}
	if err := <-faults; !errors.Is(err, unix.ENOSPC) || !errors.Is(l.Fault(), unix.ENOSPC) {
		t.Errorf("told of %v, Fault %v, want no space left", err, l.Fault())
	}
	dropped := l.Dropped()
	if dropped != 11 {
		t.Errorf("dropped: got %d, want 11", dropped)
	}
	// Room again: 5 MB wait, so the file system has to grow as well.
	if err := unix.Mount("tiny", dir, "tmpfs", unix.MS_REMOUNT, "size=32m"); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	lines, err := ReadLast(l.disk.path, printed+10)
	if err != nil {
		t.Fatal(err)
	}
	next, gaps := 0, uint64(0)
	for _, line := range lines {
		if line.Dropped > 0 {
			gaps += line.Dropped
			next += int(line.Dropped)
			continue
		}
		if !strings.HasPrefix(line.Text, strconv.Itoa(next)+" ") || !strings.HasSuffix(line.Text, text) {
			t.Fatalf("got %.20q…, want number %d", line.Text, next)
		}
		next++
	}
	if gaps != dropped || next != printed {
		t.Errorf("got %d of %d lines and a gap of %d, want %d", next, printed, gaps, dropped)
	}
}

// The disk stays full until the end: Close says so, and the file ends with a whole line.
func TestDiskStaysFull(t *testing.T) {
	dir := tinyDisk(t)
	l := openLog(t, Options{Path: filepath.Join(dir, "v.log")})
	text := strings.Repeat("x", 700)
	for range 2000 {
		l.Note("%s", text)
	}
	if err := l.Close(); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("got %v, want ENOSPC", err)
	}
	if l.Dropped() == 0 {
		t.Error("nothing counted as dropped")
	}
	data, err := os.ReadFile(l.disk.path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(string(data), text+"\n") {
		t.Errorf("torn: ends in %q", data[len(data)-50:])
	}
	if got := strings.Count(string(data), "\n") + int(l.Dropped()); got != 2000 {
		t.Errorf("lines in the file and dropped ones: got %d, want 2000", got)
	}
}
