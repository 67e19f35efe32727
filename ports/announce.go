package ports

import (
	"context"
	"fmt"
	"log/slog"
)

// identity tells holders of one port apart without asking for their names: the inode of
// the socket that listens, 0 if none does or nobody can tell.
type identity uint64

// announce logs how a lease came about. Who holds a preferred port is looked up and said
// once per holder: the look-up takes milliseconds, and a fleet of a hundred would
// repeat the same line a hundred times.
func (a *Allocator) announce(lease *Lease, preferred Pair, held []int) {
	if !a.log.Enabled(context.Background(), slog.LevelWarn) {
		return
	}
	for _, port := range held {
		if !a.news(port) {
			continue
		}
		found := lease.pair.HTTP
		if port != preferred.HTTP {
			found = lease.pair.WebSocket
		}
		name := "unknown"
		if holder, ok, err := HolderOf(port); err == nil && ok {
			name = holder.String()
		}
		a.log.Warn(fmt.Sprintf("Preferred port %d is in use, searching for alternative", port), "holder", name)
		a.log.Info(fmt.Sprintf("Found available port %d", found))
	}
	a.log.Info(fmt.Sprintf("Allocated port pair: HTTP=%d, WebSocket=%d", lease.pair.HTTP, lease.pair.WebSocket),
		"for", lease.owner)
}

// news tells whether the holder of a port has changed since it was last reported.
func (a *Allocator) news(port int) bool {
	var who identity
	if sockets, err := Listeners(nil, port); err == nil && len(sockets) > 0 {
		who = identity(sockets[0].Inode)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	last, told := a.told[port]
	a.told[port] = who
	return !told || last != who
}
