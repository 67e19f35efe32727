// Package control lets other processes of the same user see and steer a running
// fleet: HTTP with JSON, and WebSocket streams, on a unix socket.
//
//	Listen ─ folder, lock, socket ─> Server ─ Serve(Backend) ─ Finish(outcome)
//	Dial ─────────── socket ───────> Client
//
//	GET  /v1/version
//	GET  /v1/status?id=…
//	POST /v1/{start,stop,restart}                  {"ids":["viewer-1","2"]} or {"all":true}
//	POST /v1/instances/{id}/{start,stop,restart}
//	POST /v1/scale                                 {"instances":4}
//	POST /v1/down                                  {"wait":true} answers when the fleet is gone
//	POST /v1/kill
//	GET  /v1/events?after=SEQ                      WebSocket, one event a message
//	GET  /v1/logs?id=…&n=100&follow=1              WebSocket, lines of JSON in a message
//
// An id is whatever [Backend.Resolve] takes. An order is answered with 202 as soon as
// it is accepted and with the ids it went to; what becomes of it is in the events.
// Errors are {"error":"…","hint":"…"} with a fitting status.
//
// # Guarantees
//
// A fleet has one supervisor: the holder of the lock, which the kernel takes back
// however its holder ends. Only the holder touches the socket file. The runtime
// folder is ours alone, and each peer is asked for by uid: another user than ours
// and root is refused before a byte of its is read. What a peer asks for carries its
// uid and pid, as the kernel tells them.
//
// The server answers from before the first child until the fleet is gone. When a
// waiting down is answered, lock and socket are free: the next supervisor can begin.
// A stream that is open when Dial or Events returns misses nothing from then on, and
// ends with StatusGoingAway when the fleet ends. A reader that does not keep up loses
// its stream of events (and may come back with the last number), or lines of a log
// (and is told how many); it holds up nobody.
//
// # Limits
//
// On systems that do not tell the uid of a peer the permissions of the folder are all
// the protection there is. A supervisor whose process is stopped is told from a slow
// one on Linux only; see [StoppedError]. The pid of a peer is that of the process that connected.
package control
