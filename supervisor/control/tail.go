package control

import (
	"context"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/miktos/miktosctl/instance/output"
	"github.com/miktos/miktosctl/supervisor"
)

const (
	// batch is how many lines are handed on together at most.
	batch = 512
	// gather is the pause after which the lines from before have all come, so that
	// those of several instances can be put in order, and history how many those are
	// at most: some instances print without a pause.
	gather  = 20 * time.Millisecond
	history = 1 << 16
)

// Select says which lines are wanted.
type Select struct {
	IDs    []string  // names of instances; none: all, also those that are added later
	Last   int       // how many lines from before, of each instance
	Since  time.Time // none that are older
	Follow bool      // and then the new ones
}

// Tail returns the lines of a fleet in batches: first the last ones of each instance
// in the order of their times, then, where that is asked for, what comes, until ctx
// ends or every log is closed. A batch is the reader's until it asks for the next
// one. Reading slowly holds up nobody and costs lines; see [output.Log.Follow].
func Tail(ctx context.Context, b Backend, which Select) iter.Seq[[]Line] {
	return func(yield func([]Line) bool) {
		t := &tail{backend: b, which: which, open: map[string]*output.Log{}, begin: time.Now()}
		if which.Follow {
			t.follow(ctx, yield)
		} else {
			t.last(ctx, yield)
		}
	}
}

// tail is one reader of a fleet's logs.
type tail struct {
	backend Backend
	which   Select
	begin   time.Time
	open    map[string]*output.Log // what is followed already
	lines   chan Line
	wg      sync.WaitGroup
}

// last hands on the lines from before.
func (t *tail) last(ctx context.Context, yield func([]Line) bool) {
	ids := t.which.IDs
	if len(ids) == 0 {
		ids = t.ids()
	}
	var all []Line
	for _, id := range ids {
		log := t.backend.Output(id)
		if log == nil {
			continue
		}
		// With an error those in memory are there all the same.
		lines, _ := log.Last(t.which.Last)
		for _, l := range lines {
			if !tooOld(l, t.which.Since) {
				all = append(all, lineOf(id, l))
			}
		}
	}
	inOrder(all)
	for part := range slices.Chunk(all, batch) {
		if ctx.Err() != nil || !yield(part) {
			return
		}
	}
}

func (t *tail) ids() []string {
	status := t.backend.Status()
	ids := make([]string, len(status.Instances))
	for i, one := range status.Instances {
		ids[i] = one.ID
	}
	return ids
}

// follow hands on the lines from before and then the new ones.
func (t *tail) follow(ctx context.Context, yield func([]Line) bool) {
	ctx, cancel := context.WithCancel(ctx)
	t.lines = make(chan Line, batch)
	if len(t.which.IDs) > 0 {
		for _, id := range t.which.IDs {
			t.add(ctx, id, t.which.Since)
		}
	} else {
		t.wg.Go(func() { t.watch(ctx) })
	}
	joined := make(chan struct{})
	go func() {
		t.wg.Wait()
		close(t.lines)
		close(joined)
	}()
	defer func() { <-joined }()
	defer cancel()

	patience, most := gather, history
	if len(t.which.IDs) == 1 {
		patience, most = 0, batch
	}
	for open := true; open; patience, most = 0, batch {
		var lines []Line
		lines, open = t.receive(patience, most)
		inOrder(lines)
		for part := range slices.Chunk(lines, batch) {
			if !yield(part) {
				return
			}
		}
	}
}

// receive waits for a line and returns it with those that come within patience of
// each other. It reports false when no more will come.
func (t *tail) receive(patience time.Duration, most int) (lines []Line, open bool) {
	l, open := <-t.lines
	for open {
		if lines = append(lines, l); len(lines) == most {
			return lines, true
		}
		select {
		case l, open = <-t.lines:
			continue
		default:
		}
		if patience == 0 {
			return lines, true
		}
		select {
		case l, open = <-t.lines:
		case <-time.After(patience):
			return lines, true
		}
	}
	return lines, false
}

// watch follows all instances, and those that are added.
func (t *tail) watch(ctx context.Context) {
	since := t.which.Since
	for {
		// Before the look at what there is: an instance is in one or in the other.
		events := t.backend.Subscribe(ctx, 0)
		for _, id := range t.ids() {
			t.add(ctx, id, since)
		}
		// What an instance printed before it was added was another one's.
		if since.Before(t.begin) {
			since = t.begin
		}
		heard := false
		for e := range events {
			heard = true
			if e.Type == supervisor.EventAdded {
				t.add(ctx, e.Instance, since)
			}
		}
		// Cut off for being slow, or the end; after the end there is nothing to hear.
		if !heard || ctx.Err() != nil {
			return
		}
	}
}

// add follows an instance, unless that is done already.
func (t *tail) add(ctx context.Context, id string, since time.Time) {
	log := t.backend.Output(id)
	if log == nil || t.open[id] == log {
		return
	}
	t.open[id] = log
	t.wg.Go(func() {
		for l := range log.Follow(ctx, t.which.Last) {
			if tooOld(l, since) {
				continue
			}
			select {
			case t.lines <- lineOf(id, l):
			case <-ctx.Done():
				return
			}
		}
	})
}

// tooOld says whether a line is from before a time. Lines know their millisecond.
func tooOld(l output.Line, since time.Time) bool {
	return l.Time.Before(since.Truncate(time.Millisecond))
}

func inOrder(lines []Line) {
	slices.SortStableFunc(lines, func(a, b Line) int { return a.Time.Compare(b.Time) })
}
