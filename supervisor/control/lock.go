package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/miktos/miktosctl/supervisor"
)

// RunningError is a fleet that has a supervisor already.
type RunningError struct {
	Fleet string
	PID   int       // 0: it has only just begun and did not say
	Since time.Time // zero: it did not say
}

func (e *RunningError) Error() string {
	s := fmt.Sprintf("fleet %s is already running", e.Fleet)
	if e.PID != 0 {
		s += fmt.Sprintf(": pid %d, since %s", e.PID, e.since(time.Now()))
	}
	return s
}

// since renders the start for somebody who reads it at now.
func (e *RunningError) since(now time.Time) string {
	t := e.Since.Local()
	if now.Sub(t) < 12*time.Hour {
		return t.Format("15:04")
	}
	return t.Format("2006-01-02 15:04")
}

// Hint returns the way out.
func (e *RunningError) Hint() string {
	return fmt.Sprintf("miktosctl --fleet %s status shows it, down ends it; another name makes another fleet", e.Fleet)
}

// holder is what the file of a lock says about who has it.
type holder struct {
	Fleet     string    `json:"fleet"`
	PID       int       `json:"pid"`
	Version   string    `json:"version"`
	StartedAt time.Time `json:"started_at"`
}

// lock is the right to be the supervisor of a fleet.
type lock struct {
	file *os.File
	path string
}

func takeLock(dirs supervisor.Dirs, h holder) (*lock, error) {
	path := filepath.Join(dirs.Runtime, "lock")
	for {
		l, err := tryLock(path, h)
		if err == nil || !errors.Is(err, errStaleLock) {
			return l, err
		}
	}
}

// errStaleLock is a lock on a file that its holder has removed by now.
var errStaleLock = errors.New("the lock's file is gone")

func tryLock(path string, h holder) (*lock, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, bare(err))
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		defer f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, readHolder(f, h.Fleet)
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	// The holder before us removes its file on the way out: what we have locked may
	// be that one, while somebody else locks a new one of the same name.
	ours, err1 := f.Stat()
	there, err2 := os.Lstat(path)
	if err1 != nil || err2 != nil || !os.SameFile(ours, there) {
		f.Close()
		if err := errors.Join(err1, err2); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		return nil, errStaleLock
	}
	text, err := json.Marshal(h)
	if err == nil {
		err = f.Truncate(0)
	}
	if err == nil {
		_, err = f.WriteAt(append(text, '\n'), 0)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, bare(err))
	}
	return &lock{file: f, path: path}, nil
}

// readHolder says who has the lock.
func readHolder(f *os.File, fleet string) *RunningError {
	var h holder
	text, err := io.ReadAll(io.LimitReader(f, 4096))
	if err != nil || json.Unmarshal(text, &h) != nil {
		return &RunningError{Fleet: fleet}
	}
	return &RunningError{Fleet: fleet, PID: h.PID, Since: h.StartedAt}
}

func (l *lock) release() {
	os.Remove(l.path)
	l.file.Close()
}
