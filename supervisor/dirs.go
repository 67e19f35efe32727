package supervisor

import (
	"os"
	"os/user"
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
// environment variable, as os.Getenv does. Without XDG_STATE_HOME and HOME the state
// is below the home folder that the system knows for the user; without that, in the
// folder of all runtime folders, and gone after a reboot like them.
func DirsFor(fleet string, env func(string) string) Dirs {
	return Dirs{
		Runtime: filepath.Join(runtimeRoot(env), fleet),
		State:   filepath.Join(stateRoot(env, knownHome), "miktosctl", fleet),
	}
}

// stateRoot returns the folder for the state of all programs of the user. known
// returns a home folder without the environment, "" if there is none.
func stateRoot(env func(string) string, known func() string) string {
	if dir := env("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return dir
	}
	home := env("HOME")
	if !filepath.IsAbs(home) {
		home = known()
	}
	if !filepath.IsAbs(home) {
		return filepath.Join(runtimeRoot(env), "state")
	}
	return filepath.Join(home, ".local", "state")
}

// knownHome returns the home folder in the user's entry of passwd. Users that only
// services have may have one there that does not exist.
func knownHome() string {
	u, err := user.LookupId(strconv.Itoa(os.Getuid()))
	if err != nil {
		return ""
	}
	if info, err := os.Stat(u.HomeDir); err != nil || !info.IsDir() {
		return ""
	}
	return u.HomeDir
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
