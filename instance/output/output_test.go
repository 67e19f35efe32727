package output

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
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
