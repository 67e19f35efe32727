package ports

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"

	"golang.org/x/sys/unix"
)

// diagSocket asks the kernel's socket tables, sock_diag(7). It is opened when first
// needed and kept: a starting instance asks every millisecond, and opening costs more
// than asking. Single look-ups are answered while they are sent, so the lock is held
// for a few microseconds.
type diagSocket struct {
	mu       sync.Mutex
	fd       int // 0: not open
	sequence uint32
	out      []byte
	in       [512]byte
}

// diag serves the whole process, because the exported questions have no receiver. It
// carries nothing from one call to the next but the descriptor.
var diag diagSocket

// lookup asks which socket would answer a client at each address. This is no dump: the
// kernel makes the same table look-up as for a client's first packet.
func (d *diagSocket) lookup(addrs []netip.Addr, port int) ([]diagMessage, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fd == 0 {
		fd, err := openDiag()
		if err != nil {
			return nil, err
		}
		d.fd = fd
	}
	messages, err := d.exchange(addrs, port)
	if err != nil {
		// Late replies must not be taken for those of the next question.
		_ = unix.Close(d.fd)
		d.fd = 0
	}
	return messages, err
}

func (d *diagSocket) exchange(addrs []netip.Addr, port int) ([]diagMessage, error) {
	d.out = d.out[:0]
	first := d.sequence + 1
	for _, addr := range addrs {
		d.sequence++
		d.out = appendLookup(d.out, d.sequence, addr, port)
	}
	if _, err := unix.Write(d.fd, d.out); err != nil {
		return nil, fmt.Errorf("sock_diag: %w", err)
	}
	var messages []diagMessage
	for i := range addrs {
		n, err := unix.Read(d.fd, d.in[:])
		if err != nil {
			return nil, fmt.Errorf("sock_diag: %w", err)
		}
		header, payload, _, err := cutMessage(d.in[:n])
		if err == nil && header.Seq != first+uint32(i) {
			err = errMalformed
		}
		if err == nil && header.Type == unix.NLMSG_ERROR {
			if err = messageError(payload); errors.Is(err, unix.ENOENT) {
				continue // nobody would answer
			}
		}
		if err != nil {
			return nil, fmt.Errorf("sock_diag: %w", err)
		}
		m, err := parseDiag(payload)
		if err != nil {
			return nil, fmt.Errorf("sock_diag: %w", err)
		}
		messages = append(messages, m)
	}
	return messages, nil
}

// openDiag returns a netlink socket that is known to have TCP's tables behind it. A
// kernel without them answers a look-up with ENOENT, just as if nobody listened; a
// dump that matches nothing tells the difference.
func openDiag() (int, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_SOCK_DIAG)
	if outOfDescriptors(err) {
		return 0, fmt.Errorf("sock_diag: no descriptor left: %w", err)
	} else if err != nil {
		return 0, fmt.Errorf("sock_diag: %w: %w", errors.ErrUnsupported, err)
	}
	var in [512]byte
	err = dumpOn(fd, in[:], unix.AF_INET, 0, Pair{}, nil)
	if err != nil {
		_ = unix.Close(fd)
		return 0, fmt.Errorf("sock_diag: %w: %w", errors.ErrUnsupported, err)
	}
	return fd, nil
}

// dump tells found about every TCP socket, of both IP versions, in one of the states
// and with a local port from low to high. It has a socket of its own, so that it holds
// up no look-up.
func dump(states uint32, low, high int, found func(diagMessage)) error {
	fd, err := openDiag()
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	in := make([]byte, 32<<10) // what the kernel fills at once
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		if err := dumpOn(fd, in, family, states, Pair{low, high}, found); err != nil {
			return fmt.Errorf("sock_diag: %w", err)
		}
	}
	return nil
}

// dumpOn makes one dump; limits are the lowest and the highest local port.
func dumpOn(fd int, in []byte, family uint8, states uint32, limits Pair, found func(diagMessage)) error {
	if _, err := unix.Write(fd, appendDump(nil, family, states, limits.HTTP, limits.WebSocket)); err != nil {
		return err
	}
	for {
		n, err := unix.Read(fd, in)
		if err != nil {
			return err
		}
		for rest := in[:n]; len(rest) > 0; {
			var header unix.NlMsghdr
			var payload []byte
			if header, payload, rest, err = cutMessage(rest); err != nil {
				return err
			}
			switch header.Type {
			case unix.NLMSG_DONE:
				return nil
			case unix.NLMSG_ERROR:
				return messageError(payload)
			}
			m, err := parseDiag(payload)
			if err != nil {
				return err
			}
			found(m)
		}
	}
}
