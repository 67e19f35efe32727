package main

import (
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// The test binary is all the programs that the scripts start.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"miktosctl":  main,
		"fakeviewer": fakeViewer,
	})
}

// firstPort is where the scripts' preferred ports begin: below the range from which
// the kernel takes ports for connections. Each script has its own hundred.
const firstPort = 21000

func TestScripts(t *testing.T) {
	var scripts atomic.Int32
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			run := filepath.Join(e.WorkDir, "run")
			if err := os.Mkdir(run, 0o700); err != nil {
				return err
			}
			port := firstPort + 100*int(scripts.Add(1))
			// A program with the race detector would sleep for a second before it ends.
			e.Setenv("GORACE", "atexit_sleep_ms=0")
			e.Setenv("HTTP", strconv.Itoa(port))
			e.Setenv("WS", strconv.Itoa(port+1))
			e.Setenv("HOME", filepath.Join(e.WorkDir, "home"))
			e.Setenv("XDG_RUNTIME_DIR", run)
			e.Setenv("XDG_STATE_HOME", filepath.Join(e.WorkDir, "state"))
			w := &world{env: e, spawned: map[string]*spawned{}}
			e.Values[worldKey{}] = w
			e.Defer(w.clear)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"code":      cmdCode,
			"spawn":     cmdSpawn,
			"await":     cmdAwait,
			"signal":    cmdSignal,
			"exits":     cmdExits,
			"fetch":     cmdFetch,
			"noprocess": cmdNoProcess,
			"terminal":  cmdTerminal,
		},
	})
}
