package instance

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/miktos/miktosctl/instance/child"
	"github.com/miktos/miktosctl/instance/output"
	"github.com/miktos/miktosctl/ports"
)

// Host is what the instances of one process share.
type Host struct {
	Ports    *ports.Allocator
	Nursery  *child.Nursery
	Programs *Programs
	Slots    chan struct{} // a token for each child that may be starting; nil: no limit
	Changed  func(Change)  // called in order for each instance; must not block; may be nil
	Log      *slog.Logger
}

// Change is one step in an instance's life.
type Change struct {
	From   State
	Class  Class // why, where the step is a failure's
	Status Status
}

// Instance is one place in a fleet, kept filled by [Instance.Run]. All methods may
// be called concurrently.
type Instance struct {
	spec    Spec
	host    Host
	outside outside
	output  *output.Log
	orders  orders

	// Of Run's goroutine alone.
	kept       lease // for the next child: taken by the planner, or kept from the last one
	last       ports.Pair
	generation int

	// What the child's output says about its ports while it starts.
	starting atomic.Bool
	watched  atomic.Pointer[ports.Pair] // of that child
	claim    atomic.Pointer[claim]      // the first line that says a port is taken
	noticed  chan *claim                // the same, for the life to hear of it

	probing atomic.Int32

	mu     sync.Mutex
	status Status
	proc   process // the child of the moment, nil between two
	usage  usage
}

// New returns an instance that has not begun; [Instance.Run] begins. A lease, where
// the caller has taken one already, is used for the first child, and is the
// instance's to release from here on, also when New returns an error.
func New(spec Spec, first *ports.Lease, host Host) (*Instance, error) {
	m := &machine{host: host, spec: spec}
	i := newInstance(spec, m, host)
	m.probing = &i.probing
	if first != nil {
		i.kept = first
	}
	log, err := output.Open(output.Options{
		Path:    spec.Log.Path,
		MaxSize: spec.Log.MaxSize,
		Keep:    spec.Log.Keep,
		Format:  spec.Log.Format,
		OnLine:  i.line,
		OnFault: i.logFault,
	})
	if err != nil {
		if first != nil {
			first.Release()
		}
		return nil, fmt.Errorf("%s: %w", spec.ID, err)
	}
	i.output = log
	return i, nil
}

func newInstance(spec Spec, o outside, host Host) *Instance {
	return &Instance{
		spec:    spec,
		host:    host,
		outside: o,
		orders:  newOrders(),
		noticed: make(chan *claim, 1),
		status:  Status{ID: spec.ID, Index: spec.Index, State: Pending},
	}
}

// Discard gives back what New took, for an instance that is not to Run.
func (i *Instance) Discard() { i.close() }

// ID returns the instance's name.
func (i *Instance) ID() string { return i.spec.ID }

// Output returns what the instance's children printed.
func (i *Instance) Output() *output.Log { return i.output }

// Start asks for a child where none runs: at once, whatever the row of failures.
// Why names who asks, for the status and the log.
func (i *Instance) Start(why string) { i.orders.start(why) }

// Stop asks for the child's end. It wins over every wait.
func (i *Instance) Stop(why string) { i.orders.stop(why) }

// Restart asks for another child, on a fresh pair, at once.
func (i *Instance) Restart(why string) { i.orders.restart(why) }

// Kill asks for the child's end without a grace period, or ends the one that runs.
func (i *Instance) Kill(why string) { i.orders.kill(why) }

// Status returns what is published now. Its CPUPercent and RSSBytes are those of
// the last [Instance.Measure]; Clients is left at 0.
func (i *Instance) Status() Status {
	i.mu.Lock()
	defer i.mu.Unlock()
	s := i.status
	if i.output != nil {
		s.LogDropped = i.output.Dropped()
		if err := i.output.Fault(); err != nil {
			s.LogError = err.Error()
		}
	}
	return s
}

// logFault is told when the log's file takes no lines, and when it does again.
func (i *Instance) logFault(err error) {
	if err != nil {
		i.host.Log.Warn("log cannot be written, its lines wait in memory", "instance", i.spec.ID, "err", err)
		return
	}
	i.host.Log.Info("log can be written again", "instance", i.spec.ID)
}

// Probing returns how many connections to the WebSocket port are the probe's own. They
// are no clients.
func (i *Instance) Probing() int { return int(i.probing.Load()) }

// Pids returns the processes of the child's tree, the leader first; nil if none runs.
func (i *Instance) Pids() []int {
	i.mu.Lock()
	p := i.proc
	i.mu.Unlock()
	if p == nil {
		return nil
	}
	return p.Pids()
}

// publish changes the status and tells the listener.
func (i *Instance) publish(to State, class Class, reason string, more func(*Status)) {
	i.mu.Lock()
	from := i.status.State
	if from == to && i.status.Reason == reason && more == nil {
		i.mu.Unlock()
		return
	}
	if err := checkStep(from, to); err != nil {
		i.host.Log.Error("impossible step", "instance", i.spec.ID, "err", err)
	}
	i.status.State, i.status.Reason, i.status.NextTryAt = to, reason, nil
	if more != nil {
		more(&i.status)
	}
	change := Change{From: from, Class: class, Status: i.status}
	i.mu.Unlock()
	if i.host.Changed != nil {
		i.host.Changed(change)
	}
}

// waiting publishes what a starting child is waited for. It is no step: nobody is told.
func (i *Instance) waiting(reason string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.status.State == Starting {
		i.status.Reason = reason
	}
}

// local says whether clients on this machine reach the instance as localhost.
func (s Spec) local() bool {
	ip, err := netip.ParseAddr(s.Host)
	return err != nil || ip.IsUnspecified() || ip == ipv4Loopback || ip == netip.IPv6Loopback()
}

var ipv4Loopback = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// address returns where people on this machine find a port.
func (s Spec) address(scheme string, port int) string {
	host := s.Host
	if s.local() {
		host = "localhost"
	}
	return (&url.URL{Scheme: scheme, Host: net.JoinHostPort(host, strconv.Itoa(port))}).String()
}

// PageURL returns the address of a pair's page, as the status shows it.
func (s Spec) PageURL(pair ports.Pair) string { return s.address("http", pair.HTTP) }
