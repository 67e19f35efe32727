package output

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"
)

// ReadLast returns the last n lines of the log at path and its rotated files, the oldest
// first. It is for when no supervisor runs; [Log.Last] knows more. A log that does not
// exist is an error that errors.Is tells as fs.ErrNotExist.
func ReadLast(path string, n int) ([]Line, error) {
	files, err := openAll(path)
	if err != nil {
		return nil, fmt.Errorf("log: %w", err)
	}
	defer files.close()
	lines, err := files.last(n)
	if err != nil {
		return nil, fmt.Errorf("log: %w", err)
	}
	return lines, nil
}

// generations are the files of one log, the youngest first. They are opened at once and
// count as long as they were then, so that neither rotation nor writing matters any more.
type generations []generation

type generation struct {
	*os.File
	size int64
}

func openAll(path string) (generations, error) {
	var files generations
	var before fs.FileInfo
	for i := 0; ; i++ {
		name := path
		if i > 0 {
			name = old(path, i)
		}
		f, err := os.Open(name)
		if errors.Is(err, fs.ErrNotExist) && i > 0 {
			return files, nil
		}
		if err != nil {
			files.close()
			return nil, err
		}
		info, err := f.Stat()
		if err != nil {
			f.Close()
			files.close()
			return nil, err
		}
		if before != nil && os.SameFile(before, info) {
			f.Close() // it was rotated between the two opens
			continue
		}
		before = info
		files = append(files, generation{f, info.Size()})
	}
}

func (g generations) close() {
	for _, f := range g {
		f.Close()
	}
}

// last returns the last n lines over all files.
func (g generations) last(n int) ([]Line, error) {
	var lines []Line // the youngest first
	for _, f := range g {
		if len(lines) >= n {
			break
		}
		if err := backwards(f, f.size, func(text []byte) bool {
			if len(lines) >= n {
				return false
			}
			lines = append(lines, parseLine(text))
			return true
		}); err != nil {
			return nil, err
		}
	}
	slices.Reverse(lines)
	return lines, nil
}

// backwards yields the lines of a file, the last one first, until yield returns false. Only
// as much is read as is needed for that.
func backwards(r io.ReaderAt, size int64, yield func([]byte) bool) error {
	const block = 64 << 10
	var rest []byte // from somewhere in a line on, to the end of what is not yielded yet
	for at, first := size, true; at > 0; first = false {
		n := min(at, block)
		at -= n
		data := make([]byte, n, int(n)+len(rest))
		if m, err := r.ReadAt(data, at); err != nil && (err != io.EOF || m < len(data)) {
			if err == io.EOF {
				return nil // it became shorter meanwhile
			}
			return err
		}
		if first {
			data = bytes.TrimSuffix(data, []byte{'\n'}) // the last line's end begins no line
		}
		rest = append(data, rest...)
		for {
			i := bytes.LastIndexByte(rest, '\n')
			if i < 0 {
				break
			}
			if !yield(rest[i+1:]) {
				return nil
			}
			rest = rest[:i]
		}
	}
	if size > 0 {
		yield(rest)
	}
	return nil
}

// older returns up to n lines from the files, those with the numbers up to seq of this
// log and what was there before it.
func (d *disk) older(n int, seq uint64) ([]Line, error) {
	patience := time.NewTimer(flushPatience)
	defer patience.Stop()
	d.mu.Lock()
	for waiting := true; waiting && d.written < seq; {
		flushed := d.flushed
		d.mu.Unlock()
		select {
		case <-flushed:
		case <-patience.C:
			waiting = false
		}
		d.mu.Lock()
	}
	d.mu.Unlock()

	// Under fileMu the writer stands still, so that written is the last line of what is opened.
	d.fileMu.Lock()
	files, err := openAll(d.path)
	d.mu.Lock()
	written := d.written
	d.mu.Unlock()
	d.fileMu.Unlock()
	if err != nil {
		return nil, err
	}
	defer files.close()
	newer := 0
	if written > seq {
		newer = int(written - seq)
	}
	lines, err := files.last(n + newer)
	if err != nil {
		return nil, err
	}
	return lines[:max(0, len(lines)-newer)], nil
}
