package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/miktos/miktosctl/configs"
	"github.com/miktos/miktosctl/instance"
	"github.com/miktos/miktosctl/instance/output"
	"github.com/miktos/miktosctl/supervisor"
	"github.com/miktos/miktosctl/supervisor/control"
)

// maxSupervisorLog is the size from which a supervisor's log is put aside when the
// next one starts, in bytes.
const maxSupervisorLog = 10 << 20

// detached starts a supervisor in the background and waits until its fleet is ready.
func (a *app) detached(ctx context.Context, f *configs.Fleet, src source, o upFlags) error {
	dirs := supervisor.DirsFor(f.Name, a.env)
	if err := makeFolders(dirs); err != nil {
		return err
	}
	log := filepath.Join(dirs.State, "supervisor.log")
	if err := a.spawn(f, src, o, log); err != nil {
		return err
	}
	c, err := control.Dial(ctx, dirs)
	if err != nil {
		return died(f.Name, log)
	}
	defer c.Close()
	screen := newConsole(a.stdout, a.stderr)
	defer screen.close()
	w := wait{
		client:  c,
		after:   1, // as good as all: the fleet may be ending already
		show:    screen.show,
		judge:   ready(false, nil),
		render:  starting,
		aim:     instance.Ready,
		timeout: patience(f, o, supervisor.StartSlots(f)),
	}
	_, _, waited := w.run(ctx)
	if ending, ok := errors.AsType[*endingError](waited); ok {
		return ending
	}
	status, err := c.Status(ctx)
	switch {
	case errors.Is(waited, control.ErrNotRunning), errors.Is(err, control.ErrNotRunning):
		return died(f.Name, log)
	case err != nil:
		return errors.Join(waited, err)
	}
	screen.print(ctx, []byte(links(status, a.painter(a.stdout))))
	if waited != nil {
		return &failure{
			code: exitFailed,
			err:  waited,
			hint: "the fleet goes on in the background: miktosctl status shows it, miktosctl logs what the viewers say",
		}
	}
	return nil
}

// spawn starts the supervisor's process in a session of its own and returns when its
// plan holds.
func (a *app) spawn(f *configs.Fleet, src source, o upFlags, log string) error {
	file, err := src.absolute()
	if err != nil {
		return err
	}
	out, err := openLog(log)
	if err != nil {
		return err
	}
	defer out.Close()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	reports, theirs, err := os.Pipe()
	if err != nil {
		return err
	}
	defer reports.Close()
	content, sources, err := os.Pipe()
	if err != nil {
		theirs.Close()
		return err
	}

	cmd := exec.Command(self, o.words(f.Name, file)...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.ExtraFiles = []*os.File{theirs, content} // descriptors 3 and 4
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = cmd.Start()
	theirs.Close()
	content.Close()
	if err != nil {
		sources.Close()
		return fmt.Errorf("%s: %w", self, err)
	}
	// It outlives us; whoever started us gets to reap it.
	cmd.Process.Release()
	// An error is that it died, or did not take it: the report says that better.
	src.handOver(sources)

	var r report
	line, err := bufio.NewReader(reports).ReadBytes('\n')
	if err != nil && err != io.EOF || json.Unmarshal(line, &r) != nil {
		return died(f.Name, log)
	}
	if !r.Planned {
		return &failure{code: r.Code, err: errors.New(r.Error), hint: r.Hint}
	}
	return nil
}

// words returns the command line that makes up do the same in this process's child.
func (o *upFlags) words(fleet, file string) []string {
	words := []string{"up", "--background", "3", "--source", "4", "--fleet", fleet}
	if file != "" {
		words = append(words, "--file", file)
	}
	for _, n := range []struct {
		flag string
		n    int
	}{{"--instances", o.instances}, {"--http", o.http}, {"--ws", o.ws}} {
		if n.n != 0 {
			words = append(words, n.flag, strconv.Itoa(n.n))
		}
	}
	if o.verbose {
		words = append(words, "--verbose")
	}
	if len(o.command) > 0 {
		words = append(append(words, "--"), o.command...)
	}
	return words
}

// makeFolders makes the folders of a fleet that is to run, where they are missing. The
// runtime folder is first: that of the logs may be beside it, in a temporary folder,
// where somebody else may have been before us.
func makeFolders(dirs supervisor.Dirs) error {
	if err := control.MakeFolder(dirs); err != nil {
		return err
	}
	if err := os.MkdirAll(dirs.State, 0o700); err != nil {
		return failf("set XDG_STATE_HOME to a folder of your own", "log folder %s: %w", dirs.State, systemError(err))
	}
	return nil
}

// openLog opens the file for what a detached supervisor says.
func openLog(path string) (*os.File, error) {
	if info, err := os.Stat(path); err == nil && info.Size() > maxSupervisorLog {
		if err := os.Rename(path, path+".1"); err != nil {
			return nil, fmt.Errorf("log %s: %w", path, systemError(err))
		}
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("log %s: %w", path, systemError(err))
	}
	return f, nil
}

// died tells of a supervisor that ended before its fleet was ready.
func died(fleet, log string) error {
	last := ""
	if lines, err := output.ReadLast(log, 1); err == nil && len(lines) == 1 {
		last = ": " + strings.TrimSpace(lines[0].Text)
	}
	return failf("its log is "+log, "fleet %s: the supervisor has ended%s", fleet, last)
}

// reporterOn returns the reporter for a descriptor of up --background; 0: none.
func reporterOn(fd int) *reporter {
	if fd == 0 {
		return &reporter{}
	}
	// Or every viewer would inherit it, and who started us would wait for all of them.
	unix.CloseOnExec(fd)
	return &reporter{to: os.NewFile(uintptr(fd), "report")}
}
