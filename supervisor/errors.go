package supervisor

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// ErrEnding is an order to a fleet that is being ended.
var ErrEnding = errors.New("the fleet is ending")

// ErrNotBegun is an order that comes before the fleet runs.
var ErrNotBegun = errors.New("the fleet has not begun yet")

// UnknownInstanceError is a word that names no instance, or more than one.
type UnknownInstanceError struct {
	Word       string
	Candidates []string // several that the word could mean; none: all that there are is Known
	Known      []string
}

func (e *UnknownInstanceError) Error() string {
	if len(e.Candidates) > 0 {
		return fmt.Sprintf("instance %q: could be %s", e.Word, strings.Join(e.Candidates, " or "))
	}
	return fmt.Sprintf("instance %q: no such instance", e.Word)
}

// Hint returns the way out.
func (e *UnknownInstanceError) Hint() string {
	if len(e.Candidates) > 0 {
		return "write a few more letters of its name"
	}
	if len(e.Known) == 0 {
		return "the fleet has no instances; miktosctl scale N gives it some"
	}
	const most = 8
	names := e.Known
	more := ""
	if len(names) > most {
		more = fmt.Sprintf(" and %d more", len(names)-most)
		names = names[:most]
	}
	return "there are " + strings.Join(names, ", ") + more
}

// CapacityError is a fleet with more instances than its port rules have pairs.
type CapacityError struct {
	Wanted, Pairs int
	Range         int // the search_range in force
	Near          int // the preferred port
}

func (e *CapacityError) Error() string {
	return fmt.Sprintf("%d instances need %d pairs of ports, but there are only %d within %d of port %d",
		e.Wanted, e.Wanted, e.Pairs, e.Range, e.Near)
}

// Hint returns the way out.
func (e *CapacityError) Hint() string {
	if e.Wanted > maxInstances {
		return fmt.Sprintf("a machine has no more than %d pairs of ports", maxInstances)
	}
	// Twice the range holds about twice the pairs; a quarter more leaves room for
	// the quarantine of released ones.
	need := (e.Wanted*5/4 + 99) / 100 * 100
	return fmt.Sprintf("raise ports.search_range in the fleet file, for instance to %d", max(need, e.Range+100))
}

// UnstoppedError names what outlived the end of a fleet.
type UnstoppedError struct {
	Survivors map[string][]int // instance to processes
}

func (e *UnstoppedError) Error() string {
	var parts []string
	for _, id := range slices.Sorted(maps.Keys(e.Survivors)) {
		parts = append(parts, fmt.Sprintf("%s (pid %s)", id, strings.Trim(fmt.Sprint(e.Survivors[id]), "[]")))
	}
	return "still alive after SIGKILL: " + strings.Join(parts, ", ")
}

// Hint returns the way out.
func (e *UnstoppedError) Hint() string {
	return "such a process waits in the kernel, mostly for a disk, a network folder or a driver"
}
