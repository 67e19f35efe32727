package instance

import (
	"errors"
	"fmt"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"unicode"
	"unicode/utf8"

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

func (m *machine) foreign(p process, pair ports.Pair) *ConflictError {
	for _, port := range []int{pair.HTTP, pair.WebSocket} {
		_, err := m.listening(p, port)
		var taken *ConflictError
		if errors.As(err, &taken) {
			return taken
		}
	}
	return nil
}

func (m *machine) bound(p process, pair ports.Pair) (n int) {
	for _, port := range []int{pair.HTTP, pair.WebSocket} {
		if _, err := m.listening(p, port); err == nil {
			n++
		}
	}
	return n
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
// most languages, and the codes of Node and Python.
var inUse = regexp.MustCompile(`(?i)address already in use|EADDRINUSE|\berrno 98\b|port is already allocated`)

// portNumber matches a number where programs print a port: "127.0.0.1:8080", ":::8080",
// "port 8080", and Python's "('127.0.0.1', 8080)".
var portNumber = regexp.MustCompile(`(?i)(?::|\bport[ :=]+|', )(\d{4,5})\b`)

// claim is a line in which a child says that a port is taken.
type claim struct {
	line    string
	certain bool // it names a port of the pair
}

// claimOf reads a line. It is nil where the line says no such thing, or says it of
// another port, such as that of some metrics.
func claimOf(line string, pair ports.Pair) *claim {
	if !inUse.MatchString(line) {
		return nil
	}
	named := portNumber.FindAllStringSubmatch(line, -1)
	for _, n := range named {
		if n[1] == strconv.Itoa(pair.HTTP) || n[1] == strconv.Itoa(pair.WebSocket) {
			return &claim{line: shorten(line), certain: true}
		}
	}
	if len(named) > 0 {
		return nil
	}
	return &claim{line: shorten(line)}
}

// shorten makes a child's words fit for a status: one line, of bounded length, that
// does nothing to a terminal. It shares no memory with what it was given.
func shorten(text string) string {
	const most = 200
	text = strings.ToValidUTF8(strings.TrimSpace(text), "\uFFFD")
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
	if len(text) > most {
		cut := most
		for !utf8.RuneStart(text[cut]) {
			cut--
		}
		text = text[:cut] + "…"
	}
	return strings.Clone(text)
}

// heed makes line watch for the output of a child that is about to start on a pair.
func (i *Instance) heed(pair ports.Pair) {
	select {
	case <-i.noticed:
	default:
	}
	i.claim.Store(nil)
	i.watched.Store(&pair)
	i.starting.Store(true)
}

// line is called for each line of output, on the reader's goroutine.
func (i *Instance) line(l output.Line) {
	if !i.starting.Load() || l.Note {
		return
	}
	said := claimOf(l.Text, *i.watched.Load())
	if said == nil || !i.claim.CompareAndSwap(nil, said) {
		return
	}
	select {
	case i.noticed <- said:
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
			e.reason = fmt.Sprintf("%s: %s", exit, claim.line)
			return
		}
	}
	if exit.Code == 0 {
		e.reason = "exited with code 0"
		if !e.proven {
			e.reason += " before it was ready"
		}
		if e.left > 0 {
			e.reason += fmt.Sprintf("; it left %d of its processes behind, which were ended: a program must stay in the foreground", e.left)
		}
		return
	}
	e.class, e.reason = ClassCrash, exit.String()
	if exit.Signal == syscall.SIGKILL || exit.Signal == syscall.SIGTERM {
		return // sent from outside: what it printed last has nothing to do with it
	}
	if last := i.lastLine(); last != "" {
		e.reason += " (last line: " + last + ")"
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
		if text := shorten(l.Text); text != "" {
			return text
		}
	}
	return ""
}
