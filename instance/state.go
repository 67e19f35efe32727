package instance

import "fmt"

// State is the label that an instance publishes about where it is in its life.
// The life itself is the code of [Instance.Run]; nothing decides by the label.
type State string

const (
	// Pending: created, or waiting for a start slot. Followed by Starting or Stopped.
	Pending State = "pending"
	// Starting: a pair is leased and a child spawned, not proven ready yet.
	// Followed by Ready, Backoff, Stopping, Stopped, Failed, or Starting again on
	// another pair after a port conflict.
	Starting State = "starting"
	// Ready: HTTP answered, the WebSocket handshake completed, and both listeners
	// belong to the child. Followed by Degraded, Backoff, Stopping, Stopped or Failed.
	Ready State = "ready"
	// Degraded: one half stopped answering, or a port is no longer the child's.
	// Followed by Ready, Backoff, Stopping, Stopped or Failed.
	Degraded State = "degraded"
	// Stopping: a stop or restart was asked; the stop signal is sent and the grace
	// period runs. Followed by Stopped or Starting.
	Stopping State = "stopping"
	// Backoff: waiting for the next try; Status.NextTryAt says when. Followed by
	// Starting or Stopped.
	Backoff State = "backoff"
	// Stopped: not wanted any more, or exited cleanly under the on-failure policy.
	// Followed by Starting when a start is asked.
	Stopped State = "stopped"
	// Failed: a crash loop, or a fault that no restart cures. Followed by Starting
	// every failed_retry, or when a start is asked, or by Stopped.
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

// next lists the steps that a state may be followed by. Only set consults it: a
// step outside it is a programming error.
var next = map[State][]State{
	Pending:  {Starting, Stopped, Failed},
	Starting: {Ready, Starting, Backoff, Stopping, Stopped, Failed},
	Ready:    {Degraded, Backoff, Stopping, Stopped, Failed},
	Degraded: {Ready, Backoff, Stopping, Stopped, Failed},
	Stopping: {Starting, Stopped, Pending},
	Backoff:  {Starting, Pending, Stopped},
	Stopped:  {Starting, Pending},
	Failed:   {Starting, Pending, Stopped},
}

func checkStep(from, to State) error {
	for _, s := range next[from] {
		if s == to {
			return nil
		}
	}
	return fmt.Errorf("no step leads from %s to %s", from, to)
}
