package ports

import (
	"errors"
	"fmt"
	"strings"
)

// ErrExhausted is what errors.Is finds when no port is left that the rules allow.
var ErrExhausted = errors.New("no available ports")

// ExhaustedError says why nothing was left: who holds what, and what would help.
type ExhaustedError struct {
	Near     int      // the preferred port that was asked for
	Range    int      // the search range in force
	Leased   int      // ports in reach that this Allocator has leased
	Foreign  int      // ports in reach that the search found in other hands
	Reserved int      // ports in reach that may not be leased
	Held     []Holder // of the foreign ones a few, preferred ports first
}

// Error tells the whole in one line.
func (e *ExhaustedError) Error() string {
	var parts []string
	if e.Leased > 0 {
		parts = append(parts, fmt.Sprintf("%s leased here", portCount(e.Leased)))
	}
	if e.Foreign > 0 {
		held := fmt.Sprintf("%s held by others", portCount(e.Foreign))
		for i, h := range e.Held {
			if i == 0 {
				held += ":"
			} else {
				held += ","
			}
			held += fmt.Sprintf(" %d by %s", h.Port, h)
		}
		parts = append(parts, held)
	}
	if e.Reserved > 0 {
		parts = append(parts, fmt.Sprintf("%s reserved", portCount(e.Reserved)))
	}
	parts = append(parts, e.hint())
	return fmt.Sprintf("no available ports found near %d: %s", e.Near, strings.Join(parts, "; "))
}

// hint names the keys of the fleet file that would make room.
func (e *ExhaustedError) hint() string {
	hint := fmt.Sprintf("raise ports.search_range (now %d)", e.Range)
	if e.Reserved > 0 {
		hint += " or shorten ports.reserved"
	}
	return hint + ", or prefer other ports (ports.http, ports.websocket)"
}

// Is makes errors.Is(err, ErrExhausted) true.
func (e *ExhaustedError) Is(target error) bool { return target == ErrExhausted }

func portCount(n int) string {
	if n == 1 {
		return "1 port"
	}
	return fmt.Sprintf("%d ports", n)
}

// census is the state of all ports in reach of a request, taken under the lock.
type census struct {
	failure ExhaustedError
	foreign []int // a few, preferred ports first
}

// samples bounds how many holders an error names.
const samples = 4

func (a *Allocator) census(preferred Pair) census {
	c := census{failure: ExhaustedError{Near: preferred.HTTP, Range: a.options.SearchRange}}
	var counted portSet
	count := func(port int) {
		if port < 1 || port > highest || counted.has(port) {
			return
		}
		counted.add(port)
		switch {
		case a.barred.has(port):
			if valid(port) {
				c.failure.Reserved++
			}
		case a.leased.has(port):
			c.failure.Leased++
		case a.busy.ports.has(port):
			c.failure.Foreign++
			if len(c.foreign) < samples {
				c.foreign = append(c.foreign, port)
			}
		}
	}
	centres := []int{preferred.HTTP, preferred.WebSocket}
	for _, list := range [][]int{centres, a.options.HTTPFallback, a.options.WebSocketFallback} {
		for _, port := range list {
			count(port)
		}
	}
	for _, centre := range centres {
		if !valid(centre) {
			continue
		}
		for d := range a.options.SearchRange + 1 {
			count(centre + d)
			count(centre - d)
		}
	}
	return c
}

// explain looks for the holders and returns the error.
func (c census) explain() error {
	failure := c.failure
	for _, port := range c.foreign {
		holder, ok, err := HolderOf(port)
		if err != nil || !ok {
			continue
		}
		failure.Held = append(failure.Held, holder)
	}
	return &failure
}
