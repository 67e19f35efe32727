package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/miktos/miktosctl/configs"
	"github.com/miktos/miktosctl/supervisor"
	"github.com/miktos/miktosctl/supervisor/control"
)

// fleetFile is the fleet file that is used where none is named.
const fleetFile = "fleet.toml"

// askTimeout is how long a supervisor may take for an answer that it need not wait for.
const askTimeout = 10 * time.Second

// address returns which fleet a command means, and its folders.
func (a *app) address() (name string, dirs supervisor.Dirs, err error) {
	if name, err = a.addressed(); err != nil {
		return "", dirs, err
	}
	return name, supervisor.DirsFor(name, a.env), nil
}

func (a *app) addressed() (string, error) {
	switch {
	case a.fleet != "":
		return a.fleet, checkName("--fleet", a.fleet)
	case a.file != "":
		f, err := configs.Load(a.file, a.env)
		if err != nil {
			return "", err
		}
		return f.Name, nil
	}
	// A fleet can be looked at and ended while its file is being edited.
	if f, err := configs.Load(fleetFile, a.env); err == nil {
		return f.Name, nil
	}
	env := a.env("MIKTOS_FLEET")
	running, err := a.running()
	switch {
	case err != nil:
		return "", err
	case len(running) == 1:
		return running[0], nil
	case env != "":
		return env, checkName("MIKTOS_FLEET", env)
	case len(running) > 1:
		return "", &failure{
			code: exitUsage,
			err:  fmt.Errorf("no fleet is named, and several run: %s", strings.Join(running, ", ")),
			hint: "name one: --fleet " + running[0],
		}
	}
	return configs.Default().Name, nil
}

// running returns the fleets whose supervisors answer.
func (a *app) running() ([]string, error) {
	names, err := supervisor.RunningFleets(a.env)
	if err != nil {
		return nil, err
	}
	var alive []string
	for _, name := range names {
		c, err := control.Dial(context.Background(), supervisor.DirsFor(name, a.env))
		if err == nil {
			c.Close()
			alive = append(alive, name)
		}
	}
	return alive, nil
}

// checkName refuses what can be no fleet's name, by the rule of the fleet file.
func checkName(what, name string) error {
	_, err := configs.Parse("", []byte("name = "+strconv.Quote(name)), nil)
	var fault *configs.FieldError
	if !errors.As(err, &fault) {
		return nil
	}
	return &failure{code: exitUsage, err: fmt.Errorf("%s %q: %w", what, name, fault.Err), hint: fault.Hint}
}

// dial connects to the supervisor of the fleet that is meant.
func (a *app) dial(ctx context.Context) (*control.Client, error) {
	name, dirs, err := a.address()
	if err != nil {
		return nil, err
	}
	c, err := control.Dial(ctx, dirs)
	if errors.Is(err, control.ErrNotRunning) {
		return nil, a.notRunning(name)
	}
	return c, err
}

func (a *app) notRunning(name string) error {
	f := &failure{code: exitNotRunning, err: fmt.Errorf("fleet %s: %w", name, control.ErrNotRunning), hint: "miktosctl up starts one"}
	if others, err := a.running(); err == nil && len(others) > 0 {
		f.hint = "there is one for " + strings.Join(others, ", ") + "; --fleet names it"
	}
	return f
}

// ask calls f with a client and a bound on how long its questions may take.
func (a *app) ask(ctx context.Context, f func(context.Context, *control.Client) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, askTimeout, fmt.Errorf("the supervisor does not answer within %s", askTimeout))
	defer cancel()
	c, err := a.dial(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	return f(ctx, c)
}

// completeInstances completes the names of instances.
func (a *app) completeInstances(cmd *cobra.Command, words []string, _ string) ([]string, cobra.ShellCompDirective) {
	var names []string
	a.ask(cmd.Context(), func(ctx context.Context, c *control.Client) error {
		status, err := c.Status(ctx)
		for _, one := range status.Instances {
			names = append(names, one.ID)
		}
		return err
	})
	return names, cobra.ShellCompDirectiveNoFileComp
}

func (a *app) completeFleets(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	names, _ := a.running()
	return names, cobra.ShellCompDirectiveNoFileComp
}
