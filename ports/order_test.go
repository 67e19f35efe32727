package ports

import (
	"errors"
	"net"
	"testing"
)

func TestAcquireOrder(t *testing.T) {
	ownNetwork(t)
	fallback := []int{8080, 8081, 8090, 8091, 8100, 8101, 8110, 8111, 8120, 8121}
	tests := []struct {
		name   string
		busy   []int
		http   int // preferred; 0: 8080
		ws     int
		avoid  Pair
		change func(*Options)
		want   Pair
	}{
		{name: "preferred", want: Pair{8080, 8081}},
		{name: "preferred elsewhere", http: 9080, ws: 9081, want: Pair{9080, 9081}},
		{name: "preferred far apart", http: 20000, ws: 10000, want: Pair{20000, 10000}},
		{name: "both taken", busy: []int{8080, 8081}, want: Pair{8090, 8091}},
		{name: "HTTP taken", busy: []int{8080}, want: Pair{8090, 8091}},
		{name: "WebSocket taken, HTTP free", busy: []int{8081}, want: Pair{8090, 8091}},
		{name: "second of the lists half taken", busy: []int{8080, 8091}, want: Pair{8100, 8101}},
		{name: "last of the lists", busy: fallback[:8], want: Pair{8120, 8121}},
		{name: "lists before the range", http: 9080, ws: 9081, busy: []int{9080}, want: Pair{8080, 8081}},
		{name: "mix of the lists", busy: []int{8080, 8091, 8101, 8111, 8121}, want: Pair{8090, 8081}},
		{name: "mix starts with the first HTTP", busy: []int{8081, 8090, 8100, 8110, 8120}, want: Pair{8080, 8091}},
		{name: "range, upwards first", busy: fallback, want: Pair{8079, 8082}},
		{name: "range above", busy: append([]int{8079}, fallback...), want: Pair{8082, 8083}},
		{name: "range keeps the free preferred HTTP", busy: fallback[1:], change: func(o *Options) {
			o.HTTPFallback, o.WebSocketFallback = nil, nil
		}, want: Pair{8080, 8082}},
		{name: "each side near its own preference", http: 20000, ws: 30000, busy: append([]int{20000, 30000}, fallback...),
			want: Pair{20001, 30001}},
		{name: "lists of different lengths", busy: []int{8080}, change: func(o *Options) {
			o.HTTPFallback, o.WebSocketFallback = []int{8090}, []int{8090, 8095}
		}, want: Pair{8090, 8095}},
		{name: "same number preferred for both", http: 8085, ws: 8085, want: Pair{8080, 8081}},
		{name: "reserved preference", change: func(o *Options) { o.Reserved = append(o.Reserved, 8081) }, want: Pair{8090, 8091}},
		{name: "reserved in the range", busy: fallback, change: func(o *Options) {
			o.Reserved = append(o.Reserved, 8079, 8082)
		}, want: Pair{8078, 8083}},
		{name: "system ports", http: 80, ws: 81, want: Pair{8080, 8081}},
		{name: "range ends at 1024", http: 1024, ws: 1025, busy: append([]int{1024, 1025}, fallback...), want: Pair{1026, 1027}},
		{name: "range ends at 65535", http: 65535, ws: 65534, busy: append([]int{65534, 65535}, fallback...),
			want: Pair{65533, 65532}},
		{name: "no such port", http: 70000, ws: -1, want: Pair{8080, 8081}},
		{name: "avoid", avoid: Pair{8080, 8081}, want: Pair{8090, 8091}},
		{name: "avoid half, when little is left", avoid: Pair{8080, 8081}, change: func(o *Options) {
			o.HTTPFallback, o.WebSocketFallback, o.SearchRange = []int{8080}, []int{8090}, 0
		}, want: Pair{8080, 8090}},
		{name: "avoid nothing, when nothing else is left", avoid: Pair{8080, 8081}, change: func(o *Options) {
			*o = Options{}
		}, want: Pair{8080, 8081}},
		{name: "last free number fits one side only", http: 9000, ws: 9002, busy: []int{9003}, change: func(o *Options) {
			*o = Options{SearchRange: 1, Reserved: []int{9000, 9002}}
		}, want: Pair{8999, 9001}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			options := Defaults()
			if test.change != nil {
				test.change(&options)
			}
			if test.http == 0 {
				test.http, test.ws = 8080, 8081
			}
			occupy(t, test.busy...)
			lease := acquire(t, NewAllocator(options), Request{Preferred: Pair{test.http, test.ws}, Avoid: test.avoid})
			if got := lease.Pair(); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestAcquireTakesWhatCameFree(t *testing.T) {
	ownNetwork(t)
	a := NewAllocator(Defaults())
	stranger := occupy(t, 8080)[0]
	if got, want := acquire(t, a, preferred).Pair(), (Pair{8090, 8091}); got != want {
		t.Fatalf("got %v, want %v", got, want)
	}
	stranger.Close()
	if got, want := acquire(t, a, preferred).Pair(), (Pair{8080, 8081}); got != want {
		t.Errorf("after the stranger left: got %v, want %v", got, want)
	}
}

// A port that was busy a moment ago is not tried again in the range, but it must be
// before anything else gives way.
func TestAcquireLooksAgainBeforeFailing(t *testing.T) {
	ownNetwork(t)
	a := NewAllocator(Options{SearchRange: 2})
	strangers := occupy(t, 8078, 8079, 8082)
	acquire(t, a, preferred)
	if _, err := a.Acquire(preferred); !errors.Is(err, ErrExhausted) {
		t.Fatalf("got %v, want ErrExhausted", err)
	}
	for _, l := range strangers {
		l.Close()
	}
	if got, want := acquire(t, a, preferred).Pair(), (Pair{8079, 8082}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestFind(t *testing.T) {
	ownNetwork(t)
	a := NewAllocator(Defaults())
	find := func(near, want int) {
		t.Helper()
		if got, err := a.Find(near); err != nil || got != want {
			t.Errorf("Find(%d): got %d, %v, want %d", near, got, err, want)
		}
	}
	find(8080, 8080)
	find(9080, 9080)
	find(80, 8080)
	acquire(t, a, preferred)
	find(8080, 8090)
	occupy(t, 8090, 8100, 8110, 8120)
	find(8080, 8079)
	find(9000, 9001)

	narrow := NewAllocator(Options{})
	occupy(t, 8085)
	if port, err := narrow.Find(8085); port != 0 || !errors.Is(err, ErrExhausted) {
		t.Errorf("got %d, %v, want 0 and ErrExhausted", port, err)
	}
}

func TestAvailable(t *testing.T) {
	ownNetwork(t)
	a := NewAllocator(Defaults())
	occupy(t, 8085)
	other, err := net.Listen("tcp", "127.0.0.2:8086")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	lease := acquire(t, a, preferred)
	for port, want := range map[int]bool{
		8090: true, 8080: false, 8081: false, 8085: false, 8086: false, 8000: false, 80: false, 0: false, -1: false, 65536 + 8090: false,
	} {
		if got := a.Available(port); got != want {
			t.Errorf("Available(%d): got %t, want %t", port, got, want)
		}
	}
	lease.Release()
	if !a.Available(8080) {
		t.Error("Available(8080) after Release: got false, want true")
	}
}

func TestCapacity(t *testing.T) {
	tests := []struct {
		name      string
		options   Options
		preferred []Pair
		want      int
	}{
		{"defaults", Defaults(), []Pair{{8080, 8081}}, 100},
		{"wider", Options{SearchRange: 400}, []Pair{{8080, 8081}}, 401},
		{"preferred only", Options{}, []Pair{{8080, 8081}}, 1},
		{"same number twice", Options{}, []Pair{{8080, 8080}}, 0},
		{"two places", Options{}, []Pair{{8080, 8081}, {9080, 9081}}, 2},
		{"far apart", Options{SearchRange: 10}, []Pair{{20000, 30000}}, 21},
		{"at the edge", Options{SearchRange: 10}, []Pair{{1024, 65535}}, 11},
		{"lists", Options{HTTPFallback: []int{1, 2000, 3000}, WebSocketFallback: []int{2001, 2002}, Reserved: []int{3000}}, []Pair{{80, 81}}, 1},
		{"nobody", Defaults(), nil, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := NewAllocator(test.options).Capacity(test.preferred); got != test.want {
				t.Errorf("got %d, want %d", got, test.want)
			}
		})
	}
}

// The default rules hold exactly as many pairs as Capacity says, and every one is used.
func TestAcquireToCapacity(t *testing.T) {
	ownNetwork(t)
	a := NewAllocator(Defaults())
	seen := map[int]bool{}
	for range a.Capacity([]Pair{preferred.Preferred}) {
		pair := acquire(t, a, preferred).Pair()
		for _, port := range []int{pair.HTTP, pair.WebSocket} {
			if seen[port] || port < 7980 || port > 8181 || port == 8000 {
				t.Fatalf("port %d of %v: seen before, reserved, or out of range", port, pair)
			}
			seen[port] = true
		}
	}
	if got, want := len(a.Leases()), 100; got != want {
		t.Errorf("got %d leases, want %d", got, want)
	}
	if _, err := a.Acquire(preferred); !errors.Is(err, ErrExhausted) {
		t.Errorf("one more: got %v, want ErrExhausted", err)
	}
}
