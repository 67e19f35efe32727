package output

import (
	"bytes"
	"iter"
	"unicode/utf8"
)

// The marks of a line that was cut.
const (
	cutBefore = "… "
	cutAfter  = " …"
)

// splitter makes lines of what a child prints, however it arrives: the lines do not
// depend on where one read ends and the next begins.
type splitter struct {
	rest    []byte // an unfinished line
	cut     bool   // its beginning was given out already
	scratch []byte
}

// lines returns the lines that data completes. Each is valid until the next one.
func (s *splitter) lines(data []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for {
			i := bytes.IndexByte(data, '\n')
			if i < 0 {
				s.rest = append(s.rest, data...)
				// One more than a line holds may be the "\r" that will not count.
				for len(s.rest) > MaxLine+1 {
					piece := s.piece(s.rest)
					size := pieceSize(s.rest)
					yield(piece)
					s.rest = append(s.rest[:0], s.rest[size:]...)
				}
				return
			}
			line := data[:i]
			data = data[i+1:]
			if len(s.rest) > 0 {
				s.rest = append(s.rest, line...)
				line = s.rest
			}
			s.finish(line, yield)
		}
	}
}

// last returns what was printed without a newline at the end.
func (s *splitter) last() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		if len(s.rest) > 0 || s.cut {
			s.finish(s.rest, yield)
		}
	}
}

// finish gives out a whole line.
func (s *splitter) finish(line []byte, yield func([]byte) bool) {
	line = bytes.TrimSuffix(line, []byte{'\r'})
	for len(line) > MaxLine {
		piece := s.piece(line)
		line = line[pieceSize(line):]
		yield(piece)
	}
	if s.cut {
		s.scratch = append(append(s.scratch[:0], cutBefore...), line...)
		line = s.scratch
	}
	yield(line)
	s.cut = false
	s.rest = s.rest[:0]
	if cap(s.rest) > 4<<10 {
		s.rest = nil // long lines are rare, and there are hundreds of us
	}
}

// piece returns the next piece of a line that is too long, with its marks.
func (s *splitter) piece(line []byte) []byte {
	s.scratch = s.scratch[:0]
	if s.cut {
		s.scratch = append(s.scratch, cutBefore...)
	}
	s.scratch = append(s.scratch, line[:pieceSize(line)]...)
	s.scratch = append(s.scratch, cutAfter...)
	s.cut = true
	return s.scratch
}

// pieceSize is where to cut: not inside a character.
func pieceSize(line []byte) int {
	for size := MaxLine; size > MaxLine-utf8.UTFMax; size-- {
		if utf8.RuneStart(line[size]) {
			return size
		}
	}
	return MaxLine // that is no UTF-8
}
