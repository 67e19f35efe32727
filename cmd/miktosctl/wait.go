package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/miktos/miktosctl/instance"
	"github.com/miktos/miktosctl/supervisor/control"
)

func (a *app) waitCommand() *cobra.Command {
	var isReady, gone bool
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "wait [<id>…]",
		Short: "Wait until instances are ready, or gone",
		Long: `Wait until all instances, or those that are named, are ready. An instance that is
stopped or failed ends the wait with exit code 1: nothing will make it ready.

With --gone: until they are stopped; without names, until the fleet is gone.`,
		ValidArgsFunction: a.completeInstances,
		RunE: func(cmd *cobra.Command, words []string) error {
			if isReady && gone {
				return usagef(cmd, "wait: --ready or --gone, not both")
			}
			if err := checkTimeout(cmd, timeout); err != nil {
				return err
			}
			return a.wait(cmd.Context(), words, gone, timeout)
		},
	}
	cmd.Flags().BoolVar(&isReady, "ready", false, "until they are ready; this is the default")
	cmd.Flags().BoolVar(&gone, "gone", false, "until they are stopped")
	timeoutFlag(cmd, &timeout)
	a.fileFlag(cmd, "f")
	return cmd
}

func (a *app) wait(ctx context.Context, words []string, gone bool, timeout time.Duration) error {
	c, err := a.dial(ctx)
	if gone && errors.Is(err, control.ErrNotRunning) {
		return nil
	}
	if err != nil {
		return err
	}
	defer c.Close()
	screen := newConsole(a.stdout, a.stderr)
	defer screen.close()
	w := wait{
		client: c,
		show:   screen.show,
		order: func(ctx context.Context) (ids []string, err error) {
			if len(words) == 0 {
				return nil, nil
			}
			status, err := c.Status(ctx, words...)
			for _, one := range status.Instances {
				ids = append(ids, one.ID)
			}
			return ids, err
		},
		aim:     instance.Ready,
		judge:   ready(false, nil),
		render:  starting,
		timeout: timeout,
	}
	if gone {
		w.aim, w.judge, w.render = instance.Stopped, stopped(false), stopping
		if len(words) == 0 {
			// Stopped instances are not gone: their supervisor is there.
			w.judge = func([]*seat, *roster) (bool, error) { return false, nil }
		}
	}
	_, _, err = w.run(ctx)
	if gone && errors.Is(err, control.ErrNotRunning) {
		return nil
	}
	return err
}
