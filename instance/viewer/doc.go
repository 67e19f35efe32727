// Package viewer is the built-in viewer: what a fleet runs when its file names
// no command of its own. It is one instance's server, not a supervisor.
//
// Two ports, as every viewer has them:
//
//	HTTP       the page (three.js, embedded), /config.json and the scene file
//	WebSocket  the live scene, in the messages of the Miktos Real-Time Viewer
//
// The flow of one change:
//
//	page → request → room (check, apply, stamp) → every page of this instance
//
// A page never trusts itself: it sends a request and draws what the room says.
// The room applies and passes on under one lock, so that all pages see all
// changes in the same order, and the scene_state that a new page gets continues
// exactly where the changes after it begin.
//
// Messages are flat JSON objects with a "type". To the viewer: get_scene_state,
// reset_view, set_quality, object_update. From the viewer: scene_state,
// camera_reset, quality_changed, object_update, and error for a request that was
// not understood; such a request changes nothing. Positions are metres with y up,
// rotations are radians (Euler, XYZ). fps in scene_state is always 0, which
// means unknown: the pages draw, the server does not.
//
// Guarantees: both ports listen, or [Run] returns an error that names the port.
// A page learns the WebSocket's address from /config.json and says which instance
// it wants; a viewer that is not that instance refuses it. A reader that is too
// slow is disconnected; it holds up nobody else. When Run returns, its sockets
// are closed and its goroutines gone.
//
// Limits: no encryption and no log-in; what may connect is decided by the address
// that is listened on, by the Origin (a page of another host is refused) and by
// whatever stands in front. A name that somebody else's DNS points here passes
// the Origin check. The scene lives in memory and ends with the process.
package viewer
