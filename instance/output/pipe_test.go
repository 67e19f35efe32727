package output

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

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
