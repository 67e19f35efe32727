// Package child runs one child process and answers for its whole tree: the process
// that was started, whatever it forked, and the daemons that tried to get away.
//
// A process has one [Nursery]. It is the child subreaper, so that a process whose
// parent died comes to us instead of to init, and its death is told to us by SIGCHLD.
// [Nursery.Start] spawns a leader in a session of its own; the [Child] then goes
// through two events, each a channel that is closed once:
//
//	Start ── Exited: the leader died, Exit says how ── Gone: nobody is left
//
// Between the two the leader stays a zombie. That is the point: while it is not reaped,
// neither its pid nor its process group can be given to anybody else, so a signal to
// the group cannot hit a stranger. What to do in between is the caller's choice: Kill
// at once, or Signal and let a grace period run.
//
// # Who belongs to a tree
//
// Every descendant of the leader; and every process that was handed to us by the kernel
// and is in the leader's session or group, or carries its token in the environment
// ([TokenVariable]), or still has the leader's output or an inherited file open, or was
// seen below the leader earlier; and the descendants of those.
//
// # Guarantees (Linux)
//
//   - Gone is closed when no process of the tree is left, within milliseconds of the
//     last death, by events and without polling.
//   - No signal goes to a pid that may have been reused: groups are signalled only
//     while their leader is not reaped, single processes through a pidfd whose start
//     time was checked after it was opened.
//   - A child gets descriptors 0, 1, 2 and the inherited ones, an empty signal mask,
//     default dispositions and the descriptor limit this process was started with.
//   - Every process is reaped by its pid, and only if it is of one of our trees, or provably
//     an orphan, or a zombie that nobody in here holds a pidfd of and nobody waited for in ten
//     seconds. Other code in this process may use os/exec and gets its exit statuses.
//   - One blocked goroutine per child, no thread.
//
// # Limits
//
// A daemon that made itself a session, dropped the token and every inherited file, and
// was never seen below its leader cannot be told from anybody else's; it is logged once.
// Where there is no subreaper (other systems) the tree is the process group, Gone is
// found by polling, and Owns, Sockets and Pids know less. Other code that starts a process
// with Setsid must not hand it the token of a living tree. Two nurseries in one process would
// take each other's children for strangers.
package child
