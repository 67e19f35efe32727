package ports

import (
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"
)

func BenchmarkAcquireRelease(b *testing.B) {
	ownNetwork(b)
	a := NewAllocator(Defaults())
	b.ReportAllocs()
	for b.Loop() {
		lease, err := a.Acquire(preferred)
		if err != nil {
			b.Fatal(err)
		}
		lease.Release()
	}
}

func BenchmarkAcquire(b *testing.B) {
	ownNetwork(b)
	a := NewAllocator(Options{SearchRange: 30000})
	const batch = 1000
	leases := make([]*Lease, 0, batch)
	b.ReportAllocs()
	for b.Loop() {
		if len(leases) == batch {
			b.StopTimer()
			for _, l := range leases {
				l.Release()
			}
			leases = leases[:0]
			b.StartTimer()
		}
		lease, err := a.Acquire(Request{Preferred: Pair{30000, 30001}})
		if err != nil {
			b.Fatal(err)
		}
		leases = append(leases, lease)
	}
	for _, l := range leases {
		l.Release()
	}
}

func BenchmarkShareExclusive(b *testing.B) {
	ownNetwork(b)
	lease := acquire(b, NewAllocator(Defaults()), preferred)
	b.ReportAllocs()
	for b.Loop() {
		if err := errors.Join(lease.Share(), lease.Exclusive()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkManyPairs leases as many pairs as the descriptor limit allows, at most
// 10,000, next to a thousand ports that strangers hold.
func BenchmarkManyPairs(b *testing.B) {
	for _, strangers := range []int{0, 1000} {
		b.Run("strangers="+strconv.Itoa(strangers), func(b *testing.B) {
			ownNetwork(b)
			others := NewAllocator(Options{SearchRange: 30000})
			for range strangers / 2 {
				acquire(b, others, Request{Preferred: Pair{20000, 20001}})
			}
			pairs := min(10000, (descriptorLimit(b)-200)/4-strangers/2)
			for b.Loop() {
				a := NewAllocator(Options{SearchRange: 40000, Quarantine: time.Minute})
				leases := make([]*Lease, 0, pairs)
				for range pairs {
					lease, err := a.Acquire(Request{Preferred: Pair{20000, 20001}})
					if err != nil {
						b.Fatal(err)
					}
					leases = append(leases, lease)
				}
				b.StopTimer()
				for _, l := range leases {
					l.Release()
				}
				b.StartTimer()
			}
			b.ReportMetric(float64(pairs), "pairs")
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*pairs), "µs/pair")
		})
	}
}

// BenchmarkContention has several supervisors, each with an Allocator of its own, fight
// for the same ports.
func BenchmarkContention(b *testing.B) {
	ownNetwork(b)
	const supervisors = 8
	b.ReportAllocs()
	b.ResetTimer()
	var wg sync.WaitGroup
	for range supervisors {
		wg.Go(func() {
			a := NewAllocator(Defaults())
			for range b.N / supervisors {
				lease, err := a.Acquire(preferred)
				if err != nil {
					b.Error(err)
					return
				}
				lease.Release()
			}
		})
	}
	wg.Wait()
}

func BenchmarkListeners(b *testing.B) {
	ownNetwork(b)
	occupy(b, 8085)
	for _, port := range []int{8085, 8086} {
		b.Run(map[int]string{8085: "busy", 8086: "free"}[port], func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Listeners(nil, port); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkEstablished(b *testing.B) {
	ownNetwork(b)
	occupy(b, 8085)
	for b.Loop() {
		if _, err := Established([]int{8080, 8085}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHolderOf(b *testing.B) {
	ownNetwork(b)
	occupy(b, 8085)
	for b.Loop() {
		if _, ok, err := HolderOf(8085); err != nil || !ok {
			b.Fatal(ok, err)
		}
	}
}
