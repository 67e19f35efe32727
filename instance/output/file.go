package output

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// file is the log on disk and its rotation. It always ends between two lines.
type file struct {
	path string
	max  int64
	keep int

	f    *os.File
	size int64
	next int64 // size at which to rotate; beyond max after a rotation that did not work
	torn bool  // half a line is at the end and could not be taken off
}

func openFile(path string, max int64, keep int) (*file, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	f := &file{path: path, max: max, keep: keep}
	if err := f.open(); err != nil {
		return nil, err
	}
	return f, nil
}

func (f *file) open() error {
	// For reading, too: whether it ends in a newline has to be looked at.
	file, err := os.OpenFile(f.path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		file.Close()
		return err
	}
	f.f, f.size, f.next = file, info.Size(), f.max
	if f.size > 0 {
		var end [1]byte
		_, err := file.ReadAt(end[:], f.size-1)
		f.torn = err == nil && end[0] != '\n' // a machine that went down in between
	}
	return nil
}

// write adds whole lines and returns how many bytes of them are in the file for good.
// After an error that is a number of whole lines, too.
func (f *file) write(lines []byte) (written int, err error) {
	if f.torn {
		if _, err := f.f.Write([]byte{'\n'}); err != nil {
			return 0, err
		}
		f.torn = false
		f.size++
	}
	for written < len(lines) {
		part := lines[written:]
		if f.max > 0 && int64(len(part)) > f.next-f.size {
			part = part[:fit(part, f.next-f.size, f.size == 0)]
			if len(part) == 0 {
				f.rotate()
				continue
			}
		}
		n, err := f.f.Write(part)
		whole := bytes.LastIndexByte(part[:n], '\n') + 1
		if whole < n {
			f.torn = f.f.Truncate(f.size+int64(whole)) != nil
		}
		f.size += int64(whole)
		written += whole
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// fit returns how much of lines goes into room, in whole lines. One line always goes
// into an empty file.
func fit(lines []byte, room int64, empty bool) int {
	if room > 0 && room < int64(len(lines)) {
		if end := bytes.LastIndexByte(lines[:room], '\n') + 1; end > 0 {
			return end
		}
	}
	if empty {
		return bytes.IndexByte(lines, '\n') + 1
	}
	return 0
}

// rotate begins a new file. If that is not possible it goes on with the old one, and tries
// again when that has grown by as much again: too large a log is better than none.
func (f *file) rotate() {
	f.next = f.size + f.max
	if f.keep <= 0 {
		if f.f.Truncate(0) == nil {
			f.size, f.next = 0, f.max
		}
		return
	}
	for i := f.keep - 1; i > 0; i-- {
		if err := os.Rename(old(f.path, i), old(f.path, i+1)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return
		}
	}
	if os.Rename(f.path, old(f.path, 1)) != nil {
		return
	}
	before := f.f
	if f.open() != nil {
		os.Rename(old(f.path, 1), f.path)
		return
	}
	before.Close()
}

func old(path string, i int) string { return path + "." + strconv.Itoa(i) }
