package control

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// StoppedError is a supervisor that does not answer because its process is stopped,
// as by Ctrl-Z. It is noticed on Linux only; an order is not given then.
type StoppedError struct{ PID int }

func (e *StoppedError) Error() string {
	return fmt.Sprintf("the supervisor does not answer: pid %d is stopped", e.PID)
}

// Hint returns the way out.
func (e *StoppedError) Hint() string {
	return fmt.Sprintf("fg in its terminal, or kill -CONT %d", e.PID)
}

// patience is how long a supervisor may take for an answer until its process is
// looked at, and then again and again.
const patience = time.Second

// attend returns a context for one answer of the supervisor. Its end has a
// [StoppedError] as its cause if the process is found stopped before done is called.
func (c *Client) attend(ctx context.Context) (_ context.Context, done func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		look := time.NewTicker(patience)
		defer look.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-look.C:
			}
			if pid := int(c.pid.Load()); isStopped(pid) {
				cancel(&StoppedError{PID: pid})
				return
			}
		}
	})
	return ctx, func() {
		cancel(nil)
		wg.Wait()
	}
}
