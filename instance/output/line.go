package output

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// MaxLine is the most that one line of a child holds, in bytes. Longer ones are cut.
const MaxLine = 16 << 10

// stampForm is RFC 3339 with milliseconds.
const stampForm = "2006-01-02T15:04:05.000Z07:00"

// noteMark stands before what the supervisor writes into a text file.
const noteMark = "[miktosctl] "

// Line is one line of an instance's log.
type Line struct {
	Time       time.Time
	Generation int    // which child printed it; 0 if unknown, as in text files
	Text       string // without its newline; see the package comment about its bytes
	Dropped    uint64 // more than 0: the line stands for so many that were dropped
	Note       bool   // written by the supervisor, not by the child
}

// gap returns the line that stands for n dropped ones.
func gap(at time.Time, n uint64) Line {
	return Line{Time: at, Text: fmt.Sprintf("%d lines dropped", n), Dropped: n, Note: true}
}

// form writes lines the way one format wants them.
type form struct {
	json  bool
	stamp []byte // of the batch that is being written
}

func (f *form) at(t time.Time) { f.stamp = t.AppendFormat(f.stamp[:0], stampForm) }

// append adds one line with its newline. Text is the child's own and holds no newline.
func (f *form) append(to []byte, generation int, note bool, dropped uint64, text []byte) []byte {
	if !f.json {
		to = append(to, f.stamp...)
		to = append(to, ' ')
		if note {
			to = append(to, noteMark...)
		}
		to = append(to, text...)
		return append(to, '\n')
	}
	to = append(to, `{"time":"`...)
	to = append(to, f.stamp...)
	to = append(to, '"')
	if generation != 0 {
		to = append(to, `,"generation":`...)
		to = strconv.AppendInt(to, int64(generation), 10)
	}
	if note {
		to = append(to, `,"note":true`...)
	}
	if dropped > 0 {
		to = append(to, `,"dropped":`...)
		to = strconv.AppendUint(to, dropped, 10)
	}
	to = append(to, `,"text":"`...)
	to = appendEscaped(to, text)
	return append(to, '"', '}', '\n')
}

// appendEscaped is a JSON string's inside. What is not UTF-8 becomes U+FFFD.
func appendEscaped(to, text []byte) []byte {
	const hex = "0123456789abcdef"
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c == '"' || c == '\\':
			to = append(to, '\\', c)
			i++
		case c == '\t':
			to = append(to, '\\', 't')
			i++
		case c < ' ' || c == 0x7f:
			to = append(to, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
			i++
		case c < utf8.RuneSelf:
			to = append(to, c)
			i++
		default:
			r, size := utf8.DecodeRune(text[i:])
			to = utf8.AppendRune(to, r)
			i += size
		}
	}
	return to
}

// parseLine reads what append wrote, in either format. What it does not understand is a
// line without a time: somebody may have edited the file.
func parseLine(data []byte) Line {
	if bytes.HasPrefix(data, []byte(`{"time":"`)) {
		var v struct {
			Time       time.Time
			Generation int
			Text       string
			Dropped    uint64
			Note       bool
		}
		if json.Unmarshal(data, &v) == nil {
			return Line(v)
		}
	}
	stamp, text, found := strings.Cut(string(data), " ")
	at, err := time.Parse(stampForm, stamp)
	if !found || err != nil {
		return Line{Text: string(data)}
	}
	l := Line{Time: at, Text: text}
	if note, ok := strings.CutPrefix(text, noteMark); ok {
		l.Text, l.Note = note, true
		if count, ok := strings.CutSuffix(note, " lines dropped"); ok {
			l.Dropped, _ = strconv.ParseUint(count, 10, 64)
		}
	}
	return l
}
