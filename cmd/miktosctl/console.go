package main

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unicode/utf8"
)

// backlog is how many pieces of output may wait for a terminal that does not take
// them.
const backlog = 1024

// console is stdout and stderr of a program that must never wait for them: a
// goroutine writes, and keeps a progress line below everything else where stderr is a
// terminal. All methods may be called concurrently, also after close.
type console struct {
	stdout, stderr *os.File
	width          int // of the terminal that shows progress; 0: none does

	pieces   chan piece
	dropped  atomic.Int64
	progress atomic.Pointer[string]
	changed  chan struct{} // holds one token after progress changed
	broken   chan struct{} // closed when nobody reads stdout any more
	breaks   sync.Once
	closing  chan struct{}
	written  chan struct{} // closed when the goroutine has ended
}

type piece struct {
	to   *os.File
	text []byte
}

func newConsole(stdout, stderr *os.File) *console {
	c := &console{
		stdout:  stdout,
		stderr:  stderr,
		width:   width(stderr),
		pieces:  make(chan piece, backlog),
		changed: make(chan struct{}, 1),
		broken:  make(chan struct{}),
		closing: make(chan struct{}),
		written: make(chan struct{}),
	}
	go c.run()
	return c
}

// print writes text to stdout. It waits where many other pieces wait, until ctx ends
// at the latest.
func (c *console) print(ctx context.Context, text []byte) {
	select {
	case c.pieces <- piece{c.stdout, text}:
	case <-ctx.Done():
	}
}

// Write implements [io.Writer] for stderr. It never waits: what stderr does not take
// is dropped and counted.
func (c *console) Write(text []byte) (int, error) {
	select {
	case c.pieces <- piece{c.stderr, append([]byte(nil), text...)}:
	default:
		c.dropped.Add(1)
	}
	return len(text), nil
}

// show puts text into the progress line; empty text removes the line.
func (c *console) show(text string) {
	if c.width == 0 {
		return
	}
	c.progress.Store(&text)
	select {
	case c.changed <- struct{}{}:
	default:
	}
}

// close writes what waits and returns, at the latest after a second: a stopped
// terminal must not keep the program.
func (c *console) close() {
	c.show("")
	close(c.closing)
	select {
	case <-c.written:
	case <-time.After(time.Second):
	}
}

func (c *console) run() {
	defer close(c.written)
	shown := false
	clear := func() {
		if shown {
			c.stderr.WriteString("\r\x1b[K")
			shown = false
		}
	}
	write := func(p piece) {
		clear()
		_, err := p.to.Write(p.text)
		if p.to == c.stdout && errors.Is(err, syscall.EPIPE) {
			c.breaks.Do(func() { close(c.broken) })
		}
	}
	for {
		select {
		case p := <-c.pieces:
			write(p)
			continue
		default:
		}
		if n := c.dropped.Swap(0); n > 0 {
			clear()
			c.stderr.WriteString(plural(int(n), "message") + " dropped: the terminal did not take them\n")
		}
		if text := c.progress.Load(); text != nil {
			clear()
			if *text != "" {
				c.stderr.WriteString(fit(*text, c.width))
				shown = true
			}
		}
		select {
		case p := <-c.pieces:
			write(p)
		case <-c.changed:
		case <-c.closing:
			for {
				select {
				case p := <-c.pieces:
					write(p)
					continue
				default:
				}
				clear()
				return
			}
		}
	}
}

// fit cuts text to what one line of a terminal holds.
func fit(text string, width int) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
	if utf8.RuneCountInString(text) < width {
		return text
	}
	return string([]rune(text)[:max(0, width-2)]) + "…"
}
