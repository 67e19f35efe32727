package ports

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// WaitFree returns when an exclusive bind of port would succeed: no socket is bound to
// it, no supervisor has leased it, and no old connection lingers on it. The kernel tells
// nobody when a port comes free, so it asks, every millisecond at first and ten times a
// second later. When ctx ends first the error is ctx's, with the port.
func WaitFree(ctx context.Context, port int) error {
	if port < 1 || port > highest {
		return fmt.Errorf("port %d: outside 1 to %d", port, highest)
	}
	const longest = 100 * time.Millisecond
	for wait := time.Millisecond; ; wait = min(wait*3/2, longest) {
		err := probe(newClaimer(), port)
		if !errors.Is(err, errBusy) {
			return err
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("port %d is still in use: %w", port, ctx.Err())
		case <-timer.C:
		}
	}
}
