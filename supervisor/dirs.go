package supervisor

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
)

// Dirs are the folders of one fleet.
type Dirs struct {
	Runtime string // sockets, FIFOs and the lock; gone after a reboot
	State   string // logs; survives a reboot
}

// DirsFor returns the folders of a fleet, without creating them. env looks up an
// environment variable, as os.Getenv does.
func DirsFor(fleet string, env func(string) string) (Dirs, error) {
	state := env("XDG_STATE_HOME")
	if !filepath.IsAbs(state) {
		home := env("HOME")
		if !filepath.IsAbs(home) {
			return Dirs{}, fmt.Errorf("no folder for logs: neither XDG_STATE_HOME nor HOME is an absolute path")
		}
		state = filepath.Join(home, ".local", "state")
	}
	return Dirs{
		Runtime: filepath.Join(runtimeRoot(env), fleet),
		State:   filepath.Join(state, "miktosctl", fleet),
	}, nil
}

// runtimeRoot returns the folder that holds the runtime folders of all of the
// user's fleets. Without XDG_RUNTIME_DIR it is one in the temporary folder with the
// uid in its name; control checks whose it is before it is used.
func runtimeRoot(env func(string) string) string {
	if dir := env("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "miktosctl")
	}
	tmp := env("TMPDIR")
	if !filepath.IsAbs(tmp) {
		tmp = "/tmp"
	}
	return filepath.Join(tmp, "miktosctl-"+strconv.Itoa(os.Getuid()))
}

// RunningFleets returns the names of the user's fleets that have a control socket,
// sorted. A socket may be left over from a supervisor that was killed.
func RunningFleets(env func(string) string) ([]string, error) {
	sockets, err := filepath.Glob(filepath.Join(runtimeRoot(env), "*", "control.sock"))
	if err != nil {
		return nil, err
	}
	names := make([]string, len(sockets))
	for i, s := range sockets {
		names[i] = filepath.Base(filepath.Dir(s))
	}
	sort.Strings(names)
	return names, nil
}
