// Package ports says who may use which two TCP ports, and keeps it so.
//
// A viewer needs a pair: one port for its page, one for its WebSocket. Looking for a
// free number and hoping that it stays free loses most races on a busy machine; here
// the kernel holds every pair from Acquire until Release:
//
//	Allocator.Acquire ─> Lease      both ports are ours, nobody can bind them
//	Lease.Share       ─> the child binds and listens over our guards, or
//	Lease.Yield       ─> for a child that cannot: without guards, only the locks kept
//	   the child dies, with its whole tree
//	Lease.Exclusive   ─> nobody can bind them again (to start another child here), or
//	Lease.Release     ─> both ports are free, and rest for the quarantine
//
// A guard is a socket that is bound to the port on all addresses of both IP versions
// and never listens, so clients are refused until the child itself listens. It is bound
// without SO_REUSEADDR: that is what makes the bind exclusive. Share sets the flag
// afterwards; two guards that were born with it would not exclude each other. Beside
// each guard lies an abstract unix socket, "@miktos/port/N", by which other users'
// supervisors learn who holds the port.
//
// Guaranteed while a lease lives (Lease.Hold is "guard"), within one network namespace:
//   - no other lease has either port: of this process, another one, or another user;
//   - the kernel picks neither for bind(0) or for an outgoing connection;
//   - no program binds them while the lease is exclusive, and none without SO_REUSEADDR or
//     SO_REUSEPORT ever;
//   - it ends with the last process that has its sockets open. Children that inherited
//     Lease.Files keep it when the supervisor is killed, and a killed supervisor without
//     children leaves nothing behind.
//
// A preferred or listed port on which nothing but closed connections linger (TIME_WAIT)
// is taken all the same: a fleet that is started again gets the ports that people know.
//
// Not prevented: a program that asks for exactly this number with SO_REUSEADDR while the
// lease is shared and the child does not listen yet. Listeners tells who would answer,
// HolderOf who that is. A child that sets neither flag cannot bind over a guard.
//
// Systems other than Linux get bind probes (Lease.Hold is "probe"): leases exclude each
// other within one Allocator, and a port that is busy is skipped, but nothing holds it.
// There HolderOf, Listeners, Established and ListenPorts say errors.ErrUnsupported.
package ports
