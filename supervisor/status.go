package supervisor

import (
	"sync"
	"time"

	"github.com/miktos/miktosctl/instance"
	"github.com/miktos/miktosctl/ports"
)

// Schema is the version of the JSON that [Status] marshals to. Keys are only
// ever added under one version.
const Schema = 1

// Status is the whole fleet at one moment, as `status -o json` prints it.
type Status struct {
	Schema     int               `json:"schema"`
	Fleet      string            `json:"fleet"`
	Supervisor Self              `json:"supervisor"`
	Gateway    string            `json:"gateway"` // empty while no gateway runs
	Desired    int               `json:"desired"`
	Ready      int               `json:"ready"`
	Instances  []instance.Status `json:"instances"`
}

// Self is the supervisor that answers.
type Self struct {
	PID       int       `json:"pid"`
	Version   string    `json:"version"`
	StartedAt time.Time `json:"started_at"`
}

// Status returns the fleet as it is now. What it says of memory and CPU is at most
// half a second old.
func (s *Supervisor) Status() Status {
	s.mu.Lock()
	st := Status{
		Schema:     Schema,
		Fleet:      s.fleet.Name,
		Supervisor: s.self,
		Desired:    s.desired,
		Instances:  make([]instance.Status, len(s.members)),
	}
	members := append([]*member(nil), s.members...)
	s.mu.Unlock()

	measure(members)
	streams := make([]int, 0, len(members))
	probing := make([]int, len(members))
	for i, m := range members {
		probing[i] = m.Probing()
		one := m.Status()
		st.Instances[i] = one
		if one.State == instance.Ready {
			st.Ready++
		}
		if one.WSPort != 0 {
			streams = append(streams, one.WSPort)
		}
	}
	if clients, err := ports.Established(streams); err == nil {
		for i := range st.Instances {
			st.Instances[i].Clients = max(0, clients[st.Instances[i].WSPort]-probing[i])
		}
	}
	return st
}

// measure brings the usage of all members up to date. The kernel formats the figures
// while they are read, so that two readers are twice as fast as one.
func measure(members []*member) {
	const readers = 4
	var wg sync.WaitGroup
	for r := range readers {
		wg.Go(func() {
			for i := r; i < len(members); i += readers {
				members[i].Measure()
			}
		})
	}
	wg.Wait()
}
