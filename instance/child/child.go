package child

import (
	"sync"
)

// Child is one process that was started and its whole tree. Its methods may be called
// from any goroutine, before and after its end.
type Child struct {
	nursery *Nursery
	pid     int
	token   string

	exited chan struct{}
	exit   Exit // written once, before exited is closed
	gone   chan struct{}

	socketsMu sync.Mutex
	holders   map[uint64]holder // where a socket was seen last; only a first guess

	tree // what the platform knows about the others in the tree
}

// PID returns the leader's process id. It is the id of its session and group, too, and
// nobody else can have it until Gone is closed.
func (c *Child) PID() int { return c.pid }

// Exited is closed when the leader died, however many of its tree live on.
func (c *Child) Exited() <-chan struct{} { return c.exited }

// Exit says how the leader ended. Before Exited is closed it is the zero Exit.
func (c *Child) Exit() Exit {
	select {
	case <-c.exited:
		return c.exit
	default:
		return Exit{}
	}
}

// Gone is closed when no process of the tree is left and the leader is reaped. From then
// on PID may belong to somebody else.
func (c *Child) Gone() <-chan struct{} { return c.gone }

// holder is a descriptor of a process.
type holder struct{ pid, fd int }
