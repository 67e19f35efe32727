package output

import "time"

const (
	tailLines = 1000
	tailBytes = 256 << 10
	tailFirst = 4 << 10
)

// tail is the end of a log in memory: a ring of records over a ring of bytes. Both grow
// with what is printed, so that a silent instance costs nothing.
type tail struct {
	records []record // a ring of count from first on
	first   int
	count   int
	data    []byte
	at      int // where the next text goes
}

type record struct {
	time       int64
	dropped    uint64
	start      int32
	size       int32
	generation int32
	note       bool
}

// push adds a line and forgets as many old ones as it needs the room of. Each takes a byte
// more than its text, so that no two begin at the same place.
func (t *tail) push(r record, text []byte) {
	if t.count == len(t.records) && len(t.records) < tailLines {
		t.regrow(min(max(16, 2*len(t.records)), tailLines), len(t.data))
	}
	room := len(text) + 1
	for !t.place(room) {
		t.regrow(len(t.records), max(tailFirst, 2*len(t.data)))
	}
	if t.count == len(t.records) {
		t.pop()
	}
	r.start, r.size = int32(t.at), int32(len(text))
	copy(t.data[t.at:], text)
	t.at += room
	t.records[(t.first+t.count)%len(t.records)] = r
	t.count++
}

// place makes room in one piece. It reports false when it would rather have a larger
// ring than forget lines.
func (t *tail) place(room int) bool {
	grow := len(t.data) < tailBytes
	if room > len(t.data) {
		return false
	}
	at := t.at
	if at+room > len(t.data) {
		for t.count > 0 && int(t.oldest().start) >= at {
			if grow {
				return false
			}
			t.pop()
		}
		at = 0
	}
	// What is in the way, if anything, begins with the oldest.
	for t.count > 0 && int(t.oldest().start) >= at && int(t.oldest().start) < at+room {
		if grow {
			return false
		}
		t.pop()
	}
	t.at = at
	return true
}

func (t *tail) oldest() *record { return &t.records[t.first] }

func (t *tail) pop() {
	t.first = (t.first + 1) % len(t.records)
	t.count--
}

// regrow moves everything into new rings, in order.
func (t *tail) regrow(records, size int) {
	n := tail{records: make([]record, records), data: make([]byte, size)}
	for i := range t.count {
		r := t.records[(t.first+i)%len(t.records)]
		text := t.data[r.start : r.start+r.size]
		r.start = int32(n.at)
		n.at += copy(n.data[n.at:], text) + 1
		n.records[i] = r
		n.count++
	}
	*t = n
}

// last returns up to n lines, the oldest first.
func (t *tail) last(n int) []Line {
	n = min(n, t.count)
	lines := make([]Line, n)
	for i := range lines {
		r := t.records[(t.first+t.count-n+i)%len(t.records)]
		lines[i] = Line{
			Time:       time.UnixMilli(r.time),
			Generation: int(r.generation),
			Text:       string(t.data[r.start : r.start+r.size]),
			Dropped:    r.dropped,
			Note:       r.note,
		}
	}
	return lines
}
