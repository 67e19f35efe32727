package viewer

import "sync"

// outbox holds what one client has not been sent yet. Pushing never blocks.
type outbox struct {
	ready chan struct{} // holds a token while something is pending

	mu      sync.Mutex
	pending [][]byte
	size    int
	limit   int
}

// overhead is charged for each message, so that a flood of tiny ones has an end too.
const overhead = 64

func newOutbox(limit int) *outbox {
	return &outbox{ready: make(chan struct{}, 1), limit: limit}
}

// push appends m, which must not change any more. It reports false if m does not
// fit; an empty outbox takes anything, for a scene may be larger than the limit.
func (b *outbox) push(m []byte) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.pending) > 0 && b.size+len(m)+overhead > b.limit {
		return false
	}
	b.pending = append(b.pending, m)
	b.size += len(m) + overhead
	b.signal()
	return true
}

// next takes the oldest message; ok is false if there is none.
func (b *outbox) next() (m []byte, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.pending) == 0 {
		return nil, false
	}
	m = b.pending[0]
	b.pending[0] = nil
	b.pending = b.pending[1:]
	b.size -= len(m) + overhead
	if len(b.pending) > 0 {
		b.signal()
	} else {
		b.pending = nil
	}
	return m, true
}

func (b *outbox) signal() {
	select {
	case b.ready <- struct{}{}:
	default:
	}
}
