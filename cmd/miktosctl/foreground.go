package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/oklog/run"

	"github.com/miktos/miktosctl/configs"
	"github.com/miktos/miktosctl/supervisor"
	"github.com/miktos/miktosctl/supervisor/control"
)

// foreground runs a fleet until it is asked to end. It is the supervisor's process,
// also of a detached fleet.
func (a *app) foreground(f *configs.Fleet, o upFlags) (err error) {
	begun := time.Now()
	// Registered before anything is there that a signal would leave behind.
	sigs := watchSignals()
	defer sigs.stop()
	options, err := a.options(f, o)
	report := reporterOn(o.report)
	defer func() { report.failed(err) }()
	if err != nil {
		return err
	}
	if err := makeFolders(options.Dirs); err != nil {
		return err
	}
	screen := newConsole(a.stdout, a.stderr)
	defer screen.close()
	options.Log = a.supervisorLog(screen, o)

	// The lock comes before the plan: a second supervisor of the same fleet must not
	// even take ports.
	server, err := control.Listen(options.Dirs, control.Options{Fleet: f.Name, Version: options.Version, Log: options.Log})
	if err != nil {
		return err
	}
	defer server.Finish(nil)
	fleet, err := supervisor.New(options)
	if err != nil {
		return err
	}
	report.planned()

	shown, hide := context.WithCancel(context.Background())
	var screens sync.WaitGroup
	if o.report == 0 {
		events := fleet.Subscribe(shown, 0)
		screens.Go(func() { a.narrate(shown, screen, fleet, events) })
		screens.Go(func() { a.echo(shown, screen, fleet, begun) })
	}

	// An actor that returns interrupts all others, in this order, and an interrupt
	// never waits. Each keeps its own error: the Group's is only the first, and that
	// is mostly the signal's.
	var fleetErr, controlErr error
	var g run.Group

	// 1. The fleet. Its end is the end of everything.
	ctx, end := context.WithCancel(context.Background())
	defer end()
	g.Add(func() error {
		fleetErr = fleet.Run(ctx)
		server.Finish(fleetErr)
		return fleetErr
	}, func(error) { end() })

	// 2. Control. No interrupt: it answers until the fleet is gone, and Finish ends it.
	g.Add(func() error {
		controlErr = server.Serve(fleet)
		return controlErr
	}, func(error) {})

	// 3. Signals, and the reader of stdout, who may leave. The first asks the fleet to
	// end, the second one kills it; sigs listens until Group.Run has returned.
	done := make(chan struct{})
	stop := sync.OnceFunc(func() { close(done) })
	g.Add(func() error {
		return sigs.first(done, screen, func() {
			screen.show("")
			status := fleet.Status()
			screen.Write([]byte("stopping " + plural(len(status.Instances), "viewer") + "; again to kill them at once\n"))
		}, func() { fleet.Kill(supervisor.Actor{}) })
	}, func(error) { stop() })

	g.Run()
	sigs.stop()
	// The logs are closed by now, and with them the echo; unless something survived, or
	// stdout takes nothing.
	late := time.AfterFunc(time.Second, hide)
	defer late.Stop()
	screens.Wait()
	hide()

	err = errors.Join(fleetErr, controlErr)
	if sigs.killed() {
		return &failure{code: exitKilled, err: errors.Join(errors.New("killed by a second signal"), err)}
	}
	return err
}

// supervisorLog returns where the supervisor says what it does.
func (a *app) supervisorLog(screen *console, o upFlags) *slog.Logger {
	h := &logHandler{w: screen, stamp: "15:04:05", paint: a.painter(a.stderr)}
	if o.report != 0 {
		h.stamp = time.RFC3339
	}
	if o.verbose {
		h.level = slog.LevelDebug
	}
	return slog.New(h)
}

// narrate shows how far the fleet is, and where it is to be seen once it has settled.
func (a *app) narrate(ctx context.Context, screen *console, fleet *supervisor.Supervisor, events <-chan supervisor.Event) {
	all := newRoster(fleet.Status())
	settled := ready(false, nil)
	told := false
	for e := range events {
		all.apply(e)
		switch {
		case all.ending:
			screen.show(stopping(all.seats))
			continue
		case told:
			continue
		}
		done, err := settled(all.seats, all)
		if !done && err == nil {
			screen.show(starting(all.seats))
			continue
		}
		told = true
		screen.show("")
		screen.print(ctx, []byte(links(fleet.Status(), a.painter(a.stdout))))
	}
}

// echo prints what the viewers print.
func (a *app) echo(ctx context.Context, screen *console, fleet *supervisor.Supervisor, begun time.Time) {
	p := &prefixer{paint: a.painter(a.stdout)}
	p.widen(fleet.Status())
	// The last lines, because some may be printed before the following begins.
	for lines := range control.Tail(ctx, fleet, control.Select{Last: 100, Since: begun, Follow: true}) {
		screen.print(ctx, append([]byte(nil), p.render(lines)...))
	}
}

// reporter tells who started a detached supervisor what became of it. The zero value
// tells nobody.
type reporter struct{ to *os.File }

// report is the one thing that a reporter says.
type report struct {
	Planned bool   `json:"planned"`
	Error   string `json:"error,omitempty"`
	Hint    string `json:"hint,omitempty"`
	Code    int    `json:"code,omitempty"`
}

func (r *reporter) say(what report) {
	if r.to == nil {
		return
	}
	text, err := json.Marshal(what)
	if err == nil {
		r.to.Write(append(text, '\n'))
	}
	r.to.Close()
	r.to = nil
}

// planned says that the supervisor listens and that its plan holds.
func (r *reporter) planned() { r.say(report{Planned: true}) }

// failed says why there is no supervisor, unless there was one already.
func (r *reporter) failed(err error) {
	if err != nil {
		r.say(report{Error: err.Error(), Hint: hintOf(err), Code: exitCode(err)})
	}
}
