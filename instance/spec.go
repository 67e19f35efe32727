package instance

import (
	"io/fs"
	"syscall"
	"time"

	"github.com/miktos/miktosctl/ports"
)

// Spec is what one instance runs and by which rules. It does not change over the
// instance's life.
type Spec struct {
	Fleet     string
	ID        string
	Index     int        // from 1
	Host      string     // the address that the child is told to listen on
	Preferred ports.Pair // tried first for every child

	// Program names what Launch runs, whatever the instance: what is learnt of one
	// child counts for all children of the same program.
	Program string
	// Hold is "auto", or "guard" to learn nothing.
	Hold string

	// Launch renders the command for one child. It must not block.
	Launch func(pair ports.Pair, generation int) Launch

	Restart       Restart
	Probe         Probe
	Stop          Stop
	RetryAttempts int // pairs in a row given up for a conflict before it counts as a failure

	RunDir string // existing folder of this instance alone: FIFO and rendered files
	Log    Log
}

// Launch is a command with every placeholder filled in.
type Launch struct {
	Path  string   // the program, as found
	Args  []string // with the program's name first
	Env   []string
	Dir   string
	Token string // the MIKTOS_TOKEN in Env
	Files []File // written before the start
}

// File is a rendered file for a program that reads its ports from one.
type File struct {
	Path string
	Text string
	Mode fs.FileMode
}

// Policy says after which ends a child is started again.
type Policy string

const (
	// OnFailure restarts after everything but a clean exit.
	OnFailure Policy = "on-failure"
	// Always restarts after a clean exit, too.
	Always Policy = "always"
	// Never restarts by itself.
	Never Policy = "never"
)

// Restart is the policy for failures. Failures count in a row; the row ends when a
// child has been ready for the longer of StableAfter and twice the last delay,
// or when a person starts or restarts the instance.
type Restart struct {
	Policy      Policy
	Delay       time.Duration // before the second try; the first is made at once
	MaxDelay    time.Duration // the delay doubles up to here
	MaxFailures int           // in a row, then the instance is failed; 0: no limit
	FailedRetry time.Duration // between tries of a failed instance; 0: none
	StableAfter time.Duration
}

// Probe is how readiness and liveness are asked for. An empty path is not asked;
// the port must be listened on all the same.
type Probe struct {
	HTTP         string
	WebSocket    string
	StartTimeout time.Duration
	Interval     time.Duration // between liveness checks; 0: none
	Timeout      time.Duration // of one check
	Failures     int           // in a row until degraded; as many again until restarted
}

// Stop is how a child is asked to end.
type Stop struct {
	Signal  syscall.Signal
	Timeout time.Duration // from the signal until SIGKILL
}

// Log is where the child's output goes.
type Log struct {
	Path    string
	MaxSize int64
	Keep    int
	Format  string
}
