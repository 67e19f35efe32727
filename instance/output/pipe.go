package output

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	pipeSize = 256 << 10
	// The buffer of a reader starts small and grows while there is much to read, because
	// most children are silent most of the time.
	smallBuffer = 4 << 10
	largeBuffer = 64 << 10 // of empty lines, with stamps, half the queue
	quiet       = time.Second
	// drainMost bounds what is read after the end, in case a stranger keeps writing: what the
	// FIFO holds, and once more.
	drainMost = 2 << 20
)

// Pipe is the way of one child's output into a Log.
type Pipe struct {
	log        *Log
	path       string
	generation int
	read       *os.File
	reader     sync.WaitGroup

	startOnce sync.Once
	write     *os.File

	drainOnce sync.Once
	mu        sync.Mutex
	draining  bool
}

// NewPipe makes a FIFO for a child's output, in place of a stale one, and starts to read
// it. Until Drain the pipe holds one descriptor and one goroutine.
func (l *Log) NewPipe(fifo string, generation int) (*Pipe, error) {
	if err := replaceFIFO(fifo); err != nil {
		return nil, fmt.Errorf("output: %w", err)
	}
	// The reading end first: opening it does not block, and then the writing end has a reader.
	read, err := os.OpenFile(fifo, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("output: %w", err)
	}
	// For reading and writing: a child that holds both ends never gets SIGPIPE. And blocking: it
	// may not know how to deal with anything else, so this must not come from os.OpenFile.
	fd, err := unix.Open(fifo, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		read.Close()
		return nil, fmt.Errorf("output: %w", &fs.PathError{Op: "open", Path: fifo, Err: err})
	}
	p := &Pipe{log: l, path: fifo, generation: generation, read: read, write: os.NewFile(uintptr(fd), fifo)}
	enlarge(fd, pipeSize)

	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		read.Close()
		p.write.Close()
		os.Remove(fifo)
		return nil, fmt.Errorf("output: log %s: %w", l.disk.path, os.ErrClosed)
	}
	l.pipes[p] = struct{}{}
	p.reader.Go(p.run)
	return p, nil
}

// replaceFIFO makes a FIFO for this user alone. Anything but an old FIFO in its place is
// not ours to remove.
func replaceFIFO(path string) error {
	info, err := os.Lstat(path)
	switch {
	case err == nil && info.Mode().Type() != fs.ModeNamedPipe:
		return fmt.Errorf("%s: %w, and is no FIFO", path, fs.ErrExist)
	case err == nil:
		if err := os.Remove(path); err != nil {
			return err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := unix.Mkfifo(path, 0o600); err != nil {
		return &fs.PathError{Op: "mkfifo", Path: path, Err: err}
	}
	return nil
}

// File returns the end for the child, to be descriptors 1 and 2. It is valid until Started.
func (p *Pipe) File() *os.File { return p.write }

// Started closes our copy of the child's end. It is called after the spawn, also after
// one that did not work. Further calls do nothing.
func (p *Pipe) Started() {
	p.startOnce.Do(func() { p.write.Close() })
}

// Drain takes what is left in the FIFO into the log, completes the last line, closes the
// FIFO and removes it. It is called when nobody of the child's tree is left; if a stranger
// has it open, it does not wait for that one. Further calls wait for the first.
func (p *Pipe) Drain() {
	p.drainOnce.Do(func() {
		p.Started()
		p.mu.Lock()
		p.draining = true
		p.read.SetReadDeadline(time.Unix(1, 0)) // wakes the reader
		p.mu.Unlock()
		p.reader.Wait()
		p.read.Close()
		os.Remove(p.path)
		p.log.mu.Lock()
		delete(p.log.pipes, p)
		p.log.mu.Unlock()
	})
}

// run is the reader: it ends when everybody closed the other end, or when Drain says so.
func (p *Pipe) run() {
	var s splitter
	buf := make([]byte, smallBuffer)
	busy := false
	for {
		n, err := p.read.Read(buf)
		if n > 0 {
			p.log.disk.breathe()
			p.log.deliver(p.generation, false, s.lines(buf[:n]))
			busy = true
		}
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			if p.isDraining() {
				p.rest(&s, buf)
				return
			}
			if !busy {
				buf = make([]byte, smallBuffer)
			}
			p.remind(busy)
			busy = false
		case errors.Is(err, io.EOF):
			p.log.deliver(p.generation, false, s.last())
			return
		case err != nil:
			p.log.Note("output of the child cannot be read: %v", err)
			p.log.deliver(p.generation, false, s.last())
			return
		case n == len(buf) && n < largeBuffer:
			if n == smallBuffer {
				p.remind(true)
			}
			buf = make([]byte, 4*n)
		}
	}
}

// remind sets or ends the alarm by which a reader notices that it may shrink its buffer.
func (p *Pipe) remind(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.draining {
		return // that alarm must stay
	}
	var at time.Time
	if on {
		at = time.Now().Add(quiet)
	}
	p.read.SetReadDeadline(at)
}

func (p *Pipe) isDraining() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.draining
}

// rest reads what the FIFO holds, without waiting for more.
func (p *Pipe) rest(s *splitter, buf []byte) {
	raw, err := p.read.SyscallConn()
	for total := 0; err == nil && total < drainMost; {
		n := 0
		var readErr error
		err = raw.Control(func(fd uintptr) { n, readErr = unix.Read(int(fd), buf) })
		if readErr == unix.EINTR {
			continue
		}
		if n <= 0 {
			break
		}
		total += n
		p.log.deliver(p.generation, false, s.lines(buf[:n]))
		if n == len(buf) && n < largeBuffer {
			buf = make([]byte, 4*n)
		}
	}
	p.log.deliver(p.generation, false, s.last())
}
