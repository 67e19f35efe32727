package instance

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os/exec"
	"syscall"
	"time"

	"github.com/miktos/miktosctl/instance/child"
)

// row is the failures since the last one that a child survived for long enough.
type row struct {
	failures  int
	conflicts int           // in a row, each cured by another pair at once
	last      time.Duration // the last delay
}

// rest is what an instance does between two children.
type rest struct {
	state   State
	class   Class
	reason  string
	wait    time.Duration // 0: none, negative: until an order comes
	restart bool          // the next child counts as an automatic restart
}

// judge says what follows a child's end.
func (i *Instance) judge(r *row, e end) rest {
	if e.asked {
		return rest{}
	}
	if e.conceded {
		i.say(e.reason)
		return rest{}
	}
	if e.proven || e.class != ClassPortConflict {
		r.conflicts = 0
	}
	if e.class == ClassPortConflict && e.exit != nil {
		i.count(func(s *Status) { s.PortRetries++ })
		if r.conflicts++; r.conflicts <= i.spec.RetryAttempts {
			i.say(e.reason + "; trying another pair")
			return rest{}
		}
	}
	policy := i.spec.Restart
	switch {
	case e.class == ClassNone && policy.Policy == Always:
		// No failure, so the delay does not grow; but no hot loop either.
		i.say(e.reason)
		return rest{state: Backoff, reason: e.reason, wait: policy.Delay}
	case e.class == ClassNone:
		i.say(e.reason)
		return rest{state: Stopped, reason: e.reason, wait: -1}
	case policy.Policy == Never:
		i.say(e.reason)
		return rest{state: Failed, class: e.class, reason: e.reason + "; the restart policy is never", wait: -1}
	}

	if e.proven && e.ready >= policy.stable(r.last) {
		*r = row{conflicts: r.conflicts}
	}
	r.failures++
	if given := policy.MaxFailures; e.cure || given > 0 && r.failures >= given {
		reason := e.reason
		if !e.cure {
			reason = fmt.Sprintf("%d failures in a row, the last: %s", r.failures, e.reason)
		}
		next := rest{state: Failed, class: e.class, reason: reason, wait: -1, restart: true}
		if policy.FailedRetry > 0 {
			next.wait = policy.FailedRetry
		}
		i.say(reason)
		return next
	}
	r.last = policy.delay(r.failures, rand.Float64())
	i.say(e.reason)
	return rest{state: Backoff, class: e.class, reason: e.reason, wait: r.last, restart: true}
}

// beyondCure says whether a spawn error is the command's own and stays.
func beyondCure(err error) bool {
	var own *child.SpawnError
	if !errors.As(err, &own) {
		return false // the fault of the machine, not of the command
	}
	for _, stays := range []error{exec.ErrNotFound, fs.ErrNotExist, fs.ErrPermission, syscall.ENOTDIR, syscall.EISDIR, syscall.ENOEXEC, syscall.ELOOP} {
		if errors.Is(err, stays) {
			return true
		}
	}
	return false
}
