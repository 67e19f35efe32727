package instance

import "sync"

// orders is what people want of an instance: whether it is wanted at all, and
// whether its next child is asked for now. Wanting is apart from being: an order
// changes what is wanted, and only the life loop changes what is.
type orders struct {
	mu   sync.Mutex
	want bool
	now  bool   // a start or restart was asked and no child has begun since
	anew bool   // the child that runs must make place for another one
	why  string // who asked for what, last

	changed chan struct{} // holds one token after a change
	killed  chan struct{} // closed by a kill, and another one for the next child
}

func newOrders() orders {
	return orders{want: true, changed: make(chan struct{}, 1), killed: make(chan struct{})}
}

func (o *orders) start(why string) {
	o.give(func() { o.want, o.now, o.why = true, true, why })
}

func (o *orders) stop(why string) {
	o.give(func() { o.want, o.now, o.anew, o.why = false, false, false, why })
}

func (o *orders) restart(why string) {
	o.give(func() { o.want, o.now, o.anew, o.why = true, true, true, why })
}

func (o *orders) kill(why string) {
	o.give(func() {
		o.want, o.now, o.anew, o.why = false, false, false, why
		if !o.isKilled() {
			close(o.killed)
		}
	})
}

func (o *orders) isKilled() bool {
	select {
	case <-o.killed:
		return true
	default:
		return false
	}
}

// kills returns a channel that is closed when the present child is to be killed.
func (o *orders) kills() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.killed
}

func (o *orders) give(f func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	f()
	select {
	case o.changed <- struct{}{}:
	default:
	}
}

// begin says whether a child is wanted, and whether a person asked for it. The
// child that begins now is the one that was asked for.
func (o *orders) begin() (wanted, asked bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	asked = o.now
	if o.want {
		o.now, o.anew = false, false
		if o.isKilled() {
			o.killed = make(chan struct{})
		}
	}
	return o.want, asked
}

// reason returns who asked for what, last.
func (o *orders) reason() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.why
}

// pending says the same without taking the order.
func (o *orders) pending() (wanted, asked bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.want, o.now
}

// leave says whether the child that runs must end, and why.
func (o *orders) leave() (why string, leave bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.want && !o.anew {
		o.now = false // a start of what runs already is done
		return "", false
	}
	return o.why, true
}

// done records that the instance stopped by itself: only a new order starts it.
func (o *orders) done() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.now {
		o.want = false
	}
}
