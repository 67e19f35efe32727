package control

import (
	"encoding/json"
	"time"
	"unicode/utf8"

	"github.com/miktos/miktosctl/instance/output"
)

// Line is one line of an instance's log.
type Line struct {
	ID         string
	Time       time.Time
	Generation int    // which child printed it; 0 if unknown
	Text       string // the child's own bytes
	Dropped    uint64 // more than 0: the line stands for so many that were dropped
	Note       bool   // the supervisor's remark
}

func lineOf(id string, l output.Line) Line {
	return Line{ID: id, Time: l.Time, Generation: l.Generation, Text: l.Text, Dropped: l.Dropped, Note: l.Note}
}

// wireLine is a Line in JSON. Text that is not UTF-8 goes over the wire twice: as
// good as JSON can say it, and raw.
type wireLine struct {
	ID         string    `json:"id"`
	Time       time.Time `json:"time"`
	Generation int       `json:"generation,omitempty"`
	Text       string    `json:"text"`
	Raw        []byte    `json:"raw,omitempty"`
	Dropped    uint64    `json:"dropped,omitempty"`
	Note       bool      `json:"note,omitempty"`
}

// MarshalJSON implements [json.Marshaler].
func (l Line) MarshalJSON() ([]byte, error) {
	w := wireLine{ID: l.ID, Time: l.Time, Generation: l.Generation, Text: l.Text, Dropped: l.Dropped, Note: l.Note}
	if !utf8.ValidString(l.Text) {
		w.Raw = []byte(l.Text)
	}
	return json.Marshal(w)
}

// UnmarshalJSON implements [json.Unmarshaler].
func (l *Line) UnmarshalJSON(text []byte) error {
	var w wireLine
	if err := json.Unmarshal(text, &w); err != nil {
		return err
	}
	*l = Line{ID: w.ID, Time: w.Time, Generation: w.Generation, Text: w.Text, Dropped: w.Dropped, Note: w.Note}
	if w.Raw != nil {
		l.Text = string(w.Raw)
	}
	return nil
}
