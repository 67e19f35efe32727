package configs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// File is one [[file]]: a file that is written for each child before it starts,
// for programs that read their ports from nothing else.
type File struct {
	Path     string `toml:"path" check:"path"`               // template; relative to the child's {run_dir}, never outside it
	Template string `toml:"template" check:"template"`       // template of the text; after Load also what Source holds
	Source   string `toml:"source,omitempty" check:"source"` // file that the text came from, absolute; "": it was written inline
	Mode     Mode   `toml:"mode,omitzero"`
}

// Mode is the permissions of a file, written in octal: "0644", which is also
// what the zero value means.
type Mode fs.FileMode

const defaultMode Mode = 0o644

// Perm returns the permission bits.
func (m Mode) Perm() fs.FileMode {
	if m == 0 {
		return fs.FileMode(defaultMode)
	}
	return fs.FileMode(m).Perm()
}

// String returns the mode as it is written.
func (m Mode) String() string { return fmt.Sprintf("%04o", m.Perm()) }

// MarshalText implements [encoding.TextMarshaler].
func (m Mode) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (m *Mode) UnmarshalText(text []byte) error {
	bits, err := strconv.ParseUint(strings.TrimPrefix(string(text), "0o"), 8, 32)
	switch {
	case err != nil || bits > 0o777:
		return wrongf(`write it like "0644"`, "must be permissions in octal, up to 0777")
	case bits&0o400 == 0:
		return wrongf(`write it like "0600"`, "would be a file that the viewer cannot read")
	}
	*m = Mode(bits)
	return nil
}

// maxText is the size up to which a fleet file or a template file is read. A
// larger one is a mistake, and deep nesting in it would cost the stack.
const maxText = 1 << 20

// errTooLarge says that a file is not read because of its size.
var errTooLarge = errors.New("larger than 1 MiB")

// readSource returns the text of a template file. Only a regular file is one:
// a pipe would be empty at the second start.
func readSource(path string) (string, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return "", systemError(err)
	case !info.Mode().IsRegular():
		return "", errors.New("not a regular file")
	case info.Size() > maxText:
		return "", errTooLarge
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return "", systemError(err)
	}
	return string(data), nil
}

// systemError leaves out the path, which the message names already.
func systemError(err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err
	}
	return err
}
