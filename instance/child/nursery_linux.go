package child

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// pollEvery is used where the kernel does not hand us orphans and so does not tell
	// us about their deaths either.
	pollEvery = 20 * time.Millisecond
	// claimTime is how long a zombie may lie before it is taken for nobody's.
	claimTime = 10 * time.Second
)

// Nursery is this process's care for its children: subreaper, owner of SIGCHLD, and
// reaper of what the trees leave behind. There is one per process.
type Nursery struct {
	log       *slog.Logger
	null      *os.File
	pid       int
	subreaper bool          // orphans come to us
	pidfds    bool          // leaders are watched one by one; otherwise at each SIGCHLD
	restore   bool          // subreaper was off before Open
	patience  time.Duration // claimTime but for tests

	deaths   chan os.Signal // SIGCHLD
	defaults chan os.Signal // never read; see resetIgnored
	wake     chan struct{}
	done     chan struct{}
	closing  sync.Once
	loop     sync.WaitGroup

	// mu makes signalling and reaping exclude each other: whoever holds it knows that
	// no child of ours is reaped, so its pid cannot be reused.
	mu        sync.Mutex
	leaders   map[int]*Child
	strays    map[int]*stray
	nobodys   map[int]uint64    // told about once; start time by pid
	unclaimed map[int]time.Time // zombies that may be somebody else's, when first seen
	starting  int               // children that may exist but are not booked yet
	undecided bool              // one of those may have been among the strays
}

// Open makes this process the subreaper of its descendants and starts to look after
// them. The error is about resources; where the kernel refuses the subreaper, it is
// logged and the tree is followed by polling.
func Open(log *slog.Logger) (*Nursery, error) {
	return open(log, true, true)
}

func open(log *slog.Logger, subreaper, pidfds bool) (*Nursery, error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("nursery: %w", err)
	}
	n := &Nursery{
		log:       log,
		null:      null,
		pid:       os.Getpid(),
		pidfds:    pidfds,
		patience:  claimTime,
		deaths:    make(chan os.Signal, 1),
		defaults:  make(chan os.Signal, 1),
		wake:      make(chan struct{}, 1),
		done:      make(chan struct{}),
		leaders:   make(map[int]*Child),
		strays:    make(map[int]*stray),
		nobodys:   make(map[int]uint64),
		unclaimed: make(map[int]time.Time),
	}
	if subreaper {
		n.becomeSubreaper()
	}
	keepDescriptors()
	n.resetIgnored()
	signal.Notify(n.deaths, unix.SIGCHLD)
	n.loop.Go(n.run)
	return n, nil
}

func (n *Nursery) becomeSubreaper() {
	if n.pid == 1 {
		n.subreaper = true // of everything, by birth
		return
	}
	var was int32
	_, _, errno := unix.Syscall(unix.SYS_PRCTL, unix.PR_GET_CHILD_SUBREAPER, uintptr(unsafe.Pointer(&was)), 0)
	if errno == 0 && was != 0 {
		n.subreaper = true
		return
	}
	err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
	n.restore = err == nil
	n.subreaper = err == nil
	if err != nil {
		n.log.Warn("child subreaper refused, daemons of children will be lost sight of", "error", err)
	}
}

// keepDescriptors marks what this process was given by its starter close-on-exec, like all
// that it opens itself. Otherwise it would leak into every child.
func keepDescriptors() {
	if unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC) == nil {
		return
	}
	for _, fd := range readNumbers("/proc/self/fd") {
		if fd > 2 {
			unix.CloseOnExec(fd)
		}
	}
}

// resetIgnored takes over the signals that this process ignores, as nohup and shells
// make it do. Ignoring is inherited over exec while handling is not; so a handler that
// does nothing is the same for us, and gives children the default again.
func (n *Nursery) resetIgnored() {
	for _, sig := range []os.Signal{unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGUSR1, unix.SIGUSR2} {
		if signal.Ignored(sig) {
			signal.Notify(n.defaults, sig)
		}
	}
}

// Close stops looking after children and returns when nothing of the nursery runs any
// more. Those that still live are left alone; their channels are never closed.
func (n *Nursery) Close() {
	n.closing.Do(func() {
		signal.Stop(n.deaths)
		signal.Stop(n.defaults)
		close(n.done)
		n.loop.Wait()

		n.mu.Lock()
		var watchers []*Child
		for _, c := range n.leaders {
			if c.pidfd != nil {
				c.pidfd.Close()
				watchers = append(watchers, c)
			}
		}
		n.mu.Unlock()
		for _, c := range watchers {
			c.watcher.Wait()
		}
		if n.restore {
			unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
		}
		n.null.Close()
	})
}

func (n *Nursery) run() {
	again := time.NewTimer(time.Hour)
	defer again.Stop()
	for {
		select {
		case <-n.deaths:
		case <-n.wake:
		case <-again.C:
		case <-n.done:
			return
		}
		if after := n.settle(); after > 0 {
			again.Reset(after)
		} else {
			again.Stop()
		}
	}
}

// stir makes the loop look at everything once more.
func (n *Nursery) stir() {
	select {
	case n.wake <- struct{}{}:
	default: // it is going to look anyway
	}
}

// settle brings the books up to date after any event: dead strays are reaped, trees
// that are being killed get another round, empty ones are closed. The result is the
// time after which it has to be called without an event; 0 is never.
func (n *Nursery) settle() time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.pidfds {
		n.peekLeaders()
	}
	n.gather()
	var poll bool
	var over []*Child
	for _, c := range n.leaders {
		if c.killing {
			n.killRound(c)
		}
		switch {
		case !c.ended:
		case n.empty(c):
			over = append(over, c)
		default:
			poll = true
		}
	}
	if len(over) > 0 {
		n.gather() // the kernel's list of children may skip one while others leave it
	}
	for _, c := range over {
		if n.empty(c) && !n.undecided {
			n.bury(c)
		}
	}
	switch {
	case poll && !n.subreaper:
		return pollEvery
	case len(n.unclaimed) > 0:
		return n.patience
	}
	return 0
}

// bury reaps the leader of an empty tree.
func (n *Nursery) bury(c *Child) {
	if err := waitid(unix.P_PID, c.pid, nil, unix.WEXITED|unix.WNOHANG); err != nil && !errors.Is(err, syscall.ECHILD) {
		n.log.Error("leader not reaped", "pid", c.pid, "error", err)
	}
	delete(n.leaders, c.pid)
	c.reaped = true
	c.watcher.Wait() // it had the lock before us and is on its way out
	if c.pidfd != nil {
		c.pidfd.Close()
	}
	close(c.gone)
}
