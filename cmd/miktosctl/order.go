package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/miktos/miktosctl/instance"
	"github.com/miktos/miktosctl/supervisor/control"
)

// settleTimeout is how long an order may take to be carried out, where nothing else
// is said: two start timeouts.
const settleTimeout = time.Minute

// orderCommand returns the command that gives instances an order: start, stop or
// restart.
func (a *app) orderCommand(verb string) *cobra.Command {
	short := map[string]string{
		"start":   "Start instances that are stopped or failed, at once",
		"stop":    "Stop instances until they are started again",
		"restart": "Start instances anew, each on another pair of ports",
	}[verb]
	var all, noWait bool
	timeout := settleTimeout
	cmd := &cobra.Command{
		Use:               verb + " (<id>… | --all)",
		Short:             short,
		Long:              short + ".\n\nWaits until that is done, and says what became of each.",
		ValidArgsFunction: a.completeInstances,
		RunE: func(cmd *cobra.Command, words []string) error {
			if all == (len(words) > 0) {
				return usagef(cmd, "%s: name instances, or say --all", verb)
			}
			if err := checkTimeout(cmd, timeout); err != nil {
				return err
			}
			return a.order(cmd.Context(), verb, control.Which{IDs: words, All: all}, noWait, timeout)
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "all instances")
	cmd.Flags().BoolVar(&noWait, "no-wait", false, "do not wait until it is done")
	timeoutFlag(cmd, &timeout)
	a.fileFlag(cmd, "f")
	return cmd
}

// timeoutFlag gives a command the flag for how long it waits; its default is what
// stands in timeout.
func timeoutFlag(cmd *cobra.Command, timeout *time.Duration) {
	cmd.Flags().DurationVar(timeout, "timeout", *timeout, "how long to wait; 0 is for ever")
}

func checkTimeout(cmd *cobra.Command, timeout time.Duration) error {
	if timeout < 0 {
		return usagef(cmd, "--timeout: %s is less than 0", timeout)
	}
	return nil
}

func (a *app) order(ctx context.Context, verb string, which control.Which, noWait bool, timeout time.Duration) error {
	c, err := a.dial(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	give := map[string]func(context.Context, control.Which) ([]string, error){
		"start": c.Start, "stop": c.Stop, "restart": c.Restart,
	}[verb]
	if noWait {
		ctx, cancel := context.WithTimeout(ctx, askTimeout)
		defer cancel()
		ids, err := give(ctx, which)
		if err == nil {
			fmt.Fprintf(a.stdout, "%s asked: %s\n", verb, strings.Join(ids, " "))
		}
		return err
	}

	screen := newConsole(a.stdout, a.stderr)
	defer screen.close()
	generations := map[string]int{}
	w := wait{
		client:  c,
		show:    screen.show,
		aim:     instance.Ready,
		timeout: timeout,
		order: func(ctx context.Context) ([]string, error) {
			return give(ctx, which)
		},
	}
	switch verb {
	case "stop":
		w.aim, w.judge, w.render = instance.Stopped, stopped(true), stopping
	case "start":
		w.judge, w.render = ready(true, nil), starting
	case "restart":
		// The child from before may still be called ready for a moment.
		w.judge = ready(true, func(s *seat) bool { return s.moved && s.Generation > generations[s.ID] })
		w.render = starting
		order := w.order
		w.order = func(ctx context.Context) ([]string, error) {
			status, err := c.Status(ctx)
			for _, one := range status.Instances {
				generations[one.ID] = one.Generation
			}
			if err != nil {
				return nil, err
			}
			return order(ctx)
		}
	}
	before, seats, err := w.run(ctx)
	old := newRoster(before)
	for _, s := range seats {
		if text := outcome(s, old.find(s.ID)); text != "" {
			screen.print(ctx, []byte(text+"\n"))
		}
	}
	return err
}

// outcome says what became of an instance; nothing where that is an error's affair.
func outcome(s, before *seat) string {
	switch s.State {
	case instance.Stopped:
		return s.ID + " stopped"
	case instance.Ready:
		text := fmt.Sprintf("%s ready on %d/%d", s.ID, s.HTTPPort, s.WSPort)
		if before != nil && before.HTTPPort != 0 && (before.HTTPPort != s.HTTPPort || before.WSPort != s.WSPort) {
			text += fmt.Sprintf(" (was %d/%d)", before.HTTPPort, before.WSPort)
		}
		return text
	}
	return ""
}
