package ports

import (
	"fmt"
	"net/netip"
	"slices"
)

func listeners(addrs []netip.Addr, port int) ([]Socket, error) {
	if port < 1 || port > highest {
		return nil, fmt.Errorf("port %d: outside 1 to %d", port, highest)
	}
	var room [4]netip.Addr
	calls := clientAddrs(room[:0], addrs)
	if len(calls) == 0 {
		return nil, nil
	}
	messages, err := diag.lookup(calls, port)
	if err != nil {
		return nil, err
	}
	var sockets []Socket
	for _, m := range messages {
		socket := Socket{Inode: m.inode, UID: m.uid, Addr: m.local.Addr()}
		if m.state == tcpListen && !slices.Contains(sockets, socket) {
			sockets = append(sockets, socket)
		}
	}
	return sockets, nil
}

// clientAddrs turns the addresses that a server was told to listen on into those at
// which a client on this machine would call.
func clientAddrs(calls, addrs []netip.Addr) []netip.Addr {
	four, six := netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()
	if len(addrs) == 0 {
		return append(calls, four, six)
	}
	for _, addr := range addrs {
		switch addr = addr.Unmap(); {
		case !addr.IsValid():
		case !addr.IsUnspecified():
			calls = append(calls, addr)
		case addr.Is4():
			calls = append(calls, four)
		default:
			calls = append(calls, four, six)
		}
	}
	return calls
}

func established(ports []int) (map[int]int, error) {
	counts := make(map[int]int)
	if len(ports) == 0 {
		return counts, nil
	}
	var asked portSet
	for _, port := range ports {
		if port < 1 || port > highest {
			return nil, fmt.Errorf("port %d: outside 1 to %d", port, highest)
		}
		asked.add(port)
	}
	err := dump(1<<tcpEstablished, slices.Min(ports), slices.Max(ports), func(m diagMessage) {
		if port := int(m.local.Port()); asked.has(port) {
			counts[port]++
		}
	})
	if err != nil {
		return nil, err
	}
	return counts, nil
}

func listenPorts(inodes map[uint64]bool) (map[uint64]int, error) {
	ports := make(map[uint64]int)
	if len(inodes) == 0 {
		return ports, nil
	}
	err := dump(1<<tcpListen, 1, highest, func(m diagMessage) {
		if inodes[m.inode] {
			ports[m.inode] = int(m.local.Port())
		}
	})
	if err != nil {
		return nil, err
	}
	return ports, nil
}
