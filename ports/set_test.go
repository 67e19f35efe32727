package ports

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// The spiral must yield what a walk by single steps yields.
func TestSpiral(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		centre := rapid.OneOf(rapid.IntRange(1, 1300), rapid.IntRange(8000, 8200), rapid.IntRange(65400, 65535)).Draw(t, "centre")
		reach := rapid.IntRange(0, 300).Draw(t, "reach")
		var blocked portSet
		for _, port := range rapid.SliceOf(rapid.IntRange(centre-reach, centre+reach)).Draw(t, "blocked") {
			if valid(port) {
				blocked.add(port)
			}
		}
		for _, start := range rapid.SliceOfN(rapid.IntRange(centre-reach, centre+reach), 0, 3).Draw(t, "runs") {
			for port := start; port < start+150; port++ {
				if valid(port) {
					blocked.add(port)
				}
			}
		}
		var want []int
		for d := range reach + 1 {
			for _, port := range slices.Compact([]int{centre + d, centre - d}) {
				if valid(port) && !blocked.has(port) {
					want = append(want, port)
				}
			}
		}
		var got []int
		s := newSpiral(centre, reach, func(i int) uint64 { return blocked[i] })
		for port := s.next(); port != 0; port = s.next() {
			got = append(got, port)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
	})
}

func TestPortSet(t *testing.T) {
	var s portSet
	for _, port := range []int{0, 63, 64, 1024, 65535} {
		s.add(port)
	}
	s.remove(64)
	if got, want := s.size(), 4; got != want {
		t.Errorf("got %d ports, want %d", got, want)
	}
	if !s.has(65535) || s.has(64) || s.has(65534) {
		t.Error("membership is wrong")
	}
	other := portSet{}
	other.add(64)
	s.union(&other)
	if !s.has(64) || !s.has(63) {
		t.Error("union is wrong")
	}
}
