package child

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// TokenVariable names the environment variable by which processes of a tree are
// recognised after they left its session. See [Command.Token].
const TokenVariable = "MIKTOS_TOKEN"

// FirstInherited is the descriptor that Command.Inherit[0] gets in the child. It is
// high so that no program trips over it: shells, servers that count from 3 and
// close-on-start loops up to a small number all leave it alone. Where the limit on
// descriptors is lower than that, it is as high as possible.
const FirstInherited = 99

// Command says what to run. Path is required, all else may be zero.
type Command struct {
	// Path is the program. A name without a slash is looked up in the PATH of Env; a
	// relative one counts from Dir.
	Path string
	// Args are the arguments including the program's own name; nil means Path alone.
	Args []string
	// Env is the whole environment of the child; nothing is added, nil is empty.
	Env []string
	// Dir is the working directory; empty is ours.
	Dir string
	// Output becomes descriptors 1 and 2; nil is /dev/null. Descriptor 0 always is /dev/null.
	Output *os.File
	// Inherit become descriptors FirstInherited, FirstInherited+1 and so on. All files
	// are only borrowed until Start returns.
	Inherit []*os.File
	// Token is the value of TokenVariable in Env. Empty: strays are recognised without it.
	Token string
}

// SpawnError is a command that could not be executed. errors.Is finds
// exec.ErrNotFound, fs.ErrPermission or the system's own error in it.
type SpawnError struct {
	Path string // the program, or the working directory if that is what is missing
	Err  error

	reason string // what the bare error would not tell, or empty
}

// Error names the path and the reason in words.
func (e *SpawnError) Error() string {
	if e.reason != "" {
		return e.Path + ": " + e.reason
	}
	return fmt.Sprintf("%s: %v", e.Path, e.Err)
}

// Unwrap returns the system's error.
func (e *SpawnError) Unwrap() error { return e.Err }

// locate returns the file to execute. It is a name for the child, so relative ones are
// left as they are: the child resolves them after it changed into Dir.
func (c *Command) locate() (string, *SpawnError) {
	if c.Path == "" {
		return "", &SpawnError{Path: "command", Err: exec.ErrNotFound, reason: "is empty"}
	}
	if c.Dir != "" {
		info, err := os.Stat(c.Dir)
		if err == nil && !info.IsDir() {
			err = syscall.ENOTDIR
		}
		if err != nil {
			if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
				err = pathErr.Err
			}
			return "", &SpawnError{Path: c.Dir, Err: err, reason: fmt.Sprintf("working directory: %v", err)}
		}
	}
	if strings.ContainsRune(c.Path, '/') {
		return c.Path, nil
	}
	var denied bool
	for _, dir := range filepath.SplitList(c.variable("PATH")) {
		if dir == "" {
			dir = "." // the shells' reading of an empty entry
		}
		path := dir + "/" + c.Path
		info, err := os.Stat(c.fromDir(path))
		switch {
		case err != nil || info.IsDir():
			denied = denied || errors.Is(err, fs.ErrPermission)
		case info.Mode()&0o111 == 0:
			denied = true
		default:
			return path, nil
		}
	}
	if denied {
		return "", &SpawnError{Path: c.Path, Err: fs.ErrPermission, reason: "found in PATH but not executable"}
	}
	return "", &SpawnError{Path: c.Path, Err: exec.ErrNotFound, reason: "not found in PATH"}
}

// explain turns the bare answer of the kernel into what a user has to know: "no such
// file" may mean the script's interpreter, "permission denied" a directory.
func (c *Command) explain(path string, err error) *SpawnError {
	e := &SpawnError{Path: path, Err: err}
	info, statErr := os.Stat(c.fromDir(path))
	switch {
	case errors.Is(err, syscall.ENOENT) && statErr == nil:
		e.Err, e.reason = exec.ErrNotFound, "its interpreter (the #! line) or loader was not found"
	case errors.Is(err, syscall.ENOENT):
		e.Err, e.reason = exec.ErrNotFound, "no such file"
	case errors.Is(err, syscall.EACCES) && statErr == nil && info.IsDir():
		e.reason = "is a directory"
	case errors.Is(err, syscall.EACCES) && statErr == nil && info.Mode()&0o111 == 0:
		e.reason = "is not executable"
	case errors.Is(err, syscall.ENOEXEC):
		e.reason = "exec format error (built for another machine, or a script without a #! line)"
	}
	return e
}

func (c *Command) variable(name string) string {
	// The last one wins, as it does in most programs that read an environment.
	for i := len(c.Env) - 1; i >= 0; i-- {
		if value, ok := strings.CutPrefix(c.Env[i], name+"="); ok {
			return value
		}
	}
	return ""
}

func (c *Command) fromDir(path string) string {
	if c.Dir == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(c.Dir, path)
}
