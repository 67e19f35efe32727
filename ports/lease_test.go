package ports

import (
	"errors"
	"os"
	"sync"
	"testing"
)

func TestReleaseOnce(t *testing.T) {
	ownNetwork(t)
	a := NewAllocator(Options{})
	lease := acquire(t, a, preferred)
	var wg sync.WaitGroup
	start := make(chan struct{})
	for range 8 {
		wg.Go(func() {
			<-start
			lease.Release()
			if !a.Available(8080) || !a.Available(8081) {
				t.Error("a port is not free when Release returns")
			}
		})
	}
	close(start)
	wg.Wait()

	// A late second call must not take the pair from its next owner.
	next := acquire(t, a, preferred)
	lease.Release()
	if got := a.Leases(); len(got) != 1 || got[0] != next {
		t.Errorf("got leases %v, want the second one only", got)
	}
	if a.Available(8080) {
		t.Error("the second owner's port became free")
	}
}

func TestReleasedLease(t *testing.T) {
	ownNetwork(t)
	lease := acquire(t, NewAllocator(Defaults()), Request{Preferred: Pair{8080, 8081}, Owner: "studio/viewer-1"})
	lease.Release()
	if got, want := lease.Pair().String(), "8080/8081"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := lease.Owner(), "studio/viewer-1"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if err := lease.Share(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Share: got %v, want os.ErrClosed", err)
	}
	if err := lease.Exclusive(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Exclusive: got %v, want os.ErrClosed", err)
	}
	if files := lease.Files(); files != nil {
		t.Errorf("Files: got %v, want nil", files)
	}
}

// One lease used from everywhere at once: for the race detector.
func TestLeaseConcurrently(t *testing.T) {
	ownNetwork(t)
	a := NewAllocator(Defaults())
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 25 {
				lease, err := a.Acquire(preferred)
				if err != nil {
					t.Error(err)
					return
				}
				var uses sync.WaitGroup
				for _, use := range []func(){
					func() { _ = lease.Share() }, func() { _ = lease.Exclusive() }, func() { lease.Files() },
					func() { a.Leases() }, func() { a.Available(8080) }, lease.Release, lease.Release,
				} {
					uses.Go(use)
				}
				uses.Wait()
			}
		})
	}
	wg.Wait()
	if got := len(a.Leases()); got != 0 {
		t.Errorf("got %d leases left, want none", got)
	}
}

func TestFiles(t *testing.T) {
	ownNetwork(t)
	lease := acquire(t, NewAllocator(Defaults()), preferred)
	files := lease.Files()
	if lease.Hold() == "probe" {
		if files != nil {
			t.Errorf("got %v, want nil for a probe", files)
		}
		return
	}
	again := lease.Files()
	if len(files) != 2 || len(again) != 2 || files[0] != again[0] || files[1] != again[1] {
		t.Errorf("got %v and then %v, want the same two files", files, again)
	}
}

// Where there are no guards, the books of one Allocator and the kernel's refusals still
// keep pairs apart.
func TestProbe(t *testing.T) {
	ownNetwork(t)
	a := NewAllocator(Defaults())
	a.newClaimer = func() claimer { return &probeClaimer{} }
	occupy(t, 8080)
	first := acquire(t, a, preferred)
	if got, want := first.Pair(), (Pair{8090, 8091}); got != want {
		t.Errorf("next to a stranger: got %v, want %v", got, want)
	}
	if got, want := first.Hold(), "probe"; got != want {
		t.Errorf("Hold: got %q, want %q", got, want)
	}
	if err := errors.Join(first.Share(), first.Exclusive()); err != nil {
		t.Error(err)
	}
	if files := first.Files(); files != nil {
		t.Errorf("Files: got %v, want nil", files)
	}
	if got, want := acquire(t, a, preferred).Pair(), (Pair{8100, 8101}); got != want {
		t.Errorf("second: got %v, want %v", got, want)
	}
	occupy(t, 8090) // nothing holds a probed port, so a child may have it
	first.Release()
	if got, want := acquire(t, a, preferred).Pair(), (Pair{8110, 8111}); got != want {
		t.Errorf("third: got %v, want %v", got, want)
	}
}
