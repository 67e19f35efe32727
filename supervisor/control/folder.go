package control

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/miktos/miktosctl/supervisor"
)

// FolderError is a runtime folder that cannot be trusted or not be made.
type FolderError struct {
	Path string
	Err  error
}

func (e *FolderError) Error() string { return fmt.Sprintf("runtime folder %s: %v", e.Path, e.Err) }

// Unwrap returns the cause.
func (e *FolderError) Unwrap() error { return e.Err }

// Hint returns the way out.
func (e *FolderError) Hint() string {
	if errors.Is(e.Err, errOpenToOthers) {
		return "chmod go= " + e.Path
	}
	return "set XDG_RUNTIME_DIR to a folder of your own"
}

var (
	errOpenToOthers = errors.New("other users have access to it")
	errNotAFolder   = errors.New("it is not a folder")
)

// MakeFolder makes the runtime folder of a fleet, as [Listen] does, for who needs it
// earlier. The error is a [FolderError].
func MakeFolder(dirs supervisor.Dirs) error { return makeFolder(dirs.Runtime) }

// makeFolder makes the runtime folder of a fleet, where it is missing, and checks
// that nobody else can reach into it or put another one in its place.
func makeFolder(path string) error {
	parent := filepath.Dir(path)
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return &FolderError{Path: parent, Err: bare(err)}
	}
	// Looked at before anything is made in it: the name of the fallback in the
	// temporary folder is known, and somebody else may have been there first.
	if err := checkFolder(parent, safeParent); err != nil {
		return err
	}
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return &FolderError{Path: path, Err: bare(err)}
	}
	return checkFolder(path, private)
}

func checkFolder(path string, check func(fs.FileInfo, int) error) error {
	info, err := os.Lstat(path)
	if err != nil {
		return &FolderError{Path: path, Err: bare(err)}
	}
	if !info.IsDir() {
		return &FolderError{Path: path, Err: errNotAFolder}
	}
	owner := int(info.Sys().(*syscall.Stat_t).Uid)
	if err := check(info, owner); err != nil {
		return &FolderError{Path: path, Err: err}
	}
	return nil
}

// private says whether a folder is ours alone.
func private(info fs.FileInfo, owner int) error {
	if owner != os.Geteuid() {
		return fmt.Errorf("it belongs to uid %d", owner)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return errOpenToOthers
	}
	return nil
}

// safeParent says whether nobody else can rename what is ours in a folder.
func safeParent(info fs.FileInfo, owner int) error {
	if owner != os.Geteuid() && owner != 0 {
		return fmt.Errorf("it belongs to uid %d", owner)
	}
	if info.Mode().Perm()&0o022 != 0 && info.Mode()&fs.ModeSticky == 0 {
		return errOpenToOthers
	}
	return nil
}

// bare returns what the system said, without the path that the caller names anyway.
func bare(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
