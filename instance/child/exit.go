package child

import (
	"fmt"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Exit says how a leader ended.
type Exit struct {
	Code   int            // the exit code, or -1 when a signal ended it
	Signal syscall.Signal // the signal, or 0
	Core   bool           // a core was dumped
	At     time.Time      // when it was noticed
}

// String returns "exit code 3", "killed by SIGSEGV" or "killed by SIGSEGV (core dumped)".
func (e Exit) String() string {
	if e.Signal == 0 {
		return fmt.Sprintf("exit code %d", e.Code)
	}
	name := unix.SignalName(e.Signal)
	if name == "" {
		name = fmt.Sprintf("signal %d", int(e.Signal)) // the real-time ones have no name
	}
	if e.Core {
		return "killed by " + name + " (core dumped)"
	}
	return "killed by " + name
}
