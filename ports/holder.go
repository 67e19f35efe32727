package ports

import (
	"fmt"
	"os/user"
	"strconv"
	"strings"
	"time"
)

// Holder is who has a port. What is not known is zero, except that an unknown UID is -1.
type Holder struct {
	Port    int
	PID     int
	Process string // the program's short name
	User    string
	UID     int
	Command []string
	Since   time.Time // when the process started
	State   State
}

// State is what a port is held by.
type State string

const (
	// Listening: a server, on one address or on all.
	Listening State = "listening"
	// Leased: a supervisor's guard over which nobody listens yet.
	Leased State = "leased"
	// Bound: a socket that neither listens nor is connected.
	Bound State = "bound"
	// Connected: the local end of a connection.
	Connected State = "connected"
	// Closing: what the kernel keeps of a connection for up to a minute after its end.
	// No process has it, and nobody can end it.
	Closing State = "closing"
)

// HolderOf returns who holds port: the process that listens on it on whatever address,
// else the supervisor that has leased it, else whoever is bound to it or has a
// connection from it. It walks /proc and may take tens of milliseconds: for messages,
// not for decisions. false means that nobody was found, which is no promise.
//
// Without privileges the processes of other users cannot be told, only the user, except
// for supervisors, which say who they are.
func HolderOf(port int) (Holder, bool, error) {
	if port < 1 || port > highest {
		return Holder{}, false, fmt.Errorf("port %d: outside 1 to %d", port, highest)
	}
	return holderOf(port)
}

// String names the holder in a message: "python3 (pid 4711, user ann)". Unknown parts
// are left out.
func (h Holder) String() string {
	if h.State == Closing {
		return "a connection that is closing (TIME_WAIT)"
	}
	var details []string
	if h.PID > 0 {
		details = append(details, "pid "+strconv.Itoa(h.PID))
	}
	switch {
	case h.User != "":
		details = append(details, "user "+h.User)
	case h.UID >= 0 && (h.PID > 0 || h.UID > 0):
		details = append(details, "uid "+strconv.Itoa(h.UID))
	}
	name := h.Process
	switch {
	case name != "" && len(details) > 0:
		return name + " (" + strings.Join(details, ", ") + ")"
	case name != "":
		return name
	case h.PID > 0:
		return strings.Join(details, ", ")
	case len(details) > 0:
		return "a process of " + details[0]
	}
	return "an unknown process"
}

// userName returns "" for a user without a name.
func userName(uid int) string {
	if uid < 0 {
		return ""
	}
	u, err := user.LookupId(strconv.Itoa(uid))
	if err != nil {
		return ""
	}
	return u.Username
}
