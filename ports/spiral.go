package ports

import "math/bits"

// spiral yields the free ports around a centre, nearest first and the higher of two
// equally near first. It steps over blocked ports 64 at a time: with ten thousand
// leases around one preferred port, every search starts at the same place again.
type spiral struct {
	word   func(i int) uint64 // the blocked ports of word i of a portSet
	centre int
	up     int // next number to look at above, the centre included
	down   int // and below
	low    int
	high   int
}

func newSpiral(centre, reach int, word func(int) uint64) spiral {
	return spiral{
		word: word, centre: centre, up: max(centre, lowest), down: min(centre-1, highest),
		low: max(centre-reach, lowest), high: min(centre+reach, highest),
	}
}

// next returns the nearest free port not yet yielded, or 0.
func (s *spiral) next() int {
	s.up = s.freeAbove(s.up)
	s.down = s.freeBelow(s.down)
	switch above, below := s.up <= s.high, s.down >= s.low; {
	case above && (!below || s.up-s.centre <= s.centre-s.down):
		s.up++
		return s.up - 1
	case below:
		s.down--
		return s.down + 1
	}
	return 0
}

// freeAbove returns the first free port from port upwards; beyond high if there is none.
func (s *spiral) freeAbove(port int) int {
	for port <= s.high {
		if free := ^s.word(port>>6) >> (port & 63); free != 0 {
			return port + bits.TrailingZeros64(free)
		}
		port = port&^63 + 64
	}
	return port
}

// freeBelow returns the first free port from port downwards; below low if there is none.
func (s *spiral) freeBelow(port int) int {
	for port >= s.low {
		if free := ^s.word(port>>6) << (63 - port&63); free != 0 {
			return port - bits.LeadingZeros64(free)
		}
		port = port&^63 - 1
	}
	return port
}
