package output

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"time"
)

// QueueSize is how many bytes may wait for the disk before lines are dropped.
const QueueSize = 4 << 20

const (
	retryFirst = 100 * time.Millisecond
	retryMost  = 5 * time.Second
	// waitMost and distrust bound what a reader waits for the disk; see breathe.
	waitMost = 20 * time.Millisecond
	distrust = time.Second
	// flushPatience bounds how long a look at the files waits for lines on their way there.
	flushPatience = time.Second
	// idle is after how long without a line the buffers are given back.
	idle       = time.Second
	keptBuffer = 4 << 10
)

// disk is the way from the readers to the file: a queue of bytes and one goroutine that
// writes it, so that only that one ever waits for the disk.
type disk struct {
	path   string
	wake   chan struct{}
	done   chan struct{}
	writer sync.WaitGroup

	mu      sync.Mutex
	form    form
	queue   []byte
	seq     uint64        // the last line in queue
	taken   int           // bytes that the writer has in hand
	lost    uint64        // lines dropped since the last gap line
	dropped uint64        // lines dropped ever
	written uint64        // the last line in the file
	slow    time.Time     // when a reader last waited in vain
	flushed chan struct{} // closed and replaced after each write
	stuck   error         // why lines have to wait, while they do
	lastly  uint64        // lines lost because the log was closed while they waited
	fault   error         // why

	// fileMu is held while the files change. It is taken before mu, and never by a reader.
	fileMu sync.Mutex
	file   *file

	onFault func(error) // called by the writer; may be nil
}

func openDisk(o Options) (*disk, error) {
	f, err := openFile(o.Path, o.MaxSize, o.Keep)
	if err != nil {
		return nil, err
	}
	d := &disk{
		path:    o.Path,
		wake:    make(chan struct{}, 1),
		done:    make(chan struct{}),
		form:    form{json: o.Format == "json"},
		flushed: make(chan struct{}),
		file:    f,
		onFault: o.OnFault,
	}
	d.writer.Go(d.run)
	return d, nil
}

// batch adds lines to the queue. The disk is locked from begin to end.
type batch struct{ d *disk }

func (d *disk) begin(at time.Time) batch {
	d.mu.Lock()
	d.form.at(at)
	return batch{d}
}

func (b batch) add(generation int, note bool, text []byte) {
	d := b.d
	before := len(d.queue)
	if before+d.taken+len(text) >= QueueSize {
		d.lost++
		d.dropped++
		return
	}
	if d.lost > 0 {
		d.appendGap()
	}
	d.queue = d.form.append(d.queue, generation, note, 0, text)
	if len(d.queue)+d.taken > QueueSize {
		d.queue = d.queue[:before]
		d.lost++
		d.dropped++
		return
	}
	d.lost = 0
}

func (b batch) end(seq uint64) {
	b.d.seq = seq
	b.d.mu.Unlock()
	select {
	case b.d.wake <- struct{}{}:
	default:
	}
}

// breathe lets the writer catch up when much is waiting, so that nothing is lost only because
// it did not get a processor. A disk that does not move is not waited for: it costs a reader
// waitMost in each distrust.
func (d *disk) breathe() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.queue)+d.taken < QueueSize/2 || time.Since(d.slow) < distrust {
		return
	}
	t := time.NewTimer(waitMost)
	defer t.Stop()
	for len(d.queue)+d.taken >= QueueSize/2 {
		flushed := d.flushed
		d.mu.Unlock()
		select {
		case <-flushed:
			d.mu.Lock()
		case <-t.C:
			d.mu.Lock()
			d.slow = time.Now()
			return
		}
	}
}

func (d *disk) appendGap() {
	text := gap(time.Time{}, d.lost).Text
	d.queue = d.form.append(d.queue, 0, true, d.lost, []byte(text))
}

// run is the writer.
func (d *disk) run() {
	var spare []byte
	for {
		hand, seq := d.take(spare)
		if len(hand) > 0 {
			d.deliver(hand, seq)
			spare = hand[:0]
			continue
		}
		spare = hand
		select {
		case <-d.done:
			if d.empty() {
				return
			}
		default:
			if d.pause(cap(spare) > keptBuffer) {
				spare = nil
			}
		}
	}
}

// take swaps the queue for an empty buffer.
func (d *disk) take(spare []byte) (hand []byte, seq uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.queue) == 0 && d.lost > 0 {
		d.form.at(time.Now())
		d.appendGap()
		d.lost = 0
	}
	hand, d.queue = d.queue, spare[:0]
	d.taken = len(hand)
	return hand, d.seq
}

// deliver writes lines, for as long as it takes. Only the end of the log ends its patience.
func (d *disk) deliver(lines []byte, seq uint64) {
	retry, last := retryFirst, false
	for {
		d.fileMu.Lock()
		n, err := d.file.write(lines)
		lines = lines[n:]
		d.mu.Lock()
		if err == nil {
			d.written = seq
		}
		changed := (err == nil) != (d.stuck == nil)
		d.stuck = err
		if err != nil && last {
			n := uint64(bytes.Count(lines, []byte{'\n'}))
			d.dropped += n
			d.lastly += n
			d.fault, lines, err = err, nil, nil
		}
		d.taken = len(lines)
		if err == nil {
			close(d.flushed)
			d.flushed = make(chan struct{})
		}
		stuck := d.stuck
		d.mu.Unlock()
		d.fileMu.Unlock()
		if changed && d.onFault != nil {
			d.onFault(stuck)
		}
		if err == nil {
			return
		}
		last = d.wait(retry)
		retry = min(2*retry, retryMost)
	}
}

// pause waits for lines. It reports true when none came for so long that the buffers are
// better given back.
func (d *disk) pause(buffered bool) (long bool) {
	var timer <-chan time.Time
	if buffered {
		t := time.NewTimer(idle)
		defer t.Stop()
		timer = t.C
	}
	select {
	case <-d.wake:
	case <-d.done:
	case <-timer:
		d.mu.Lock()
		defer d.mu.Unlock()
		if len(d.queue) == 0 {
			d.queue = nil
		}
		return true
	}
	return false
}

// wait lets time pass before the next try and reports whether it is the last one.
func (d *disk) wait(retry time.Duration) (closing bool) {
	t := time.NewTimer(retry)
	defer t.Stop()
	select {
	case <-t.C:
		return false
	case <-d.done:
		return true
	}
}

func (d *disk) empty() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.queue) == 0 && d.lost == 0
}

// waiting returns why lines wait for the disk now, nil if they do not.
func (d *disk) waiting() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.stuck
}

func (d *disk) count() uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.dropped
}

func (d *disk) close() error {
	close(d.done)
	d.writer.Wait()
	err := d.file.f.Close()
	if d.fault != nil {
		err = errors.Join(fmt.Errorf("the last %d lines are lost: %w", d.lastly, d.fault), err)
	}
	if err != nil {
		return fmt.Errorf("log: %w", err)
	}
	return nil
}
