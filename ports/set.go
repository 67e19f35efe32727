package ports

import "math/bits"

// portSet is a set of port numbers: one bit each.
type portSet [1024]uint64

func (s *portSet) add(port int)      { s[uint16(port)>>6] |= 1 << (port & 63) }
func (s *portSet) remove(port int)   { s[uint16(port)>>6] &^= 1 << (port & 63) }
func (s *portSet) has(port int) bool { return s[uint16(port)>>6]&(1<<(port&63)) != 0 }

// size returns the number of ports in the set.
func (s *portSet) size() int {
	n := 0
	for _, word := range s {
		n += bits.OnesCount64(word)
	}
	return n
}

// union adds every port of other.
func (s *portSet) union(other *portSet) {
	for i, word := range other {
		s[i] |= word
	}
}
