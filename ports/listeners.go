package ports

import "net/netip"

// Socket is a TCP socket that listens.
type Socket struct {
	Inode uint64     // as in /proc/<pid>/fd: socket:[inode]
	UID   int        // whose it is
	Addr  netip.Addr // where it is bound; unspecified for all addresses
}

// Holder returns who has the socket open, which listens on port. It walks /proc, as
// HolderOf does, and is meant for messages, too.
func (s Socket) Holder(port int) Holder { return s.holder(port) }

// Listeners returns the sockets that would answer a client at each of addrs and port, at
// most one per address, and none twice. No addrs stands for 127.0.0.1 and ::1; an
// unspecified address stands for its family's loopback, and :: for both. It asks the
// kernel to do what it does for a client's first packet, which costs about a
// microsecond per address however many sockets there are. Guards do not listen and are
// never found. It is safe for concurrent use.
func Listeners(addrs []netip.Addr, port int) ([]Socket, error) { return listeners(addrs, port) }

// Established returns how many connections each of ports has, counted on the server's
// side; ports without any are left out.
func Established(ports []int) (map[int]int, error) { return established(ports) }

// ListenPorts returns on which port each of the socket inodes listens; inodes that do
// not listen are left out.
func ListenPorts(inodes map[uint64]bool) (map[uint64]int, error) { return listenPorts(inodes) }
