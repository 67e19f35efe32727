// Package instance keeps one viewer alive.
//
// An [Instance] is one place in a fleet. [Instance.Run] is its whole life, as
// straight-line code in one goroutine; the [State] it publishes is a label set on
// the way and nothing decides by it:
//
//	wait until wanted → start slot → lease a pair → spawn the child → prove it ready
//	→ watch it → its tree is empty → release the pair → settle: stop, retry or wait
//
// Orders ([Instance.Start], [Instance.Stop], [Instance.Restart], [Instance.Kill])
// return at once and are carried out by that goroutine. Two restarts asked while
// one is under way fold into one, and a stop wins over everything that waits.
//
// # Guarantees
//
// An instance has at most one child, and a pair from before the spawn until no
// process of the child's tree is left; then the pair is released, exactly once.
// Ready means that the HTTP request was answered, the WebSocket handshake was
// completed, and both listening sockets belong to the child's own processes.
// A failure is counted in its [Class]; a port conflict is no crash: it costs the
// pair, not the row of failures. What is counted, and when a row of failures ends,
// is in [Restart].
//
// # Limits
//
// Who owns a listener can be told on Linux only; elsewhere ready means that both
// halves answered. A process that left its session, dropped its environment and
// was never seen below the child cannot be told apart from a stranger.
package instance
