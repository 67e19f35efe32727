package main

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/miktos/miktosctl/instance"
	"github.com/miktos/miktosctl/supervisor"
)

// table aligns cells in columns. Text/tabwriter would count colours as text.
type table struct {
	paint paint
	rows  [][]cell
}

type cell struct {
	text   string
	colour colour
}

func newTable(p paint, heads ...string) *table {
	t := &table{paint: p}
	row := make([]cell, len(heads))
	for i, h := range heads {
		row[i] = cell{h, bold}
	}
	t.rows = append(t.rows, row)
	return t
}

func (t *table) add(cells ...cell) { t.rows = append(t.rows, cells) }

// String returns the table with a newline after each row.
func (t *table) String() string {
	widths := make([]int, len(t.rows[0]))
	for _, row := range t.rows {
		for i, c := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(c.text))
		}
	}
	var b strings.Builder
	for _, row := range t.rows {
		blanks := 0
		for i, c := range row {
			// Blanks are written only before more text, so that no row ends in them.
			if c.text != "" {
				b.WriteString(strings.Repeat(" ", blanks))
				b.WriteString(t.paint.in(c.colour, c.text))
				blanks = 0
			}
			blanks += widths[i] - utf8.RuneCountInString(c.text) + 2
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// links renders where the instances of a fleet are to be seen.
func links(s supervisor.Status, p paint) string {
	t := newTable(p, "ID", "PAGE", "WEBSOCKET")
	for _, one := range s.Instances {
		if one.State == instance.Ready {
			t.add(cell{text: one.ID}, cell{one.HTTPURL, cyan}, cell{text: one.WebSocketURL})
			continue
		}
		text := string(one.State)
		if one.Reason != "" {
			text += ": " + one.Reason
		}
		t.add(cell{text: one.ID}, cell{text, stateColour(one.State)}, cell{})
	}
	return t.String()
}

func number(n int) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprint(n)
}

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// age renders a length of time with its two largest units.
func age(d time.Duration) string {
	d = max(0, d.Round(time.Second))
	switch h := int(d.Hours()); {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case h == 0:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	case h < 48:
		return fmt.Sprintf("%dh%02dm", h, int(d.Minutes())%60)
	default:
		return fmt.Sprintf("%dd%02dh", h/24, h%24)
	}
}

// size renders a number of bytes.
func size(n uint64) string {
	switch {
	case n == 0:
		return "-"
	case n < 1<<20:
		return fmt.Sprintf("%dK", n>>10)
	case n < 10<<20:
		return fmt.Sprintf("%.1fM", float64(n)/(1<<20))
	case n < 1<<30:
		return fmt.Sprintf("%dM", n>>20)
	}
	return fmt.Sprintf("%.1fG", float64(n)/(1<<30))
}
