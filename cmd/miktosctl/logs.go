package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/miktos/miktosctl/instance/output"
	"github.com/miktos/miktosctl/supervisor"
	"github.com/miktos/miktosctl/supervisor/control"
)

func (a *app) logsCommand() *cobra.Command {
	var which control.Select
	var stamps bool
	cmd := &cobra.Command{
		Use:   "logs [<id>…]",
		Short: "Show what the viewers print",
		Long: `Show the last lines that the viewers printed, of all instances or of those that are
named, and with -f what they print from now on. Without a supervisor the lines come
from the log files.`,
		ValidArgsFunction: a.completeInstances,
		RunE: func(cmd *cobra.Command, words []string) error {
			switch {
			case which.Last < 0:
				return usagef(cmd, "--lines: %d is less than 0", which.Last)
			case which.Last > control.MaxLast:
				return usagef(cmd, "--lines: %d is more than %d", which.Last, control.MaxLast)
			}
			which.IDs = words
			return a.logs(cmd.Context(), which, stamps)
		},
	}
	cmd.Flags().IntVarP(&which.Last, "lines", "n", 100, "how many lines from before, of each instance")
	cmd.Flags().BoolVarP(&which.Follow, "follow", "f", false, "and then what comes")
	cmd.Flags().BoolVarP(&stamps, "timestamps", "t", false, "with the time of each line")
	a.fileFlag(cmd, "")
	return cmd
}

func (a *app) logs(ctx context.Context, which control.Select, stamps bool) error {
	name, dirs, err := a.address()
	if err != nil {
		return err
	}
	p := &prefixer{paint: a.painter(a.stdout), stamps: stamps, bare: len(which.IDs) == 1}
	c, err := control.Dial(ctx, dirs)
	if errors.Is(err, control.ErrNotRunning) {
		return a.logsFromFiles(name, dirs, which, p)
	}
	if err != nil {
		return err
	}
	defer c.Close()
	if len(which.IDs) == 0 {
		status, err := c.Status(ctx)
		if err != nil {
			return err
		}
		p.widen(status)
	}
	lines, err := c.Logs(ctx, which)
	if err != nil {
		return err
	}
	for batch, err := range lines {
		if err != nil {
			return err
		}
		if _, err := a.stdout.Write(p.render(batch)); err != nil {
			return err
		}
	}
	return nil
}

// logsFromFiles shows what is left of a fleet that does not run.
func (a *app) logsFromFiles(name string, dirs supervisor.Dirs, which control.Select, p *prefixer) error {
	ids, err := logged(dirs, which.IDs)
	if err != nil {
		return err
	}
	if len(ids) == 0 {
		return a.notRunning(name)
	}
	var all []control.Line
	for _, id := range ids {
		p.width = max(p.width, len(id))
		lines, err := output.ReadLast(supervisor.LogPath(dirs, id), which.Last)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		for _, l := range lines {
			all = append(all, control.Line{ID: id, Time: l.Time, Generation: l.Generation, Text: l.Text, Dropped: l.Dropped, Note: l.Note})
		}
	}
	slices.SortStableFunc(all, func(x, y control.Line) int { return x.Time.Compare(y.Time) })
	if _, err := a.stdout.Write(p.render(all)); err != nil {
		return err
	}
	if which.Follow {
		return a.notRunning(name)
	}
	return nil
}

// logged returns the instances that have log files and that the words mean; no words
// mean all.
func logged(dirs supervisor.Dirs, words []string) ([]string, error) {
	files, err := filepath.Glob(supervisor.LogPath(dirs, "*"))
	if err != nil {
		return nil, err
	}
	known := make([]string, len(files))
	for i, f := range files {
		known[i] = strings.TrimSuffix(filepath.Base(f), ".log")
	}
	if len(words) == 0 || len(known) == 0 {
		return known, nil
	}
	var ids []string
	for _, w := range words {
		like := slices.DeleteFunc(slices.Clone(known), func(id string) bool { return w == "" || !strings.HasPrefix(id, w) })
		switch {
		case slices.Contains(known, w):
			ids = append(ids, w)
		case slices.Contains(known, "viewer-"+w):
			ids = append(ids, "viewer-"+w)
		case len(like) == 1:
			ids = append(ids, like[0])
		default:
			return nil, &supervisor.UnknownInstanceError{Word: w, Candidates: like, Known: known}
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// prefixer renders lines with the names of their instances before them.
type prefixer struct {
	paint  paint
	stamps bool
	bare   bool // no names
	width  int  // of the longest name so far
	buffer bytes.Buffer
}

// widen makes room for the names of a fleet.
func (p *prefixer) widen(s supervisor.Status) {
	for _, one := range s.Instances {
		p.width = max(p.width, len(one.ID))
	}
}

// render returns the text of lines; it is good until the next call.
func (p *prefixer) render(lines []control.Line) []byte {
	p.buffer.Reset()
	for _, l := range lines {
		p.width = max(p.width, len(l.ID))
		if !p.bare {
			p.buffer.WriteString(p.paint.in(nameColour(l.ID), fmt.Sprintf("%-*s |", p.width, l.ID)))
			p.buffer.WriteByte(' ')
		}
		if p.stamps {
			p.buffer.WriteString(p.paint.in(dim, l.Time.Local().Format("2006-01-02 15:04:05.000")))
			p.buffer.WriteByte(' ')
		}
		if l.Note {
			p.buffer.WriteString(p.paint.in(dim, "-- "+l.Text))
		} else {
			p.buffer.WriteString(l.Text)
		}
		p.buffer.WriteByte('\n')
	}
	return p.buffer.Bytes()
}

// nameColour gives an instance its colour: neighbours have different ones.
func nameColour(id string) colour {
	colours := []colour{cyan, yellow, green, purple, blue, red}
	n := 0
	for _, b := range []byte(id) {
		n += int(b)
	}
	return colours[n%len(colours)]
}
