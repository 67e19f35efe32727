package output

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// split is what a splitter makes of text that arrives in chunks of one size.
func split(text []byte, chunk int) []string {
	var s splitter
	var out []string
	for part := range slices.Chunk(text, chunk) {
		for line := range s.lines(part) {
			out = append(out, string(line))
		}
	}
	for line := range s.last() {
		out = append(out, string(line))
	}
	return out
}

// The lines do not depend on how the text arrives, and no byte is lost.
func FuzzSplitter(f *testing.F) {
	f.Add([]byte("one\r\ntwo\n\nthree"), 3)
	f.Add([]byte(strings.Repeat("ä", MaxLine)+"\n"), 1000)
	f.Add([]byte(strings.Repeat("x", MaxLine)+"\r\n"), MaxLine+1)
	f.Fuzz(func(t *testing.T, text []byte, chunk int) {
		chunk = max(1, chunk&0xffff)
		text = bytes.Repeat(text, 1+len(text)%7)
		whole := split(text, len(text)+1)
		if got := split(text, chunk); !slices.Equal(got, whole) {
			t.Fatalf("chunks of %d: got %.200q, want %.200q", chunk, got, whole)
		}
		if bytes.Contains(text, []byte("…")) {
			return // cannot be told from our own marks
		}
		var back strings.Builder
		for i, line := range whole {
			if len(line) > MaxLine+len(cutBefore)+len(cutAfter) {
				t.Fatalf("a line of %d bytes", len(line))
			}
			line, after := strings.CutSuffix(line, cutAfter)
			line = strings.TrimPrefix(line, cutBefore)
			back.WriteString(line)
			if !after && i < len(whole)-1 {
				back.WriteByte('\n')
			}
		}
		want := strings.TrimSuffix(string(text), "\n")
		want = strings.TrimSuffix(strings.ReplaceAll(want+"\n", "\r\n", "\n"), "\n")
		if back.String() != want {
			t.Fatalf("got %.200q, want %.200q", back.String(), want)
		}
	})
}

// Any file can be read, and reading from behind finds the lines that reading from the
// front finds.
func FuzzReadLast(f *testing.F) {
	f.Add([]byte("2026-01-02T03:04:05.678+01:00 text\n{\"time\":\"x\"}\nhalf"), 2)
	f.Add(bytes.Repeat([]byte("line\n"), 30_000), 29_000)
	f.Add([]byte("\n\n"), 5)
	f.Fuzz(func(t *testing.T, data []byte, n int) {
		n = max(0, n&0xffff)
		var want []string
		if len(data) > 0 {
			want = strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
			want = want[max(0, len(want)-n):]
		}
		var got []string
		err := backwards(bytes.NewReader(data), int64(len(data)), func(line []byte) bool {
			if len(got) >= n {
				return false
			}
			parseLine(line)
			got = append(got, string(line))
			return true
		})
		slices.Reverse(got)
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("got %d lines %.100q and %v, want %d %.100q", len(got), got, err, len(want), want)
		}
	})
}

// What is written is read back the same.
func FuzzFormat(f *testing.F) {
	f.Add([]byte("text"), 3, true)
	f.Add([]byte("\x00\"\\\x7f\u2028"), 0, false)
	f.Fuzz(func(t *testing.T, text []byte, generation int, note bool) {
		text = bytes.ReplaceAll(text, []byte{'\n'}, nil)
		for _, json := range []bool{false, true} {
			form := form{json: json}
			at := time.UnixMilli(1_700_000_000_123)
			form.at(at)
			line := form.append(nil, generation, note, 0, text)
			got := parseLine(bytes.TrimSuffix(line, []byte{'\n'}))
			want := string(text)
			if json {
				want = strings.ToValidUTF8(want, "\uFFFD")
				got.Text = strings.ReplaceAll(got.Text, "\uFFFD\uFFFD", "\uFFFD")
				for strings.Contains(got.Text, "\uFFFD\uFFFD") {
					got.Text = strings.ReplaceAll(got.Text, "\uFFFD\uFFFD", "\uFFFD")
				}
				for strings.Contains(want, "\uFFFD\uFFFD") {
					want = strings.ReplaceAll(want, "\uFFFD\uFFFD", "\uFFFD")
				}
				if got.Generation != generation {
					t.Errorf("generation: got %d, want %d", got.Generation, generation)
				}
			} else if !note && strings.HasPrefix(want, noteMark) {
				return // a child may say what it likes
			}
			if got.Text != want || got.Note != note || !got.Time.Equal(at) {
				t.Errorf("got %+v, want %q", got, want)
			}
		}
	})
}

// The ring holds the end of what was pushed, as much as it promises.
func TestTail(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var ring tail
		var all []string
		sizes := rapid.SliceOfN(rapid.SampledFrom([]int{0, 1, 30, 100, 1000, MaxLine + 8}), 1, 3000).Draw(t, "sizes")
		for i, size := range sizes {
			text := strings.Repeat(string(rune('a'+i%26)), size)
			ring.push(record{}, []byte(text))
			all = append(all, text)
		}
		got := texts(ring.last(len(all)))
		if want := all[len(all)-len(got):]; !slices.Equal(got, want) {
			t.Fatalf("the ring does not hold the end: got %d lines", len(got))
		}
		kept := 0
		for _, text := range got {
			kept += len(text) + 1
		}
		if len(got) < len(all) && len(got) < tailLines && kept < tailBytes-2*(MaxLine+8) {
			t.Fatalf("only %d lines and %d bytes kept of %d lines", len(got), kept, len(all))
		}
		if len(got) > tailLines || len(ring.data) > tailBytes {
			t.Fatalf("%d lines, %d bytes", len(got), len(ring.data))
		}
	})
}
