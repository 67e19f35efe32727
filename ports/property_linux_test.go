package ports

import (
	"errors"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

// Any sequence of acquire, release, and strangers coming and going, under any rules: no
// port in two leases or in other hands, no half pair, never a port that the rules
// forbid, a rested port before a resting one, and a refusal only if there is no pair.
func TestAllocatorProperties(t *testing.T) {
	ownNetwork(t)
	if _, err := Listeners(nil, 1); err != nil { // opens what is kept open
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		near := rapid.SampledFrom([]int{1024, 1030, 8080, 65530, 65535})
		port := rapid.IntRange(-6, 12)
		ports := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) int { return near.Draw(t, "near") + port.Draw(t, "by") }), 0, 4)
		options := Options{
			HTTPFallback:      ports.Draw(t, "http"),
			WebSocketFallback: ports.Draw(t, "webSocket"),
			Reserved:          ports.Draw(t, "reserved"),
			SearchRange:       rapid.IntRange(0, 5).Draw(t, "range"),
		}
		if rapid.Bool().Draw(t, "quarantine") {
			options.Quarantine = time.Hour
		}
		centre := near.Draw(t, "centre")
		a := NewAllocator(options)
		w := world{t: t, a: a, strangers: map[int]int{}, before: openFiles()}
		defer w.end()
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			switch rapid.SampledFrom([]string{"acquire", "acquire", "release", "stranger"}).Draw(t, "step") {
			case "acquire":
				request := Request{Preferred: Pair{centre + port.Draw(t, "http"), centre + port.Draw(t, "webSocket")}}
				if len(w.failed) > 0 && rapid.Bool().Draw(t, "restart") {
					request.Avoid = rapid.SampledFrom(w.failed).Draw(t, "avoid")
				}
				w.acquire(request)
			case "release":
				if len(w.leases) > 0 {
					w.release(rapid.IntRange(0, len(w.leases)-1).Draw(t, "which"))
				}
			case "stranger":
				w.stranger(centre + port.Draw(t, "port"))
			}
			w.check()
		}
	})
}

// world is what a test knows about all ports, kept apart from the Allocator's books.
type world struct {
	t         *rapid.T
	a         *Allocator
	leases    []*Lease
	strangers map[int]int // port to socket
	resting   []int
	failed    []Pair
	before    int
}

func openFiles() int {
	n := 0
	for fd := range 4096 {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil {
			n++
		}
	}
	return n
}

func (w *world) check() {
	w.t.Helper()
	if got, want := openFiles(), w.before+4*len(w.leases)+len(w.strangers); got != want {
		w.t.Fatalf("got %d descriptors, want %d: half a pair is left or lost", got, want)
	}
	taken := map[int]bool{}
	for _, l := range w.leases {
		for _, port := range []int{l.Pair().HTTP, l.Pair().WebSocket} {
			if taken[port] || w.strangers[port] != 0 || port < 1024 || port > 65535 || slices.Contains(w.a.options.Reserved, port) {
				w.t.Fatalf("port %d of %v: leased twice, a stranger's, or forbidden", port, l.Pair())
			}
			taken[port] = true
		}
	}
	if got := len(w.a.Leases()); got != len(w.leases) {
		w.t.Fatalf("got %d leases, want %d", got, len(w.leases))
	}
}

// possible lists the free ports that the rules allow on one side.
func (w *world) possible(preferred int, fallback []int, refused []int) map[int]bool {
	ports := map[int]bool{}
	add := func(port int) {
		free := port >= 1024 && port <= 65535 && w.strangers[port] == 0 &&
			!slices.Contains(w.a.options.Reserved, port) && !slices.Contains(refused, port)
		for _, l := range w.leases {
			free = free && l.pair.HTTP != port && l.pair.WebSocket != port
		}
		if free {
			ports[port] = true
		}
	}
	for _, port := range fallback {
		add(port)
	}
	if preferred >= 1024 && preferred <= 65535 {
		for d := range w.a.options.SearchRange + 1 {
			add(preferred + d)
			add(preferred - d)
		}
	}
	return ports
}

// feasible tells whether the rules leave any pair without the refused ports. The mix of
// a list entry with a port of the range is not among the rules.
func (w *world) feasible(request Request, refused []int) bool {
	any := func(https, webSockets map[int]bool) bool {
		for h := range https {
			for s := range webSockets {
				if h != s {
					return true
				}
			}
		}
		return false
	}
	o := w.a.options
	lists := any(w.possible(0, o.HTTPFallback, refused), w.possible(0, o.WebSocketFallback, refused))
	around := any(w.possible(request.Preferred.HTTP, nil, refused), w.possible(request.Preferred.WebSocket, nil, refused))
	return lists || around
}

func (w *world) acquire(request Request) {
	w.t.Helper()
	avoid := []int{request.Avoid.HTTP, request.Avoid.WebSocket}
	rested := w.feasible(request, slices.Concat(w.resting, avoid))
	other := w.feasible(request, avoid)
	any := w.feasible(request, nil)

	lease, err := w.a.Acquire(request)
	if (err == nil) != any || err != nil && !errors.Is(err, ErrExhausted) {
		w.t.Fatalf("%v: got %v, %v, but a pair exists: %t", request.Preferred, lease, err, any)
	}
	if err != nil {
		return
	}
	pair := []int{lease.pair.HTTP, lease.pair.WebSocket}
	for _, port := range pair {
		if rested && slices.Contains(w.resting, port) {
			w.t.Fatalf("got %v: %d rests, and others do not", pair, port)
		}
		if other && slices.Contains(avoid, port) {
			w.t.Fatalf("got %v: %d was to be avoided, and others not", pair, port)
		}
	}
	w.resting = slices.DeleteFunc(w.resting, func(port int) bool { return slices.Contains(pair, port) })
	w.leases = append(w.leases, lease)
}

func (w *world) release(i int) {
	lease := w.leases[i]
	w.leases = slices.Delete(w.leases, i, i+1)
	lease.Release()
	w.failed = append(w.failed, lease.pair)
	if w.a.options.Quarantine > 0 {
		w.resting = append(w.resting, lease.pair.HTTP, lease.pair.WebSocket)
	}
}

// stranger has a port bound by a program that is none of ours, or ends that program.
func (w *world) stranger(port int) {
	if fd := w.strangers[port]; fd != 0 {
		unix.Close(fd)
		delete(w.strangers, port)
		return
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	if port < 1 || port > 65535 || unix.Bind(fd, &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}) != nil {
		unix.Close(fd) // leased: a stranger does not get it
		return
	}
	w.strangers[port] = fd
}

func (w *world) end() {
	for len(w.leases) > 0 {
		w.release(0)
	}
	for _, fd := range w.strangers {
		unix.Close(fd)
	}
}
