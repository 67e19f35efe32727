package control

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miktos/miktosctl/supervisor"
)

func TestListenOnlyOnce(t *testing.T) {
	dirs := folders(t)
	s := listen(t, dirs)
	_, err := Listen(dirs, Options{Fleet: "studio", Log: slog.New(slog.DiscardHandler)})
	var running *RunningError
	if !errors.As(err, &running) {
		t.Fatalf("second Listen: got %v, want a RunningError", err)
	}
	if running.PID != os.Getpid() || !running.Since.Equal(s.self.StartedAt) {
		t.Errorf("got pid %d since %v, want %d since %v", running.PID, running.Since, os.Getpid(), s.self.StartedAt)
	}
	want := fmt.Sprintf("fleet studio is already running: pid %d, since %s", os.Getpid(), s.self.StartedAt.Format("15:04"))
	if got := err.Error(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}

	s.Finish(nil)
	listen(t, dirs).Finish(nil)
}

func TestFinishLeavesNothing(t *testing.T) {
	dirs := folders(t)
	s := listen(t, dirs)
	for path, want := range map[string]fs.FileMode{
		dirs.Runtime:                        fs.ModeDir | 0o700,
		SocketPath(dirs):                    fs.ModeSocket | 0o600,
		filepath.Join(dirs.Runtime, "lock"): 0o600,
	} {
		info, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode(); got != want {
			t.Errorf("%s: got mode %v, want %v", path, got, want)
		}
	}
	s.Finish(nil)
	if left, err := os.ReadDir(dirs.Runtime); err != nil || len(left) > 0 {
		t.Errorf("left %v, %v; want nothing", left, err)
	}
	if err := s.Serve(newFakeFleet(t)); err != nil {
		t.Errorf("Serve after Finish: %v", err)
	}
}

// A supervisor that was killed leaves its files, but no lock on them.
func TestListenAfterKill(t *testing.T) {
	dirs := folders(t)
	if err := os.MkdirAll(dirs.Runtime, 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: SocketPath(dirs), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	if err := os.WriteFile(filepath.Join(dirs.Runtime, "lock"), []byte(strings.Repeat("x", 500)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Dial(t.Context(), dirs); !errors.Is(err, ErrNotRunning) {
		t.Errorf("Dial: got %v, want ErrNotRunning", err)
	}
	listen(t, dirs)
	var running *RunningError
	if _, err := takeLock(dirs, holder{Fleet: "studio"}); !errors.As(err, &running) || running.PID != os.Getpid() {
		t.Errorf("got %v, want our pid in it: the old text is still there", err)
	}
}

// The holder removes the lock's file: of two that wait for it, one could lock the
// removed file and the other the new one.
func TestLockExcludes(t *testing.T) {
	dirs := folders(t)
	if err := os.MkdirAll(dirs.Runtime, 0o700); err != nil {
		t.Fatal(err)
	}
	var holders, taken atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for taken.Load() < 300 {
				l, err := takeLock(dirs, holder{Fleet: "studio"})
				var running *RunningError
				if errors.As(err, &running) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				if n := holders.Add(1); n != 1 {
					t.Errorf("%d hold the lock", n)
				}
				taken.Add(1)
				holders.Add(-1)
				l.release()
			}
		})
	}
	wg.Wait()
}

func TestRunningSince(t *testing.T) {
	now := time.Date(2026, 3, 2, 12, 30, 0, 0, time.Local)
	for _, test := range []struct {
		err  RunningError
		want string
	}{
		{RunningError{Fleet: "a"}, ""},
		{RunningError{Fleet: "a", PID: 7, Since: now.Add(-time.Hour)}, "11:30"},
		{RunningError{Fleet: "a", PID: 7, Since: now.Add(-24 * time.Hour)}, "2026-03-01 12:30"},
	} {
		if test.err.PID == 0 {
			if got, want := test.err.Error(), "fleet a is already running"; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			continue
		}
		if got := test.err.since(now); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}

func TestFolderRefused(t *testing.T) {
	mkdir := func(t *testing.T, path string, mode fs.FileMode) {
		t.Helper()
		if err := os.MkdirAll(path, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	needsRoot := func(t *testing.T) {
		t.Helper()
		if os.Geteuid() != 0 {
			t.Skip("needs root, to make a folder of another user")
		}
	}
	for _, test := range []struct {
		name  string
		make  func(t *testing.T, dirs supervisor.Dirs)
		want  string
		where func(dirs supervisor.Dirs) string
	}{
		{"open to the group", func(t *testing.T, d supervisor.Dirs) {
			mkdir(t, d.Runtime, 0o750)
		}, "other users have access to it", runtimeOf},
		{"a symlink", func(t *testing.T, d supervisor.Dirs) {
			mkdir(t, filepath.Dir(d.Runtime), 0o700)
			if err := os.Symlink(t.TempDir(), d.Runtime); err != nil {
				t.Fatal(err)
			}
		}, "it is not a folder", runtimeOf},
		{"a file", func(t *testing.T, d supervisor.Dirs) {
			mkdir(t, filepath.Dir(d.Runtime), 0o700)
			if err := os.WriteFile(d.Runtime, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}, "it is not a folder", runtimeOf},
		{"another user's", func(t *testing.T, d supervisor.Dirs) {
			needsRoot(t)
			mkdir(t, d.Runtime, 0o700)
			if err := os.Chown(d.Runtime, 65534, 65534); err != nil {
				t.Fatal(err)
			}
		}, "it belongs to uid 65534", runtimeOf},
		{"in another user's", func(t *testing.T, d supervisor.Dirs) {
			needsRoot(t)
			mkdir(t, filepath.Dir(d.Runtime), 0o700)
			if err := os.Chown(filepath.Dir(d.Runtime), 65534, 65534); err != nil {
				t.Fatal(err)
			}
		}, "it belongs to uid 65534", parentOf},
		{"in one that all can write", func(t *testing.T, d supervisor.Dirs) {
			mkdir(t, filepath.Dir(d.Runtime), 0o777)
		}, "other users have access to it", parentOf},
		{"in a symlink", func(t *testing.T, d supervisor.Dirs) {
			if err := os.Symlink(t.TempDir(), filepath.Dir(d.Runtime)); err != nil {
				t.Fatal(err)
			}
		}, "it is not a folder", parentOf},
	} {
		t.Run(test.name, func(t *testing.T) {
			dirs := folders(t)
			test.make(t, dirs)
			_, err := Listen(dirs, Options{Fleet: "studio", Log: slog.New(slog.DiscardHandler)})
			var folder *FolderError
			if !errors.As(err, &folder) {
				t.Fatalf("got %v, want a FolderError", err)
			}
			if want := "runtime folder " + test.where(dirs) + ": " + test.want; err.Error() != want {
				t.Errorf("got %q, want %q", err, want)
			}
			if folder.Hint() == "" {
				t.Error("no hint")
			}
		})
	}
	t.Run("in a sticky one", func(t *testing.T) {
		dirs := folders(t)
		mkdir(t, filepath.Dir(dirs.Runtime), 0o777|fs.ModeSticky)
		listen(t, dirs)
	})
}

func runtimeOf(d supervisor.Dirs) string { return d.Runtime }
func parentOf(d supervisor.Dirs) string  { return filepath.Dir(d.Runtime) }
