// Package supervisor runs a fleet.
//
// [New] turns a checked fleet into a plan: it renders one [instance.Spec] for each
// place and takes a pair of ports for each of them, all or nothing, in the order of
// the places. Nothing is started before the whole plan holds. [Supervisor.Run] then
// keeps every instance filled, one goroutine each, until its context ends or
// [Supervisor.Down] is called:
//
//	configs.Fleet → plan → ports.Allocator.Acquire → []instance.Instance → Run
//
// Orders come in from any goroutine (Start, Stop, Restart, Scale), return when they
// are accepted and are carried out by the instances. What happens goes out as
// numbered [Event] values in one order for everybody, and as [Status] copies.
//
// What children taught about their programs (which of them bind without SO_REUSEADDR) is
// kept in programs.json in the state folder, and counts until a program's file changes.
//
// # Guarantees
//
// One instance never waits for another, except for a start slot (max_starting).
// Scaling up touches no running instance; scaling down ends the highest places.
// Run returns nil only when no process of the fleet is left and every lease is
// released; otherwise its error is an [UnstoppedError] that names the survivors.
//
// # Limits
//
// A process in an uninterruptible kernel sleep outlives SIGKILL; Run gives it five
// seconds beyond the longest grace period before it reports it.
package supervisor
