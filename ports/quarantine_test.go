package ports

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestQuarantine(t *testing.T) {
	ownNetwork(t)
	synctest.Test(t, func(t *testing.T) {
		a := NewAllocator(Defaults())
		want := func(step string, pair Pair) *Lease {
			t.Helper()
			lease, err := a.Acquire(preferred)
			if err != nil {
				t.Fatalf("%s: %v", step, err)
			}
			if lease.Pair() != pair {
				t.Fatalf("%s: got %v, want %v", step, lease.Pair(), pair)
			}
			return lease
		}
		want("at first", Pair{8080, 8081}).Release()
		second := want("8080 rests", Pair{8090, 8091})
		time.Sleep(59 * time.Second)
		want("8080 still rests", Pair{8100, 8101}).Release()
		time.Sleep(time.Second)
		first := want("8080 has rested", Pair{8080, 8081})
		second.Release()
		want("8090 and 8100 rest", Pair{8110, 8111}).Release()
		first.Release()
		time.Sleep(time.Minute)
		want("all have rested", Pair{8080, 8081}).Release()
		if got := len(a.rest.queue); got != 2 {
			t.Errorf("the queue keeps %d entries, want the last two", got)
		}
	})
}

func TestQuarantineGivesWay(t *testing.T) {
	ownNetwork(t)
	synctest.Test(t, func(t *testing.T) {
		a := NewAllocator(Options{HTTPFallback: []int{8090}, WebSocketFallback: []int{8091}, Quarantine: time.Hour})
		first, err := a.Acquire(preferred)
		if err != nil {
			t.Fatal(err)
		}
		second, err := a.Acquire(preferred)
		if err != nil {
			t.Fatal(err)
		}
		second.Release()
		time.Sleep(time.Minute)
		first.Release()
		// The second rested longer, though the first is preferred.
		third, err := a.Acquire(preferred)
		if err != nil || third.Pair() != second.Pair() {
			t.Fatalf("got %v, %v, want %v", third.Pair(), err, second.Pair())
		}
		if !a.rest.resting.has(8080) || a.rest.resting.has(8090) {
			t.Error("8080 must still rest, and 8090 no more")
		}
		// Of what rests and what has just failed, the former.
		third.Release()
		fourth, err := a.Acquire(Request{Preferred: preferred.Preferred, Avoid: first.Pair()})
		if err != nil || fourth.Pair() != second.Pair() {
			t.Fatalf("got %v, %v, want %v", fourth.Pair(), err, second.Pair())
		}
		fifth, err := a.Acquire(Request{Preferred: preferred.Preferred, Avoid: first.Pair()})
		if err != nil || fifth.Pair() != first.Pair() {
			t.Fatalf("got %v, %v, want %v", fifth.Pair(), err, first.Pair())
		}
		fourth.Release()
		fifth.Release()
	})
}

func TestNoQuarantine(t *testing.T) {
	ownNetwork(t)
	a := NewAllocator(Options{})
	for range 3 {
		acquire(t, a, preferred).Release()
	}
}
