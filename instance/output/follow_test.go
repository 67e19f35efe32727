package output

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
)

func TestFollow(t *testing.T) {
	const count, before = 20_000, 5000
	l := openLog(t, Options{MaxSize: 50_000, Keep: 1000})
	p := newPipe(t, l, 1)
	halfway := make(chan struct{})
	var followers sync.WaitGroup
	for _, last := range []int{0, 100, 900, 3000} {
		followers.Go(func() {
			<-halfway
			next := -1
			for line := range l.Follow(t.Context(), last) {
				if line.Dropped > 0 {
					if next >= 0 { // before the first line nobody knows where it began
						next += int(line.Dropped) // too slow on this machine, and told so
					}
					continue
				}
				var i int
				if _, err := fmt.Sscanf(line.Text, "line %d", &i); err != nil {
					t.Errorf("got %q", line.Text)
					return
				}
				if next >= 0 && i != next {
					t.Errorf("last %d: got line %d, want %d", last, i, next)
					return
				}
				if next = i + 1; next == count {
					return
				}
			}
		})
	}
	for i := range count {
		if i == before {
			close(halfway)
		}
		fmt.Fprintf(p.File(), "line %d\n", i)
	}
	p.Drain()
	followers.Wait()
}

// The lines before the following begins come from the files if memory has not enough.
func TestFollowFromFile(t *testing.T) {
	l := openLog(t, Options{})
	p := newPipe(t, l, 1)
	for i := range 2000 {
		fmt.Fprintf(p.File(), "line %d\n", i)
	}
	p.Drain()
	l.Close()
	var lines []Line
	for line := range l.Follow(t.Context(), 1500) { // ends, as the log is closed
		lines = append(lines, line)
	}
	numbered(t, lines, 500, 2000)
}

func TestSlowFollower(t *testing.T) {
	l := openLog(t, Options{})
	p := newPipe(t, l, 1)
	const count = 30_000
	text := strings.Repeat("x", 100)
	next, dropped := 0, uint64(0)
	l.Note("begin")
	for line := range l.Follow(t.Context(), 1) {
		if next == 0 && line.Text == "begin" {
			// All of it while this one is looking the other way.
			for i := range count {
				fmt.Fprintf(p.File(), "%d %s\n", i, text)
			}
			p.Drain()
			l.Close()
			continue
		}
		if line.Dropped > 0 {
			dropped += line.Dropped
			next += int(line.Dropped)
			continue
		}
		if want := fmt.Sprintf("%d %s", next, text); line.Text != want {
			t.Fatalf("got %q, want %q", line.Text, want)
		}
		next++
	}
	if next != count || dropped == 0 {
		t.Errorf("got up to line %d with %d dropped, want %d and some", next, dropped, count)
	}
}

func TestFollowEnds(t *testing.T) {
	l := openLog(t, Options{})
	l.Note("hello")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for range l.Follow(ctx, 1) {
		cancel()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.followers) > 0 {
		t.Error("a follower is left")
	}
}
