package output

import (
	"fmt"
	"iter"
	"strings"
	"sync"
	"time"
)

// Options says where a log goes. Path is required.
type Options struct {
	Path    string          // <state>/<fleet>/logs/<id>.log; its folder is made, 0700
	MaxSize int64           // bytes at which the file is rotated; 0 is never
	Keep    int             // rotated files that are kept: .1 is the youngest
	Format  string          // "text" (or empty) or "json"
	OnFault func(err error) // called when the file cannot be written, and with nil when it can again; may be nil
	OnLine  func(Line)      // called for each line on the reader's goroutine; must not block; may be nil
}

// Log is the output of one instance over all its children. Its methods may be called
// from any goroutine.
type Log struct {
	onLine func(Line)
	disk   *disk

	mu        sync.Mutex
	tail      tail
	seq       uint64 // lines so far
	followers map[*follower]struct{}
	pipes     map[*Pipe]struct{}
	closed    bool
}

// Open opens a log for writing and goes on where the file ends. A folder or file that
// cannot be written is an error; later faults of the disk are not, they cost lines that
// are counted.
func Open(o Options) (*Log, error) {
	if o.Format != "" && o.Format != "text" && o.Format != "json" {
		return nil, fmt.Errorf("log %s: unknown format %q", o.Path, o.Format)
	}
	d, err := openDisk(o)
	if err != nil {
		return nil, fmt.Errorf("log: %w", err)
	}
	return &Log{
		onLine:    o.OnLine,
		disk:      d,
		followers: make(map[*follower]struct{}),
		pipes:     make(map[*Pipe]struct{}),
	}, nil
}

// Note writes a remark of the supervisor. Several lines become several remarks. OnLine
// does not see it.
func (l *Log) Note(format string, args ...any) {
	text := strings.TrimRight(fmt.Sprintf(format, args...), "\n")
	l.deliver(0, true, func(yield func([]byte) bool) {
		for line := range strings.SplitSeq(text, "\n") {
			yield([]byte(line))
		}
	})
}

// deliver gives lines to everybody. It is called by one reader at a time, and by Note.
func (l *Log) deliver(generation int, note bool, lines iter.Seq[[]byte]) {
	now := time.Now()
	var texts []byte
	var ends []int

	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return
	}
	wanted := len(l.followers) > 0 || l.onLine != nil && !note
	b := l.disk.begin(now)
	r := record{time: now.UnixMilli(), generation: int32(generation), note: note}
	for text := range lines {
		l.seq++
		l.tail.push(r, text)
		b.add(generation, note, text)
		if wanted {
			texts = append(texts, text...)
			ends = append(ends, len(texts))
		}
	}
	b.end(l.seq)
	batch := cut(texts, ends, now, generation, note)
	if len(batch) > 0 {
		for f := range l.followers {
			f.push(batch, len(texts)+64*len(batch))
		}
	}
	l.mu.Unlock()

	if l.onLine != nil && !note {
		for _, line := range batch {
			l.onLine(line)
		}
	}
}

// cut makes lines of a batch. Their texts are parts of one string: whoever keeps a
// single one for long should clone it.
func cut(texts []byte, ends []int, at time.Time, generation int, note bool) []Line {
	if len(ends) == 0 {
		return nil
	}
	all, start := string(texts), 0
	batch := make([]Line, len(ends))
	for i, end := range ends {
		batch[i] = Line{Time: at, Generation: generation, Text: all[start:end], Note: note}
		start = end
	}
	return batch
}

// Last returns the last n lines, from memory as far as they are there and from the files
// otherwise. With an error it returns those from memory.
func (l *Log) Last(n int) ([]Line, error) {
	l.mu.Lock()
	lines, before := l.tail.last(n), l.seq-uint64(l.tail.count)
	l.mu.Unlock()
	if len(lines) >= n {
		return lines, nil
	}
	older, err := l.disk.older(n-len(lines), before)
	if err != nil {
		return lines, fmt.Errorf("log: %w", err)
	}
	return append(older, lines...), nil
}

// Dropped returns how many lines did not get into the file.
func (l *Log) Dropped() uint64 { return l.disk.count() }

// Fault returns why lines wait for the file at the moment, nil if they do not.
func (l *Log) Fault() error { return l.disk.waiting() }

// Close drains what is left in pipes, writes what waits, ends the followers and returns
// when nothing runs any more. With an error the last lines did not get into the file.
func (l *Log) Close() error {
	l.mu.Lock()
	pipes := make([]*Pipe, 0, len(l.pipes))
	for p := range l.pipes {
		pipes = append(pipes, p)
	}
	l.mu.Unlock()
	for _, p := range pipes {
		p.Drain()
	}
	l.mu.Lock()
	was := l.closed
	l.closed = true
	for f := range l.followers {
		f.push(nil, 0) // to look at closed
	}
	l.mu.Unlock()
	if was {
		return nil
	}
	return l.disk.close()
}
