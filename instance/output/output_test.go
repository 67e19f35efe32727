package output

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestLines(t *testing.T) {
	long := strings.Repeat("ä", MaxLine) // two bytes each: cut once in the middle
	half := strings.Repeat("ä", MaxLine/2)
	for name, tt := range map[string]struct {
		text string
		want []string
	}{
		"plain":           {"one\ntwo\n", []string{"one", "two"}},
		"partial":         {"one\ntwo", []string{"one", "two"}},
		"empty":           {"\n\n", []string{"", ""}},
		"nothing":         {"", nil},
		"carriage return": {"a\r\n\r\nb\rc\n", []string{"a", "", "b\rc"}},
		"binary":          {"\x00\x01\xff\xfe\t\x1b[31mred\n", []string{"\x00\x01\xff\xfe\t\x1b[31mred"}},
		"long":            {long + "\n", []string{half + cutAfter, cutBefore + half}},
		"just fits":       {half + "\r\n", []string{half}},
	} {
		t.Run(name, func(t *testing.T) {
			var seen []Line
			l := openLog(t, Options{OnLine: func(l Line) { seen = append(seen, l) }})
			printed(t, l, tt.text)
			lines, err := l.Last(10)
			if err != nil {
				t.Fatal(err)
			}
			if got := texts(lines); !slices.Equal(got, tt.want) {
				t.Errorf("memory: got %.100q, want %.100q", got, tt.want)
			}
			if got := texts(seen); !slices.Equal(got, tt.want) {
				t.Errorf("OnLine: got %.100q, want %.100q", got, tt.want)
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			lines, err = ReadLast(l.disk.path, 10)
			if err != nil {
				t.Fatal(err)
			}
			if got := texts(lines); !slices.Equal(got, tt.want) {
				t.Errorf("file: got %.100q, want %.100q", got, tt.want)
			}
		})
	}
}

func TestStamp(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		t.Run(format, func(t *testing.T) {
			l := openLog(t, Options{Format: format})
			begin := time.Now().Truncate(time.Millisecond)
			printed(t, l, "say \"hello\"\xff\n")
			l.Note("restarted on %d/%d\nreason", 8100, 8101)
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			lines, err := ReadLast(l.disk.path, 3)
			if err != nil {
				t.Fatal(err)
			}
			for _, line := range lines {
				if line.Time.Before(begin) || line.Time.After(time.Now()) {
					t.Errorf("stamped %v, printed at %v", line.Time, begin)
				}
			}
			want := []Line{
				{Text: "say \"hello\"\xff"},
				{Text: "restarted on 8100/8101", Note: true},
				{Text: "reason", Note: true},
			}
			if format == "json" {
				want[0] = Line{Text: "say \"hello\"\uFFFD", Generation: 1}
			}
			for i := range lines {
				lines[i].Time = time.Time{}
			}
			if !slices.Equal(lines, want) {
				t.Errorf("got %+v, want %+v", lines, want)
			}
		})
	}
}

// Numbered lines through many rotations: none is lost, none is torn, none comes twice.
func TestRotation(t *testing.T) {
	const count = 5000
	l := openLog(t, Options{MaxSize: 20_000, Keep: 100})
	p := newPipe(t, l, 1)
	for i := range count {
		fmt.Fprintf(p.File(), "line %d\n", i)
	}
	p.Drain()
	lines, err := l.Last(count + 1)
	if err != nil {
		t.Fatal(err)
	}
	numbered(t, lines, 0, count)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		name := l.disk.path
		if i > 0 {
			name = old(name, i)
		}
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() > 20_000 || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: size %d, mode %v", name, info.Size(), info.Mode())
		}
	}
	lines, err = ReadLast(l.disk.path, count+1)
	if err != nil {
		t.Fatal(err)
	}
	numbered(t, lines, 0, count)
	lines, err = ReadLast(l.disk.path, 7)
	if err != nil {
		t.Fatal(err)
	}
	numbered(t, lines, count-7, count)
}

func numbered(t *testing.T, lines []Line, from, to int) {
	t.Helper()
	if len(lines) != to-from {
		t.Fatalf("got %d lines, want %d", len(lines), to-from)
	}
	for i, l := range lines {
		if want := fmt.Sprintf("line %d", from+i); l.Text != want {
			t.Fatalf("line %d: got %q, want %q", i, l.Text, want)
		}
	}
}

func TestKeep(t *testing.T) {
	for _, keep := range []int{0, 1, 3} {
		l := openLog(t, Options{MaxSize: 500, Keep: keep})
		for i := range 100 {
			l.Note("line %d", i)
		}
		l.Close()
		names, _ := filepath.Glob(l.disk.path + "*")
		if got, want := len(names), keep+1; got != want {
			t.Errorf("files: got %d, want %d", got, want)
		}
		if text := stored(t, l.disk.path); !strings.HasSuffix(text, "line 99\n") {
			t.Errorf("the last line is missing: %q", text)
		}
	}
}

// Where a rotation is not possible the log goes on in the old file.
func TestRotationRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "v.log")
	if err := os.MkdirAll(path+".1/in-the-way", 0o700); err != nil {
		t.Fatal(err)
	}
	l := openLog(t, Options{Path: path, MaxSize: 500, Keep: 1})
	for i := range 100 {
		l.Note("line %d", i)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Count(string(data), "\n"), 100; got != want {
		t.Errorf("got %d lines, want %d", got, want)
	}
}

// A log that a crash of the machine left with half a line goes on with a new one.
func TestTorn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "v.log")
	if err := os.WriteFile(path, []byte("half a li"), 0o600); err != nil {
		t.Fatal(err)
	}
	l := openLog(t, Options{Path: path})
	l.Note("next")
	lines, err := l.Last(5)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := texts(lines), []string{"half a li", "next"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestFollow(t *testing.T) {
	const count, before = 20_000, 5000
	l := openLog(t, Options{MaxSize: 50_000, Keep: 1000})
	p := newPipe(t, l, 1)
	halfway := make(chan struct{})
	var followers sync.WaitGroup
	for _, last := range []int{0, 100, 900, 3000} {
		followers.Go(func() {
			<-halfway
			next := -1
			for line := range l.Follow(t.Context(), last) {
				if line.Dropped > 0 {
					next += int(line.Dropped) // too slow on this machine, and told so
					continue
				}
				var i int
				if _, err := fmt.Sscanf(line.Text, "line %d", &i); err != nil {
					t.Errorf("got %q", line.Text)
					return
				}
				if next >= 0 && i != next {
					t.Errorf("last %d: got line %d, want %d", last, i, next)
					return
				}
				if next = i + 1; next == count {
					return
				}
			}
		})
	}
	for i := range count {
		if i == before {
			close(halfway)
		}
		fmt.Fprintf(p.File(), "line %d\n", i)
	}
	p.Drain()
	followers.Wait()
}

// The lines before the following begins come from the files if memory has not enough.
func TestFollowFromFile(t *testing.T) {
	l := openLog(t, Options{})
	p := newPipe(t, l, 1)
	for i := range 2000 {
		fmt.Fprintf(p.File(), "line %d\n", i)
	}
	p.Drain()
	l.Close()
	var lines []Line
	for line := range l.Follow(t.Context(), 1500) { // ends, as the log is closed
		lines = append(lines, line)
	}
	numbered(t, lines, 500, 2000)
}

func TestSlowFollower(t *testing.T) {
	l := openLog(t, Options{})
	p := newPipe(t, l, 1)
	const count = 30_000
	text := strings.Repeat("x", 100)
	next, dropped := 0, uint64(0)
	l.Note("begin")
	for line := range l.Follow(t.Context(), 1) {
		if next == 0 && line.Text == "begin" {
			// All of it while this one is looking the other way.
			for i := range count {
				fmt.Fprintf(p.File(), "%d %s\n", i, text)
			}
			p.Drain()
			l.Close()
			continue
		}
		if line.Dropped > 0 {
			dropped += line.Dropped
			next += int(line.Dropped)
			continue
		}
		if want := fmt.Sprintf("%d %s", next, text); line.Text != want {
			t.Fatalf("got %q, want %q", line.Text, want)
		}
		next++
	}
	if next != count || dropped == 0 {
		t.Errorf("got up to line %d with %d dropped, want %d and some", next, dropped, count)
	}
}

func TestFollowEnds(t *testing.T) {
	l := openLog(t, Options{})
	l.Note("hello")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for range l.Follow(ctx, 1) {
		cancel()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.followers) > 0 {
		t.Error("a follower is left")
	}
}

// A child that writes while its reader is dead neither dies nor gets an error, and what
// it wrote is there for the next reader.
func TestReaderDies(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "out")
	l := openLog(t, Options{})
	p, err := l.NewPipe(fifo, 1)
	if err != nil {
		t.Fatal(err)
	}
	exe, _ := os.Executable()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), roleVariable+"=outlive")
	cmd.Stdout = p.File()
	cmd.ExtraFiles = []*os.File{r}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.Drain() // bounded, though the child has it open
	w.Close()
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 42 {
		t.Fatalf("got %v, want exit code 42", err)
	}
}

// What the child printed last is not lost, and a stranger who holds the FIFO open and
// keeps writing does not hold up anybody.
func TestDrainWithStranger(t *testing.T) {
	l := openLog(t, Options{})
	fifo := filepath.Join(t.TempDir(), "out")
	p, err := l.NewPipe(fifo, 1)
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := os.OpenFile(fifo, os.O_RDWR|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.File().WriteString("last words"); err != nil {
		t.Fatal(err)
	}
	p.Started()
	p.Drain()
	p.Drain()
	lines, err := l.Last(1)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := texts(lines), []string{"last words"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if _, err := os.Lstat(fifo); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the FIFO is left: %v", err)
	}
	stranger.Close()

	p = newPipe(t, l, 2)
	noisy, err := os.OpenFile(p.path, os.O_RDWR|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	p.Started()
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		text := []byte(strings.Repeat("noise\n", 1000))
		for {
			select {
			case <-stop:
				return
			default:
				noisy.SetWriteDeadline(time.Now().Add(time.Millisecond))
				noisy.Write(text)
			}
		}
	}()
	p.Drain()
	close(stop)
	<-done
	noisy.Close()
}

func TestPipeReplacesOnlyFIFO(t *testing.T) {
	l := openLog(t, Options{})
	path := filepath.Join(t.TempDir(), "out")
	if err := unix.Mkfifo(path, 0o644); err != nil {
		t.Fatal(err)
	}
	p, err := l.NewPipe(path, 1)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v %v, want 0600", info.Mode(), err)
	}
	p.Drain()
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := l.NewPipe(path, 1); !errors.Is(err, fs.ErrExist) {
		t.Errorf("got %v, want fs.ErrExist", err)
	}
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/file", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, o := range []Options{{Path: dir + "/file/v.log"}, {Path: dir}, {Path: dir + "/v.log", Format: "xml"}} {
		if l, err := Open(o); err == nil {
			l.Close()
			t.Errorf("%+v: got no error", o)
		}
	}
	if _, err := ReadLast(dir+"/no.log", 1); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want fs.ErrNotExist", err)
	}
}

func TestClosed(t *testing.T) {
	l := openLog(t, Options{})
	newPipe(t, l, 1) // drained by Close
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l.Note("too late")
	if _, err := l.NewPipe(filepath.Join(t.TempDir(), "out"), 1); !errors.Is(err, os.ErrClosed) {
		t.Errorf("got %v, want os.ErrClosed", err)
	}
}
