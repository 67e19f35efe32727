package ports

import (
	"encoding/binary"
	"errors"
	"net/netip"

	"golang.org/x/sys/unix"
)

// The messages of linux/inet_diag.h. Numbers are in the machine's byte order, ports and
// addresses in the network's.

const (
	headerSize  = unix.SizeofNlMsghdr
	requestSize = 56 // struct inet_diag_req_v2
	messageSize = 72 // struct inet_diag_msg
)

// States of a TCP socket, and sets of them as one bit each.
const (
	tcpEstablished   = 1
	tcpClose         = 7 // bound, neither listening nor connected,
	tcpListen        = 10
	tcpBoundInactive = 13 // which is asked for by this name, since Linux 6.8

	anyState = 1<<(tcpBoundInactive+1) - 1
)

var errMalformed = errors.New("reply is malformed")

// diagMessage is what the kernel says about one socket.
type diagMessage struct {
	state uint8
	local netip.AddrPort
	uid   int
	inode uint64 // 0: no process has it any more
}

// appendLookup asks for the socket that would answer a client at addr and port. The
// client's own port is given as 1, which no ordinary program has.
func appendLookup(b []byte, sequence uint32, addr netip.Addr, port int) []byte {
	family := uint8(unix.AF_INET)
	if addr.Is6() {
		family = unix.AF_INET6
	}
	b = appendHeader(b, headerSize+requestSize, unix.NLM_F_REQUEST, sequence)
	b = append(b, family, unix.IPPROTO_TCP, 0, 0)
	b = binary.NativeEndian.AppendUint32(b, anyState)
	b = binary.BigEndian.AppendUint16(b, uint16(port))
	b = binary.BigEndian.AppendUint16(b, 1)
	raw := addr.As16()
	if family == unix.AF_INET {
		four := addr.As4()
		raw = [16]byte{}
		copy(raw[:], four[:])
	}
	b = append(b, raw[:]...) // from the server's side: its address,
	b = append(b, raw[:]...) // and the client's, the same
	b = binary.NativeEndian.AppendUint32(b, 0)
	b = binary.NativeEndian.AppendUint32(b, ^uint32(0)) // no cookie
	return binary.NativeEndian.AppendUint32(b, ^uint32(0))
}

// appendDump asks for all sockets in the given states whose local port lies between low
// and high, which the kernel sorts out by a program of two comparisons.
func appendDump(b []byte, family uint8, states uint32, low, high int) []byte {
	const filterSize = 4 + 4*4
	b = appendHeader(b, headerSize+requestSize+filterSize, unix.NLM_F_REQUEST|unix.NLM_F_DUMP, 0)
	b = append(b, family, unix.IPPROTO_TCP, 0, 0)
	b = binary.NativeEndian.AppendUint32(b, states)
	b = append(b, make([]byte, requestSize-8)...)

	const filterAttribute, sourceAtLeast, sourceAtMost = 1, 2, 3
	b = binary.NativeEndian.AppendUint16(b, filterSize)
	b = binary.NativeEndian.AppendUint16(b, filterAttribute)
	// Each comparison is followed by its operand, and says how many bytes to go on from
	// its own place when it holds and when not; beyond the end by four is a refusal.
	b = append(b, sourceAtLeast, 8)
	b = binary.NativeEndian.AppendUint16(b, 16+4)
	b = binary.NativeEndian.AppendUint32(b, operand(low))
	b = append(b, sourceAtMost, 8)
	b = binary.NativeEndian.AppendUint16(b, 8+4)
	return binary.NativeEndian.AppendUint32(b, operand(high))
}

// operand packs a port as the "no" member of a struct inet_diag_bc_op.
func operand(port int) uint32 {
	var b [4]byte
	binary.NativeEndian.PutUint16(b[2:], uint16(port))
	return binary.NativeEndian.Uint32(b[:])
}

func appendHeader(b []byte, size int, flags uint16, sequence uint32) []byte {
	b = binary.NativeEndian.AppendUint32(b, uint32(size))
	b = binary.NativeEndian.AppendUint16(b, unix.SOCK_DIAG_BY_FAMILY)
	b = binary.NativeEndian.AppendUint16(b, flags)
	b = binary.NativeEndian.AppendUint32(b, sequence)
	return binary.NativeEndian.AppendUint32(b, 0)
}

// cutMessage takes the first netlink message off b.
func cutMessage(b []byte) (header unix.NlMsghdr, payload, rest []byte, err error) {
	if len(b) < headerSize {
		return header, nil, nil, errMalformed
	}
	header.Len = binary.NativeEndian.Uint32(b)
	header.Type = binary.NativeEndian.Uint16(b[4:])
	header.Flags = binary.NativeEndian.Uint16(b[6:])
	header.Seq = binary.NativeEndian.Uint32(b[8:])
	size := int(header.Len)
	if size < headerSize || size > len(b) {
		return header, nil, nil, errMalformed
	}
	next := min((size+3)&^3, len(b)) // messages start at multiples of four
	return header, b[headerSize:size], b[next:], nil
}

// messageError reads a NLMSG_ERROR.
func messageError(payload []byte) error {
	if len(payload) < 4 {
		return errMalformed
	}
	code := int32(binary.NativeEndian.Uint32(payload))
	if code >= 0 {
		return errMalformed // an acknowledgement nobody asked for
	}
	return unix.Errno(-code)
}

func parseDiag(b []byte) (diagMessage, error) {
	if len(b) < messageSize {
		return diagMessage{}, errMalformed
	}
	addr := netip.AddrFrom16([16]byte(b[8:24]))
	if b[0] == unix.AF_INET {
		addr = netip.AddrFrom4([4]byte(b[8:12]))
	}
	return diagMessage{
		state: b[1],
		local: netip.AddrPortFrom(addr, binary.BigEndian.Uint16(b[4:])),
		uid:   int(binary.NativeEndian.Uint32(b[64:])),
		inode: uint64(binary.NativeEndian.Uint32(b[68:])),
	}, nil
}
