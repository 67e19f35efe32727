package instance

import (
	"time"

	psutil "github.com/shirou/gopsutil/v3/process"
)

// freshness is how old a measurement may be when somebody asks for another one.
const freshness = 500 * time.Millisecond

// usage is what a child's tree has used, as far as it was measured.
type usage struct {
	leader int // whose tree it is
	at     time.Time
	cpu    float64 // seconds, of the processes alive at that time
}

// Measure brings CPUPercent and RSSBytes of the status up to date. CPUPercent is
// the average since the measurement before, or since the start of the child; a
// process that ended in between is not in it. It does nothing when the last one is
// fresh or no child runs.
func (i *Instance) Measure() {
	now := time.Now()
	i.mu.Lock()
	p, before, status := i.proc, i.usage, i.status
	i.mu.Unlock()
	if p == nil || status.StartedAt == nil || before.leader == p.PID() && now.Sub(before.at) < freshness {
		return
	}
	if before.leader != p.PID() {
		before = usage{at: *status.StartedAt}
	}
	var cpu float64
	var rss uint64
	for _, pid := range p.Pids() {
		// No look-up of the process first: it may be gone the moment after anyway.
		one := &psutil.Process{Pid: int32(pid)}
		if t, err := one.Times(); err == nil {
			cpu += t.User + t.System
		}
		if m, err := one.MemoryInfo(); err == nil {
			rss += m.RSS
		}
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.proc != p {
		return
	}
	i.usage = usage{leader: p.PID(), at: now, cpu: cpu}
	i.status.RSSBytes = rss
	if span := now.Sub(before.at).Seconds(); span > 0 && cpu >= before.cpu {
		i.status.CPUPercent = float64(int(1000*(cpu-before.cpu)/span)) / 10
	}
}
