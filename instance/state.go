package instance

import "fmt"

// State is the label that an instance publishes about where it is in its life.
// The life itself is the code of [Instance.Run]; nothing decides by the label.
type State string

const (
	// Pending: created, or waiting for a start slot.
	Pending State = "pending"
	// Starting: a pair is leased and a child spawned, not proven ready yet. Also the
	// next child after a port conflict, on another pair.
	Starting State = "starting"
	// Ready: HTTP answered, the WebSocket handshake completed, and both listeners
	// belong to the child.
	Ready State = "ready"
	// Degraded: one half stopped answering, or a port is no longer the child's.
	// Followed by Ready again, or by the child's end.
	Degraded State = "degraded"
	// Stopping: a stop or restart was asked; the stop signal is sent and the grace
	// period runs.
	Stopping State = "stopping"
	// Backoff: waiting for the next try after a failure; Status.NextTryAt says when.
	// Also without a child: no pair was to be had, or no process.
	Backoff State = "backoff"
	// Stopped: not wanted any more, or exited cleanly under the on-failure policy. A
	// start or restart leads out of it.
	Stopped State = "stopped"
	// Failed: a crash loop, or a fault that no restart cures. A try every failed_retry,
	// a start or a restart leads out of it.
	Failed State = "failed"
)

// Class tells failures apart. They are counted apart, too.
type Class string

const (
	// ClassNone is an end without a failure: a clean exit, or one we asked for.
	ClassNone Class = ""
	// ClassCrash is an exit with a code other than 0 or by a signal.
	ClassCrash Class = "crash"
	// ClassPortConflict is a pair that somebody else took while the child was starting.
	ClassPortConflict Class = "port_conflict"
	// ClassNotReady is a child that lived but did not become ready in time.
	ClassNotReady Class = "not_ready"
	// ClassUnhealthy is a ready child that stopped answering.
	ClassUnhealthy Class = "unhealthy"
	// ClassSpawn is a command that could not be executed.
	ClassSpawn Class = "spawn"
	// ClassMisbound is a child that listens on other ports than it was given.
	ClassMisbound Class = "misbound"
)

// next lists the steps that a state may be followed by, besides a new reason to stay
// in it. Only publish consults it: a step outside it is a programming error.
var next = map[State][]State{
	Pending:  {Starting, Backoff, Stopped, Failed},
	Starting: {Ready, Pending, Backoff, Stopping, Stopped, Failed},
	Ready:    {Degraded, Backoff, Stopping, Stopped, Failed},
	Degraded: {Ready, Starting, Pending, Backoff, Stopping, Stopped, Failed},
	Stopping: {Starting, Pending, Backoff, Stopped, Failed},
	Backoff:  {Starting, Pending, Stopped, Failed},
	Stopped:  {Starting, Pending, Backoff, Failed},
	Failed:   {Starting, Pending, Backoff, Stopped},
}

func checkStep(from, to State) error {
	if from == to {
		return nil
	}
	for _, s := range next[from] {
		if s == to {
			return nil
		}
	}
	return fmt.Errorf("no step leads from %s to %s", from, to)
}
