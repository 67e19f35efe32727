package configs

import (
	"slices"
	"strconv"
)

// preference is a port that is asked for, and where that is written.
type preference struct {
	port int
	key  string // of the file, or a variable's name
	n    *node  // nil: not in the file
	env  bool
}

// resolvePorts lets the environment have its say, derives the WebSocket ports
// that nobody wrote, and checks each pair.
func (r *reader) resolvePorts(f *Fleet, root *node, env func(string) string) {
	ports := root.key("ports")
	http := preference{f.Ports.HTTP, "ports.http", ports.key("http"), false}
	ws := preference{f.Ports.WebSocket, "ports.websocket", ports.key("websocket"), false}

	httpEnv := r.variable("MIKTOS_HTTP_PORT", env)
	wsEnv := r.variable("MIKTOS_WS_PORT", env)
	if httpEnv.port != 0 {
		http = httpEnv
	}
	derived := ws.n == nil
	if wsEnv.port != 0 {
		ws, derived = wsEnv, false
	}
	if derived {
		ws.port = http.port + 1
	}
	f.Ports.HTTP, f.Ports.WebSocket = http.port, ws.port
	if !r.faulty["ports.http"] && !r.faulty["ports.websocket"] {
		r.checkPair(http, ws, derived)
	}
	r.checkReserved(f.Ports.Reserved, ports.key("reserved"), http, ws, derived)

	for i := range f.Overrides {
		o, n := &f.Overrides[i], root.key("instance").item(i)
		if http.env {
			o.HTTP = 0
		}
		if ws.env && (o.HTTP != 0 || o.WebSocket != 0) {
			o.WebSocket = ws.port // or it would follow the place's own HTTP port
		}
		ownHTTP, ownWS := http, ws
		if o.HTTP != 0 {
			ownHTTP = preference{o.HTTP, overrideKey(i, "http"), n.key("http"), false}
		}
		derived := o.HTTP != 0 && o.WebSocket == 0
		if derived {
			ownWS = preference{o.HTTP + 1, overrideKey(i, "websocket"), nil, false}
		} else if o.WebSocket != 0 && !ws.env {
			ownWS = preference{o.WebSocket, overrideKey(i, "websocket"), n.key("websocket"), false}
		}
		if ownHTTP == http && ownWS == ws || r.faulty[overrideKey(i, "http")] || r.faulty[overrideKey(i, "websocket")] {
			continue
		}
		r.checkPair(ownHTTP, ownWS, derived)
		if ownHTTP == http {
			ownHTTP.port = 0 // looked at with the fleet's
		}
		if ownWS == ws {
			ownWS.port = 0
		}
		r.checkReserved(f.Ports.Reserved, nil, ownHTTP, ownWS, derived)
	}
}

// variable reads a port from the environment; the port is 0 if none is set, or
// not a good one.
func (r *reader) variable(name string, env func(string) string) preference {
	p := preference{key: name, env: true}
	if env == nil || env(name) == "" {
		return p
	}
	text := env(name)
	port, err := strconv.Atoi(text)
	if err != nil {
		err = wrongf("", "must be a port number")
	} else {
		err = checkRange(int64(port), minPort, maxPort)
	}
	if err != nil {
		r.faultIn(p, text, err)
		return p
	}
	p.port = port
	return p
}

// faultIn records a fault of a preference, wherever that comes from.
func (r *reader) faultIn(p preference, shown any, err error) {
	r.fault(p.n, p.key, shown, err)
	if p.env {
		r.faults[len(r.faults)-1].File = ""
	}
}

// checkPair checks two ports that are asked for together; a derived WebSocket
// port is the HTTP port plus one.
func (r *reader) checkPair(http, ws preference, derived bool) {
	if derived && ws.port > maxPort {
		r.faultIn(http, http.port, wrongf("write "+ws.key+" as well", "leaves no number for the WebSocket port, which is this plus one"))
	}
	if http.port == ws.port {
		at, other := ws, http
		if http.env && !ws.env || ws.n == nil && !ws.env {
			at, other = http, ws
		}
		r.faultIn(at, at.port, wrongf("a pair needs two", "the same number as %s", other.key))
	}
}

// checkReserved refuses preferred ports that are never used. list is where the
// reserved ones are written: it is to blame if the preference is a default.
func (r *reader) checkReserved(reserved []int, list *node, http, ws preference, derived bool) {
	for _, p := range []preference{http, ws} {
		written := p.n != nil || p.env
		switch {
		case !slices.Contains(reserved, p.port):
		case written:
			r.faultIn(p, p.port, wrongf("take another one, or write ports.reserved without it", "reserved by ports.reserved"))
		case p == ws && derived && (http.n != nil || http.env):
			r.faultIn(http, http.port, wrongf("write "+ws.key+" as well", "the WebSocket port would be %d, which is reserved by ports.reserved", ws.port))
		default:
			r.fault(list, "ports.reserved", nil, wrongf("write "+p.key+", or leave it out here", "holds %d, the default of %s", p.port, p.key))
		}
	}
}
