package supervisor

import (
	"crypto/rand"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/miktos/miktosctl/configs"
	"github.com/miktos/miktosctl/instance"
	"github.com/miktos/miktosctl/ports"
)

// spec joins what the user wrote about a place with what an instance needs to know.
func (s *Supervisor) spec(p configs.Place) instance.Spec {
	runDir := s.runDir(p.ID)
	return instance.Spec{
		Fleet:     s.fleet.Name,
		ID:        p.ID,
		Index:     p.Index,
		Host:      p.Ports.Host,
		Preferred: preferred(p),
		Program:   programOf(p.Viewer),
		Hold:      p.Ports.Hold,
		Launch: func(pair ports.Pair, generation int) instance.Launch {
			return s.launch(p, pair, generation, runDir)
		},
		Restart: instance.Restart{
			Policy:      instance.Policy(p.Restart.Policy),
			Delay:       time.Duration(p.Restart.Delay),
			MaxDelay:    time.Duration(p.Restart.MaxDelay),
			MaxFailures: p.Restart.MaxFailures,
			FailedRetry: time.Duration(p.Restart.FailedRetry),
			StableAfter: time.Duration(p.Restart.StableAfter),
		},
		Probe: instance.Probe{
			HTTP:         p.Probe.HTTP,
			WebSocket:    p.Probe.WebSocket,
			StartTimeout: time.Duration(p.Probe.StartTimeout),
			Interval:     time.Duration(p.Probe.Interval),
			Timeout:      time.Duration(p.Probe.Timeout),
			Failures:     p.Probe.Failures,
		},
		Stop: instance.Stop{
			Signal:  unix.SignalNum("SIG" + p.Stop.Signal),
			Timeout: time.Duration(p.Stop.Timeout),
		},
		RetryAttempts: p.Ports.RetryAttempts,
		RunDir:        runDir,
		Log: instance.Log{
			Path:    LogPath(s.dirs, p.ID),
			MaxSize: int64(p.Logs.MaxSize),
			Keep:    p.Logs.Keep,
			Format:  p.Logs.Format,
		},
	}
}

// instancesDir is the folder in the runtime folder that holds one for each instance.
const instancesDir = "instances"

func (s *Supervisor) runDir(id string) string {
	return filepath.Join(s.dirs.Runtime, instancesDir, id)
}

// LogPath returns where an instance's output is written.
func LogPath(d Dirs, id string) string {
	return filepath.Join(d.State, "logs", id+".log")
}

func preferred(p configs.Place) ports.Pair {
	return ports.Pair{HTTP: p.Ports.HTTP, WebSocket: p.Ports.WebSocket}
}

// launch renders the command of one child: the contract of what a child is given.
func (s *Supervisor) launch(p configs.Place, pair ports.Pair, generation int, runDir string) instance.Launch {
	url := instance.Spec{Host: p.Ports.Host}.PageURL(pair)
	vars := configs.Vars{
		HTTPPort:   pair.HTTP,
		WSPort:     pair.WebSocket,
		Host:       p.Ports.Host,
		ID:         p.ID,
		Index:      p.Index,
		Fleet:      s.fleet.Name,
		Generation: generation,
		URL:        url,
		RunDir:     runDir,
	}
	token := rand.Text()
	env := newEnviron(s.env)
	env.setDefault("PYTHONUNBUFFERED", "1")
	env.set("MIKTOS_HTTP_PORT", strconv.Itoa(pair.HTTP))
	env.set("MIKTOS_WS_PORT", strconv.Itoa(pair.WebSocket))
	env.set("MIKTOS_HOST", p.Ports.Host)
	env.set("MIKTOS_INSTANCE", p.ID)
	env.set("MIKTOS_FLEET", s.fleet.Name)
	env.set("MIKTOS_GENERATION", strconv.Itoa(generation))
	env.set("MIKTOS_URL", url)
	env.set("PORT", strconv.Itoa(pair.HTTP))
	for _, name := range sortedKeys(p.Viewer.Env) {
		env.set(name, configs.Expand(p.Viewer.Env[name], vars))
	}
	env.set("MIKTOS_TOKEN", token)

	argv := slices.Clone(s.viewer)
	if len(p.Viewer.Command) > 0 {
		argv = argv[:0]
		for _, word := range p.Viewer.Command {
			argv = append(argv, configs.Expand(word, vars))
		}
	}
	what := instance.Launch{
		Path:  argv[0],
		Args:  argv,
		Env:   env.list(),
		Dir:   configs.Expand(p.Viewer.Dir, vars),
		Token: token,
	}
	for _, f := range p.Files {
		path := configs.Expand(f.Path, vars)
		if !filepath.IsAbs(path) {
			path = filepath.Join(runDir, path)
		}
		what.Files = append(what.Files, instance.File{
			Path: path,
			Text: configs.Expand(f.Template, vars),
			Mode: f.Mode.Perm(),
		})
	}
	return what
}

// StartSlots returns how many children of a fleet may be starting at once; 0: no limit.
func StartSlots(f *configs.Fleet) int {
	if f.MaxStarting < 0 {
		return maxStarting(runtime.NumCPU())
	}
	return f.MaxStarting
}

// slots returns a token for each of so many children; nil for no limit.
func slots(n int) chan struct{} {
	if n == 0 {
		return nil
	}
	return make(chan struct{}, n)
}

func maxStarting(cpus int) int { return max(16, 4*cpus) }

// environ is an environment in the order in which its names were first set. A name
// stands in it once: of two, the C library would find the first, others the last.
type environ struct {
	names  []string
	values map[string]string
}

// ours are the variables of whoever supervises the supervisor. They speak to us, and
// a child that took them for its own would answer in our name.
var ours = []string{"NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"}

func newEnviron(base []string) *environ {
	e := &environ{values: make(map[string]string, len(base)+12)}
	for _, pair := range base {
		name, value, ok := strings.Cut(pair, "=")
		if ok && name != "" && !slices.Contains(ours, name) {
			e.set(name, value)
		}
	}
	return e
}

func (e *environ) set(name, value string) {
	if _, there := e.values[name]; !there {
		e.names = append(e.names, name)
	}
	e.values[name] = value
}

func (e *environ) setDefault(name, value string) {
	if _, there := e.values[name]; !there {
		e.set(name, value)
	}
}

func (e *environ) list() []string {
	list := make([]string, len(e.names))
	for i, name := range e.names {
		list[i] = name + "=" + e.values[name]
	}
	return list
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
