package main

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/spf13/cobra"

	"github.com/miktos/miktosctl/supervisor/control"
)

func (a *app) downCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "down",
		Short: "Stop the whole fleet and its supervisor",
		Long: `Stop the whole fleet and its supervisor. The exit code is 0 only when no process of
the fleet is left and every port is given back; otherwise what is left is named.`,
		Args:              noWords,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, _ []string) error { return a.down(cmd.Context()) },
	}
	a.fileFlag(cmd, "f")
	return cmd
}

func (a *app) down(ctx context.Context) error {
	c, err := a.dial(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	screen := newConsole(a.stdout, a.stderr)
	defer screen.close()

	ctx, cancel := context.WithCancel(ctx)
	var progress sync.WaitGroup
	defer progress.Wait()
	defer cancel()
	name, n := "", 0
	if status, err := c.Status(ctx); err == nil {
		name, n = status.Fleet, len(status.Instances)
		if events, err := c.Events(ctx, 0); err == nil {
			all := newRoster(status)
			progress.Go(func() {
				for e, err := range events {
					if err != nil {
						return
					}
					all.apply(e)
					screen.show(stopping(all.seats))
				}
			})
		}
	}
	err = c.Down(ctx)
	var left *control.RefusedError
	switch {
	case err == nil:
		screen.print(context.Background(), fmt.Appendf(nil, "fleet %s is down: %s stopped\n", name, plural(n, "instance")))
		return nil
	case errors.As(err, &left):
		return failf(left.Advice, "fleet %s: %s", name, left.Message)
	case errors.Is(err, control.ErrEnded):
		// It was killed before it could say that nothing is left.
		return failf("miktosctl status, and ps, show what is left", "fleet %s: the supervisor died while it stopped the fleet", name)
	}
	return err
}

// noWords refuses arguments.
func noWords(cmd *cobra.Command, words []string) error {
	if len(words) > 0 {
		return usagef(cmd, "%s: takes no arguments, but got %q", cmd.Name(), words[0])
	}
	return nil
}
