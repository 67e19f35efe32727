package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/miktos/miktosctl/instance"
	"github.com/miktos/miktosctl/supervisor"
	"github.com/miktos/miktosctl/supervisor/control"
)

func (a *app) statusCommand() *cobra.Command {
	format := "table"
	formats := []string{"table", "wide", "json"}
	cmd := &cobra.Command{
		Use:   "status [<id>…]",
		Short: "Show the instances, their ports and how they are",
		Long: `Show the instances, their ports and how they are. The exit code is 0 when all that
are shown are ready, 1 when one is not, 3 when no supervisor is running.`,
		ValidArgsFunction: a.completeInstances,
		RunE: func(cmd *cobra.Command, words []string) error {
			if !slices.Contains(formats, format) {
				return usagef(cmd, "--output: %q is none of table, wide and json", format)
			}
			return a.ask(cmd.Context(), func(ctx context.Context, c *control.Client) error {
				status, err := c.Status(ctx, words...)
				if err != nil {
					return err
				}
				return a.showStatus(status, format)
			})
		},
	}
	cmd.Flags().StringVarP(&format, "output", "o", format, "table, wide or json")
	must(cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp)))
	a.fileFlag(cmd, "f")
	return cmd
}

func (a *app) showStatus(s supervisor.Status, format string) error {
	text := ""
	if format == "json" {
		indented, err := json.MarshalIndent(s, "", "  ")
		if err != nil {
			return err
		}
		text = string(indented) + "\n"
	} else {
		text = statusTable(s, format == "wide", time.Now(), a.painter(a.stdout))
	}
	if _, err := a.stdout.WriteString(text); err != nil {
		return err
	}
	for _, one := range s.Instances {
		if one.State != instance.Ready {
			return &failure{code: exitFailed}
		}
	}
	return nil
}

// statusTable renders a status for people, at a time.
func statusTable(s supervisor.Status, wide bool, now time.Time, p paint) string {
	heads := []string{"ID", "STATE", "HTTP", "WEBSOCKET", "PID", "RESTARTS", "UPTIME", "CPU", "MEM"}
	if wide {
		heads = append(heads, "GEN", "HOLD", "CLIENTS", "URL", "LAST EXIT")
	}
	unwell := slices.ContainsFunc(s.Instances, func(one instance.Status) bool { return one.State != instance.Ready })
	if unwell {
		heads = append(heads, "REASON")
	}
	t := newTable(p, heads...)
	for _, one := range s.Instances {
		cells := []cell{
			{text: one.ID},
			{text: string(one.State), colour: stateColour(one.State)},
			{text: number(one.HTTPPort)},
			{text: number(one.WSPort)},
			{text: number(one.PID)},
			{text: fmt.Sprint(one.Restarts)},
			{text: uptime(one, now)},
			{text: usage(one, fmt.Sprintf("%.1f%%", one.CPUPercent))},
			{text: usage(one, size(one.RSSBytes))},
		}
		if wide {
			cells = append(cells,
				cell{text: number(one.Generation)},
				cell{text: dash(one.Hold)},
				cell{text: fmt.Sprint(one.Clients)},
				cell{text: dash(one.URL)},
				cell{text: lastExit(one.LastExit, now)},
			)
		}
		if unwell {
			cells = append(cells, cell{text: reason(one, now)})
		}
		t.add(cells...)
	}
	return t.String()
}

func stateColour(s instance.State) colour {
	switch s {
	case instance.Ready:
		return green
	case instance.Failed:
		return red
	case instance.Stopped:
		return dim
	}
	return yellow
}

func reason(one instance.Status, now time.Time) string {
	if one.State == instance.Ready {
		return ""
	}
	text := one.Reason
	if one.NextTryAt != nil {
		if text != "" {
			text += "; "
		}
		text += "next try in " + age(one.NextTryAt.Sub(now))
	}
	return text
}

func uptime(one instance.Status, now time.Time) string {
	if one.PID == 0 || one.StartedAt == nil {
		return "-"
	}
	return age(now.Sub(*one.StartedAt))
}

func usage(one instance.Status, text string) string {
	if one.PID == 0 {
		return "-"
	}
	return text
}

func lastExit(e *instance.LastExit, now time.Time) string {
	if e == nil {
		return "-"
	}
	what := fmt.Sprintf("code %d", e.Code)
	if e.Signal != "" {
		what = e.Signal
	}
	if e.Class != instance.ClassNone {
		what = string(e.Class) + " " + what
	}
	return what + ", " + age(now.Sub(e.At)) + " ago"
}
