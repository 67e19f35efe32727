package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/miktos/miktosctl/configs"
	"github.com/miktos/miktosctl/supervisor"
)

// upFlags is what was said on the command line of up.
type upFlags struct {
	instances int
	http, ws  int
	detach    bool
	verbose   bool
	report    int // --background: the descriptor on which a detached supervisor reports
	source    int // --source: the descriptor with the content of its fleet file
	command   []string
}

func (a *app) upCommand() *cobra.Command {
	var o upFlags
	cmd := &cobra.Command{
		Use:   "up [-n N] [-f fleet.toml] [-d] [-- command…]",
		Short: "Start a fleet and keep it running",
		Long: `Start a fleet and keep it running: what ./fleet.toml describes, or else one instance
of the built-in viewer. A command after -- runs instead; it finds its ports in
MIKTOS_HTTP_PORT and MIKTOS_WS_PORT, or where {http_port} and {ws_port} stand.

In the foreground the viewers' output is on stdout, behind their names, and what the
supervisor does on stderr. Ctrl-C stops the fleet, a second one kills it (exit code 4).
With -d the fleet goes on in the background; up returns when all are ready.`,
		Example: `  miktosctl up -n 3
  miktosctl up -n 3 --http 9080 -- python3 -m viewer --port {http_port} --ws-port {ws_port}
  miktosctl up -d -f studio.toml`,
		RunE: func(cmd *cobra.Command, words []string) error {
			if err := o.check(cmd, words); err != nil {
				return err
			}
			src, err := a.source(o.source)
			if err != nil {
				return err
			}
			f, err := a.planned(src, o)
			if err != nil {
				return err
			}
			if o.detach {
				return a.detached(cmd.Context(), f, src, o)
			}
			return a.foreground(f, o)
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().IntVarP(&o.instances, "instances", "n", 0, "how many instances (default: as the fleet file says, or 1)")
	a.fileFlag(cmd, "f")
	cmd.Flags().BoolVarP(&o.detach, "detach", "d", false, "in the background")
	cmd.Flags().IntVar(&o.http, "http", 0, "preferred HTTP port (default $MIKTOS_HTTP_PORT, or as the fleet file says)")
	cmd.Flags().IntVar(&o.ws, "ws", 0, "preferred WebSocket port (default $MIKTOS_WS_PORT, or as the fleet file says)")
	cmd.Flags().BoolVarP(&o.verbose, "verbose", "v", false, "say every step of every instance")
	cmd.Flags().IntVar(&o.report, "background", 0, "")
	cmd.Flags().IntVar(&o.source, "source", 0, "")
	must(cmd.Flags().MarkHidden("background"))
	must(cmd.Flags().MarkHidden("source"))
	return cmd
}

// check looks at what only makes sense together.
func (o *upFlags) check(cmd *cobra.Command, words []string) error {
	dash := cmd.ArgsLenAtDash()
	switch {
	case dash < 0 && len(words) > 0, dash > 0:
		err := usagef(cmd, "up: %q is not a flag", words[0])
		err.hint = "a command stands behind --: miktosctl up -- " + strings.Join(words, " ")
		return err
	case dash == 0 && len(words) == 0:
		return usagef(cmd, "up: no command behind --")
	case cmd.Flags().Changed("instances") && o.instances < 1:
		return usagef(cmd, "--instances: %d is less than 1", o.instances)
	}
	o.command = words
	for _, w := range words {
		if err := configs.CheckTemplate(w); err != nil {
			var fault *configs.FieldError
			errors.As(err, &fault)
			return &failure{code: exitUsage, err: fmt.Errorf("command %q: %w", w, fault.Err), hint: fault.Hint}
		}
	}
	for _, port := range []struct {
		flag string
		n    int
	}{{"http", o.http}, {"ws", o.ws}} {
		if cmd.Flags().Changed(port.flag) && (port.n < 1024 || port.n > 65535) {
			return usagef(cmd, "--%s: %d is not a port from 1024 to 65535", port.flag, port.n)
		}
	}
	return nil
}

// planned returns the fleet that is to run: flags before environment before file.
func (a *app) planned(src source, o upFlags) (*configs.Fleet, error) {
	flags := map[string]string{}
	var names []string // old and new, of the variables that flags stand in for
	if o.http != 0 {
		flags["MIKTOS_HTTP_PORT"] = strconv.Itoa(o.http)
		names = append(names, "MIKTOS_HTTP_PORT", "--http")
	}
	if o.ws != 0 {
		flags["MIKTOS_WS_PORT"] = strconv.Itoa(o.ws)
		names = append(names, "MIKTOS_WS_PORT", "--ws")
	}
	f, err := a.fleetOf(src, func(name string) string {
		if text, there := flags[name]; there {
			return text
		}
		return a.env(name)
	})
	var faults configs.Faults
	if errors.As(err, &faults) {
		rename(faults, strings.NewReplacer(names...))
	}
	if err != nil {
		return nil, err
	}
	if len(o.command) > 0 {
		f.Viewer.Command = o.command
	}
	return f, nil
}

// rename puts other names into faults, wherever they stand.
func rename(faults configs.Faults, names *strings.Replacer) {
	for _, fault := range faults {
		fault.Key = names.Replace(fault.Key)
		fault.Hint = names.Replace(fault.Hint)
		if text := names.Replace(fault.Err.Error()); text != fault.Err.Error() {
			fault.Err = &renamed{text: text, err: fault.Err}
		}
	}
}

// renamed is an error that says the same with other names.
type renamed struct {
	text string
	err  error
}

func (r *renamed) Error() string { return r.text }
func (r *renamed) Unwrap() error { return r.err }

// options returns what the supervisor is to be built from.
func (a *app) options(f *configs.Fleet, o upFlags) (supervisor.Options, error) {
	self, err := os.Executable()
	if err != nil {
		return supervisor.Options{}, err
	}
	return supervisor.Options{
		Fleet:   f,
		Count:   o.instances,
		Env:     os.Environ(),
		Dirs:    supervisor.DirsFor(f.Name, a.env),
		Viewer:  []string{self, "viewer"},
		Version: version(),
	}, nil
}

// patience is how long a fleet may take until it is ready: the longest start timeout,
// once for each turn at the start slots, and time to spare.
func patience(f *configs.Fleet, o upFlags, slots int) time.Duration {
	var longest configs.Duration
	places := f.Places(o.instances)
	for _, p := range places {
		longest = max(longest, p.Probe.StartTimeout)
	}
	turns := 1
	if slots > 0 {
		turns = (len(places) + slots - 1) / slots
	}
	return time.Duration(longest)*time.Duration(turns) + 5*time.Second
}
