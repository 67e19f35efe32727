package instance

import (
	"fmt"
	"regexp"
	"sort"
	"strings"

	"github.com/miktos/miktosctl/instance/output"
	"github.com/miktos/miktosctl/ports"
)

// ConflictError is a leased port on which somebody else answers.
type ConflictError struct {
	Port   int
	Holder ports.Holder
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("port %d was taken by %s", e.Port, e.Holder)
}

// conflict names the owner of a foreign listener as far as the kernel lets us.
func conflict(port int, s ports.Socket) *ConflictError {
	holder, ok, err := ports.HolderOf(port)
	if err != nil || !ok {
		holder = ports.Holder{Port: port, UID: s.UID}
	}
	return &ConflictError{Port: port, Holder: holder}
}

func (m *machine) foreign(p process, pair ports.Pair) *ConflictError {
	for _, port := range []int{pair.HTTP, pair.WebSocket} {
		sockets, err := ports.Listeners(m.spec.addresses(), port)
		if err != nil {
			return nil
		}
		for _, s := range sockets {
			if !p.(running).Owns(s.Inode) {
				return conflict(port, s)
			}
		}
	}
	return nil
}

func (m *machine) elsewhere(p process, pair ports.Pair) string {
	listening, err := ports.ListenPorts(p.(running).Sockets())
	if err != nil || len(listening) == 0 {
		return ""
	}
	seen := map[int]bool{}
	for _, port := range listening {
		seen[port] = true
	}
	var missing, others []string
	for _, port := range []int{pair.HTTP, pair.WebSocket} {
		if !seen[port] {
			missing = append(missing, fmt.Sprint(port))
		}
		delete(seen, port)
	}
	if len(missing) == 0 || len(seen) == 0 {
		return ""
	}
	actual := make([]int, 0, len(seen))
	for port := range seen {
		actual = append(actual, port)
	}
	sort.Ints(actual)
	for _, port := range actual {
		others = append(others, fmt.Sprint(port))
	}
	return fmt.Sprintf("the program listens on port %s instead of %s",
		strings.Join(others, " and "), strings.Join(missing, " and "))
}

// inUse matches what programs print when they cannot bind: the C library's text in
// most languages, Node's and Python's codes, and the sentences of some servers.
var inUse = regexp.MustCompile(`(?i)address already in use|EADDRINUSE|\berrno 98\b|\bport \d+ is (already )?in use|port is already allocated`)

// heed makes line watch for the output of a child that is about to start.
func (i *Instance) heed() {
	select {
	case <-i.noticed:
	default:
	}
	i.claim.Store(nil)
	i.starting.Store(true)
}

// line is called for each line of output, on the reader's goroutine.
func (i *Instance) line(l output.Line) {
	if !i.starting.Load() || l.Note || !inUse.MatchString(l.Text) {
		return
	}
	text := strings.Clone(strings.TrimSpace(l.Text)) // the line is part of a whole batch
	if !i.claim.CompareAndSwap(nil, &text) {
		return
	}
	select {
	case i.noticed <- text:
	default:
	}
}

// explain tells from an exit and what was printed before it why a child ended.
func (i *Instance) explain(e *end, p process, pair ports.Pair) {
	exit := p.Exit()
	if !e.proven {
		if taken := i.outside.foreign(p, pair); taken != nil {
			e.class = ClassPortConflict
			e.reason = fmt.Sprintf("%v; the program ended with %s", taken, exit)
			return
		}
		if claim := i.claim.Load(); claim != nil {
			e.class, e.blamed = ClassPortConflict, true
			e.reason = fmt.Sprintf("%s: %s", exit, *claim)
			return
		}
	}
	if exit.Code == 0 {
		e.reason = "exited with code 0"
		if !e.proven {
			e.reason += " before it was ready"
		}
		return
	}
	e.class, e.reason = ClassCrash, exit.String()
	if last := i.lastLine(); last != "" {
		e.reason += ": " + last
	}
}

// lastLine returns the last thing that the latest child printed, shortened.
func (i *Instance) lastLine() string {
	if i.output == nil {
		return ""
	}
	lines, err := i.output.Last(20)
	if err != nil {
		return ""
	}
	for n := len(lines) - 1; n >= 0; n-- {
		l := lines[n]
		if l.Generation != i.generation || l.Note {
			continue
		}
		if text := strings.TrimSpace(l.Text); text != "" {
			if len(text) > 200 {
				text = text[:200] + "…"
			}
			return text
		}
	}
	return ""
}
