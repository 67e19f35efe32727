package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"

	"github.com/miktos/miktosctl/supervisor"
	"github.com/miktos/miktosctl/supervisor/control"
)

// hangs is when a script gives up on what should have happened long ago.
const hangs = 20 * time.Second

// world is what one script has started.
type world struct {
	env     *testscript.Env
	spawned map[string]*spawned
}

type worldKey struct{}

func worldOf(ts *testscript.TestScript) *world { return ts.Value(worldKey{}).(*world) }

// clear ends what a script has left, also of one that failed.
func (w *world) clear() {
	for _, s := range w.spawned {
		s.cmd.Process.Kill()
		<-s.ended
	}
	names, _ := supervisor.RunningFleets(w.env.Getenv)
	for _, name := range names {
		dirs := supervisor.DirsFor(name, w.env.Getenv)
		ctx, cancel := context.WithTimeout(context.Background(), hangs)
		if c, err := control.Dial(ctx, dirs); err == nil {
			c.Kill(ctx)
			c.Down(ctx)
			c.Close()
		}
		cancel()
	}
	for _, pid := range w.processes() {
		syscall.Kill(pid, syscall.SIGKILL)
	}
}

// processes returns what runs in the script's environment.
func (w *world) processes() (pids []int) {
	mark := []byte("\x00XDG_RUNTIME_DIR=" + w.env.Getenv("XDG_RUNTIME_DIR") + "\x00")
	environs, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range environs {
		text, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(append([]byte{0}, text...), mark) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil && pid != os.Getpid() {
			pids = append(pids, pid)
		}
	}
	return pids
}

// environ returns the script's variables as they are now.
func (w *world) environ(ts *testscript.TestScript) []string {
	var list []string
	for _, pair := range w.env.Vars {
		name, _, _ := strings.Cut(pair, "=")
		list = append(list, name+"="+ts.Getenv(name))
	}
	for _, name := range []string{"MIKTOS_FLEET", "MIKTOS_HTTP_PORT", "MIKTOS_WS_PORT", "NO_COLOR", "TERM"} {
		if v := ts.Getenv(name); v != "" {
			list = append(list, name+"="+v)
		}
	}
	return list
}

// command returns a command in the script's folder and environment.
func command(ts *testscript.TestScript, words []string) *exec.Cmd {
	path := words[0]
	for dir := range strings.SplitSeq(ts.Getenv("PATH"), string(os.PathListSeparator)) {
		if try := filepath.Join(dir, words[0]); !strings.Contains(words[0], "/") {
			if info, err := os.Stat(try); err == nil && !info.IsDir() {
				path = try
				break
			}
		}
	}
	cmd := exec.Command(path, words[1:]...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = append(worldOf(ts).environ(ts), "PWD="+cmd.Dir)
	return cmd
}

// code N command…: the command ends with that exit code, within the time of hangs.
func cmdCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N command [args...]")
	}
	cmd := command(ts, args[1:])
	cmd.Stdout, cmd.Stderr = ts.Stdout(), ts.Stderr()
	ts.Check(cmd.Start())
	stuck := time.AfterFunc(hangs, func() { cmd.Process.Signal(syscall.SIGQUIT) })
	defer stuck.Stop()
	cmd.Wait()
	if got := strconv.Itoa(cmd.ProcessState.ExitCode()); got != args[0] {
		ts.Fatalf("%s: got exit code %s, want %s", strings.Join(args[1:], " "), got, args[0])
	}
}

// spawned is a process that runs beside a script.
type spawned struct {
	cmd    *exec.Cmd
	stdout feed
	stderr feed
	ended  chan struct{}
}

// feed is output that somebody waits for.
type feed struct {
	mu    sync.Mutex
	text  []byte
	more  chan struct{} // closed by the next Write
	match int           // from where on it was not awaited yet
}

func (f *feed) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.text = append(f.text, p...)
	if f.more != nil {
		close(f.more)
		f.more = nil
	}
	return len(p), nil
}

// look returns the end of the first match after the last one, or a channel that is
// closed when there is more to look at.
func (f *feed) look(re *regexp.Regexp) (found bool, more <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if at := re.FindIndex(f.text[f.match:]); at != nil {
		f.match += at[1]
		return true, nil
	}
	if f.more == nil {
		f.more = make(chan struct{})
	}
	return false, f.more
}

// spawn NAME command…: starts a command beside the script.
func cmdSpawn(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: spawn name command [args...]")
	}
	s := &spawned{cmd: command(ts, args[1:]), ended: make(chan struct{})}
	s.cmd.Stdout, s.cmd.Stderr = &s.stdout, &s.stderr
	// Like a shell's job: a signal to the group of the test must not reach it.
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	ts.Check(s.cmd.Start())
	worldOf(ts).spawned[args[0]] = s
	go func() {
		s.cmd.Wait()
		close(s.ended)
	}()
}

func find(ts *testscript.TestScript, name string) *spawned {
	s := worldOf(ts).spawned[name]
	if s == nil {
		ts.Fatalf("%s was not spawned", name)
	}
	return s
}

// await NAME stdout|stderr REGEXP: waits for output after that of the last await.
func cmdAwait(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: await name stdout|stderr regexp")
	}
	s := find(ts, args[0])
	f := map[string]*feed{"stdout": &s.stdout, "stderr": &s.stderr}[args[1]]
	re, err := regexp.Compile("(?m)" + args[2])
	ts.Check(err)
	late := time.After(hangs)
	ended := s.ended
	for {
		found, more := f.look(re)
		if found {
			return
		}
		select {
		case <-more:
			continue
		case <-ended:
			ended = nil // once more: all is written by now
			if found, _ := f.look(re); found {
				return
			}
		case <-late:
		}
		ts.Logf("[stdout]\n%s[stderr]\n%s", s.stdout.text, s.stderr.text)
		ts.Fatalf("%s: no %q on %s", args[0], args[2], args[1])
	}
}

// signal NAME SIGNAL: sends a signal.
func cmdSignal(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: signal name SIGNAL")
	}
	sig := unix.SignalNum("SIG" + args[1])
	if sig == 0 {
		ts.Fatalf("%s is no signal", args[1])
	}
	ts.Check(find(ts, args[0]).cmd.Process.Signal(sig))
}

// exits NAME CODE [SIGNAL]: waits for its end, with that exit code; the signal is sent
// again and again until then. Its output is the command's.
func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: exits name code [SIGNAL]")
	}
	s := find(ts, args[0])
	late := time.After(hangs)
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for running := true; running; {
		select {
		case <-s.ended:
			running = false
		case <-again.C:
			if len(args) == 3 {
				s.cmd.Process.Signal(unix.SignalNum("SIG" + args[2]))
			}
		case <-late:
			ts.Logf("[stdout]\n%s[stderr]\n%s", s.stdout.text, s.stderr.text)
			ts.Fatalf("%s does not end", args[0])
		}
	}
	ts.Stdout().Write(s.stdout.text)
	ts.Stderr().Write(s.stderr.text)
	if got := strconv.Itoa(s.cmd.ProcessState.ExitCode()); got != args[1] {
		ts.Fatalf("%s: got exit code %s, want %s\n[stdout]\n%s[stderr]\n%s", args[0], got, args[1], s.stdout.text, s.stderr.text)
	}
}

// fetch INSTANCE [PATH]: prints what the page of an instance is. A viewer that dies
// instead of answering is no fault.
func cmdFetch(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: fetch instance [path]")
	}
	names, err := supervisor.RunningFleets(ts.Getenv)
	if err != nil || len(names) != 1 {
		ts.Fatalf("want one fleet, got %v, %v", names, err)
	}
	dirs := supervisor.DirsFor(names[0], ts.Getenv)
	ctx, cancel := context.WithTimeout(context.Background(), hangs)
	defer cancel()
	c, err := control.Dial(ctx, dirs)
	ts.Check(err)
	defer c.Close()
	status, err := c.Status(ctx, args[0])
	ts.Check(err)
	url := status.Instances[0].HTTPURL + "/" + strings.Join(args[1:], "")
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	ts.Check(err)
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
		return
	}
	ts.Check(err)
	defer resp.Body.Close()
	io.Copy(ts.Stdout(), resp.Body)
}

// noprocess: nothing is left of what the script started, and no supervisor in the
// background had a mishap. What was told to end may take a moment for it.
func cmdNoProcess(ts *testscript.TestScript, neg bool, args []string) {
	w := worldOf(ts)
	late := time.After(5 * time.Second)
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		pids := w.processes()
		if (len(pids) == 0) != neg {
			break
		}
		select {
		case <-again.C:
		case <-late:
			for _, pid := range pids {
				line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
				ts.Logf("pid %d: %s", pid, bytes.ReplaceAll(line, []byte{0}, []byte{' '}))
			}
			ts.Fatalf("%d processes are left", len(pids))
		}
	}
	logs, _ := filepath.Glob(ts.MkAbs(ts.Getenv("XDG_STATE_HOME")) + "/miktosctl/*/supervisor.log")
	for _, path := range logs {
		if text, err := os.ReadFile(path); err != nil || bytes.Contains(text, []byte("DATA RACE")) || bytes.Contains(text, []byte("panic: ")) {
			ts.Fatalf("%s: %v\n%s", path, err, text)
		}
	}
}

// terminal command…: runs a command on a terminal of its own and prints what that got.
func cmdTerminal(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: terminal command [args...]")
	}
	ours, theirs, err := openTerminal()
	ts.Check(err)
	cmd := command(ts, args)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = theirs, theirs, theirs
	err = cmd.Start()
	theirs.Close()
	ts.Check(err)
	var got bytes.Buffer
	io.Copy(&got, ours) // ends with EIO when the last one closes it
	ours.Close()
	cmd.Wait()
	ts.Stdout().Write(got.Bytes())
}
