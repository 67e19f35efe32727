package output

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

// roleVariable turns the test binary into a child that prints.
const roleVariable = "OUTPUT_TEST_ROLE"

func TestMain(m *testing.M) {
	if role := strings.Fields(os.Getenv(roleVariable)); len(role) > 0 {
		play(role)
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

func play(role []string) {
	number := func(i int) int { v, _ := strconv.Atoi(role[i]); return v }
	switch role[0] {
	case "lines": // count, bytes per line, bytes per write
		w := bufio.NewWriterSize(os.Stdout, max(16, number(3)))
		text := strings.Repeat("x", number(2)-9)
		begin := time.Now()
		for i := range number(1) {
			fmt.Fprintf(w, "%08d%s\n", i, text)
			if number(3) == 0 {
				w.Flush()
			}
		}
		w.Flush()
		fmt.Fprintln(os.Stderr, "took", time.Since(begin).Seconds())
	case "outlive": // writes on after its reader is gone, as descriptor 3 tells
		signal := os.NewFile(3, "reader is gone")
		signal.Read(make([]byte, 1))
		for i := range 100 {
			if _, err := fmt.Println("line", i); err != nil {
				os.Exit(1)
			}
		}
		os.Exit(42)
	}
}

func openLog(t testing.TB, o Options) *Log {
	t.Helper()
	if o.Path == "" {
		o.Path = filepath.Join(t.TempDir(), "logs", "viewer-1.log")
	}
	l, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func newPipe(t testing.TB, l *Log, generation int) *Pipe {
	t.Helper()
	p, err := l.NewPipe(filepath.Join(t.TempDir(), "out"), generation)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Drain)
	return p
}

// printed puts text through a pipe as one child's output.
func printed(t testing.TB, l *Log, text string) {
	t.Helper()
	p := newPipe(t, l, 1)
	if _, err := p.File().WriteString(text); err != nil {
		t.Fatal(err)
	}
	p.Drain()
}

func texts(lines []Line) []string {
	var out []string
	for _, l := range lines {
		out = append(out, l.Text)
	}
	return out
}

// stored is all that the files of a log hold, the oldest first.
func stored(t testing.TB, path string) string {
	t.Helper()
	var all string
	for i := 0; ; i++ {
		name := path
		if i > 0 {
			name = old(path, i)
		}
		data, err := os.ReadFile(name)
		if os.IsNotExist(err) && i > 0 {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = string(data) + all
	}
}

func cpuTime(who int) time.Duration {
	var u unix.Rusage
	unix.Getrusage(who, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
