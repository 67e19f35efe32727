package output

import (
	"context"
	"iter"
	"time"
)

// followBytes is how much text waits for a follower before it loses lines.
const followBytes = 1 << 20

// follower is somebody who reads a log as it grows. Guarded by Log.mu but for wake.
type follower struct {
	batches [][]Line
	bytes   int
	dropped uint64
	wake    chan struct{}
}

// push hands lines to a follower and takes the oldest from one who is too slow.
func (f *follower) push(lines []Line, bytes int) {
	f.batches = append(f.batches, lines)
	f.bytes += bytes
	for f.bytes > followBytes && len(f.batches) > 1 {
		for _, l := range f.batches[0] {
			f.bytes -= weight(l)
			f.dropped += max(1, l.Dropped)
		}
		f.batches = f.batches[1:]
	}
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// weight is what a line takes in memory, about.
func weight(l Line) int { return len(l.Text) + 64 }

// take returns what waits, a word about what was lost first.
func (f *follower) take() []Line {
	var lines []Line
	if f.dropped > 0 {
		lines = append(lines, gap(time.Now(), f.dropped))
	}
	for _, batch := range f.batches {
		lines = append(lines, batch...)
	}
	f.batches, f.bytes, f.dropped = nil, 0, 0
	return lines
}

// Follow returns the last lines of the log and then every new one, without a gap or a
// repetition between them, until ctx is done or the log is closed. The following begins
// when the sequence is ranged over. Who ranges too slowly loses lines, the oldest first, and
// gets one with Dropped in their place; nobody else is slowed down.
func (l *Log) Follow(ctx context.Context, last int) iter.Seq[Line] {
	return func(yield func(Line) bool) {
		f := &follower{wake: make(chan struct{}, 1)}
		l.mu.Lock()
		l.followers[f] = struct{}{}
		lines, before := l.tail.last(last), l.seq-uint64(l.tail.count)
		l.mu.Unlock()
		defer func() {
			l.mu.Lock()
			delete(l.followers, f)
			l.mu.Unlock()
		}()
		if missing := last - len(lines); missing > 0 {
			older, _ := l.disk.older(missing, before) // without them if they cannot be read
			lines = append(older, lines...)
		}
		for {
			for _, line := range lines {
				if ctx.Err() != nil || !yield(line) {
					return
				}
			}
			l.mu.Lock()
			lines = f.take()
			closed := l.closed
			l.mu.Unlock()
			if len(lines) > 0 {
				continue
			}
			if closed {
				return
			}
			select {
			case <-f.wake:
			case <-ctx.Done():
				return
			}
		}
	}
}
