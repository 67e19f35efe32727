package ports

import (
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func descriptorLimit(tb testing.TB) int {
	tb.Helper()
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		tb.Fatal(err)
	}
	return int(limit.Cur)
}

// descriptors counts this process's open files.
func descriptors(tb testing.TB) int {
	tb.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		tb.Skip("cannot count descriptors: ", err)
	}
	return len(entries)
}

// limitDescriptors lets this process open so many more files, until the test ends.
func limitDescriptors(tb testing.TB, more int) {
	tb.Helper()
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
		tb.Fatal(err)
	}
	// The limit is on numbers, so the free ones below the highest count too: fill them.
	file, err := os.Open(os.DevNull)
	if err != nil {
		tb.Fatal(err)
	}
	highest := int(file.Fd())
	file.Close()
	for fd := range highest + 1024 {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil {
			highest = max(highest, fd+1)
		}
	}
	for {
		fd, err := unix.Open(os.DevNull, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			tb.Fatal(err)
		}
		if fd >= highest {
			unix.Close(fd)
			break
		}
		tb.Cleanup(func() { unix.Close(fd) })
	}
	limit := before
	limit.Cur = uint64(highest + more)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
			tb.Error(err)
		}
	})
}

func TestAcquireWithoutDescriptors(t *testing.T) {
	ownNetwork(t)
	// A pair takes four: whichever of them is refused, nothing may be left open.
	for more := range 4 {
		t.Run("", func(t *testing.T) {
			a := NewAllocator(Defaults())
			limitDescriptors(t, more)
			lease, err := a.Acquire(preferred)
			if !errors.Is(err, unix.EMFILE) || !strings.Contains(err.Error(), "RLIMIT_NOFILE is ") {
				t.Errorf("got %v, %v, want EMFILE with the limit named", lease, err)
			}
			if errors.Is(err, ErrExhausted) {
				t.Error("got ErrExhausted: ports are not what is missing")
			}
			for fd := range more { // all of them are still to be had
				opened, err := unix.Open(os.DevNull, unix.O_RDONLY|unix.O_CLOEXEC, 0)
				if err != nil {
					t.Fatalf("after %d descriptors: %v, want %d", fd, err, more)
				}
				defer unix.Close(opened)
			}
		})
	}
}

func TestDescriptorsAreGivenBack(t *testing.T) {
	ownNetwork(t)
	a := NewAllocator(Options{SearchRange: 3, Reserved: []int{8000}})
	if _, _, err := HolderOf(8080); err != nil { // opens what is kept open
		t.Fatal(err)
	}
	if _, err := Listeners(nil, 8080); err != nil {
		t.Fatal(err)
	}
	before := descriptors(t)
	occupy(t, 8079)
	withStranger := descriptors(t)
	var leases []*Lease
	for {
		lease, err := a.Acquire(preferred)
		if errors.Is(err, ErrExhausted) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		leases = append(leases, lease)
	}
	if got, want := descriptors(t), withStranger+4*len(leases); got != want {
		t.Errorf("with %d pairs: got %d descriptors, want %d", len(leases), got, want)
	}
	for _, l := range leases {
		l.Files()
		l.Release()
	}
	if got, want := descriptors(t), withStranger; got != want {
		t.Errorf("after Release: got %d descriptors, want %d", got, want)
	}
	if before >= withStranger {
		t.Error("a listener took no descriptor, so this test cannot tell")
	}
}
