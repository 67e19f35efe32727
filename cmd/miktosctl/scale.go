package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/miktos/miktosctl/instance"
	"github.com/miktos/miktosctl/supervisor/control"
)

func (a *app) scaleCommand() *cobra.Command {
	var noWait bool
	timeout := settleTimeout
	cmd := &cobra.Command{
		Use:   "scale N",
		Short: "Change how many instances there are",
		Long: `Change how many instances there are. More are added at the end; fewer: those with
the highest indexes are stopped. The others go on as they are.`,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, words []string) error {
			if len(words) != 1 {
				return usagef(cmd, "scale: say how many instances there should be")
			}
			n, err := strconv.Atoi(words[0])
			if err != nil || n < 1 {
				return notInstances(cmd, words[0])
			}
			if err := checkTimeout(cmd, timeout); err != nil {
				return err
			}
			return a.scale(cmd.Context(), n, noWait, timeout)
		},
	}
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		// A number below 0 looks like flags.
		var unknown *pflag.NotExistError
		if errors.As(err, &unknown) {
			word := "-" + unknown.GetSpecifiedShortnames()
			if _, err := strconv.Atoi(word); err == nil {
				return notInstances(cmd, word)
			}
		}
		return cmd.Root().FlagErrorFunc()(cmd, err)
	})
	cmd.Flags().BoolVar(&noWait, "no-wait", false, "do not wait until it is done")
	timeoutFlag(cmd, &timeout)
	a.fileFlag(cmd, "f")
	return cmd
}

func notInstances(cmd *cobra.Command, word string) error {
	return usagef(cmd, "scale: %s is not a number of instances, from 1", word)
}

func (a *app) scale(ctx context.Context, n int, noWait bool, timeout time.Duration) error {
	if noWait {
		return a.ask(ctx, func(ctx context.Context, c *control.Client) error { return c.Scale(ctx, n) })
	}
	c, err := a.dial(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	screen := newConsole(a.stdout, a.stderr)
	defer screen.close()
	w := wait{
		client: c,
		show:   screen.show,
		order:  func(ctx context.Context) ([]string, error) { return nil, c.Scale(ctx, n) },
		judge: func(seats []*seat, all *roster) (bool, error) {
			if len(seats) > n {
				return false, nil // some are still on their way out
			}
			// A fleet may be scaled with an instance stopped on purpose.
			done, err := ready(false, nil)(seats, all)
			return done && len(seats) == n, err
		},
		render: func(seats []*seat) string {
			if len(seats) > n {
				return fmt.Sprintf("stopping %s", plural(len(seats)-n, "instance"))
			}
			return starting(seats)
		},
		aim:     instance.Ready,
		timeout: timeout,
	}
	if _, _, err := w.run(ctx); err != nil {
		return err
	}
	status, err := c.Status(ctx)
	if err != nil {
		return err
	}
	screen.print(ctx, []byte(links(status, a.painter(a.stdout))))
	return nil
}
