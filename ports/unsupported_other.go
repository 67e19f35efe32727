//go:build !linux

package ports

import (
	"errors"
	"fmt"
	"net/netip"
)

// errNoTables is the answer where the kernel's socket tables cannot be asked.
var errNoTables = fmt.Errorf("socket tables: %w", errors.ErrUnsupported)

func holderOf(int) (Holder, bool, error) { return Holder{}, false, errNoTables }

func (s Socket) holder(port int) Holder {
	return Holder{Port: port, UID: s.UID, User: userName(s.UID), State: Listening}
}

func listeners([]netip.Addr, int) ([]Socket, error) { return nil, errNoTables }

func established([]int) (map[int]int, error) { return nil, errNoTables }

func listenPorts(map[uint64]bool) (map[uint64]int, error) { return nil, errNoTables }
