package viewer

import (
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// splitHost takes a Host header or an Origin's host apart. The port of a host
// without one is the scheme's. ok is false for anything that is not plainly a
// name or an address: what comes from here is put into headers and URLs.
func splitHost(hostport string, tls bool) (host string, port int, ok bool) {
	port = 80
	if tls {
		port = 443
	}
	host = hostport
	if h, p, err := net.SplitHostPort(hostport); err == nil {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil {
			return "", 0, false
		}
		host, port = h, int(n)
	} else if strings.HasPrefix(hostport, "[") && strings.HasSuffix(hostport, "]") {
		host = hostport[1 : len(hostport)-1]
	}
	if host == "" || strings.Trim(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:") != "" {
		return "", 0, false
	}
	if strings.Contains(host, ":") && net.ParseIP(host) == nil {
		return "", 0, false
	}
	return host, port, true
}

// socketURL is the WebSocket address for whoever sent r. Somebody who came
// straight to the HTTP port goes straight to the WebSocket port. Anybody else came
// through a gateway, which sends upgrades on the same origin to that port.
func socketURL(r *http.Request, httpPort, wsPort int) string {
	tls := forwardedTLS(r)
	scheme := "ws"
	if tls {
		scheme = "wss"
	}
	host, port, ok := splitHost(r.Host, tls)
	switch {
	case !ok: // HTTP/1.0, or nonsense
		return "ws://" + net.JoinHostPort("localhost", strconv.Itoa(wsPort)) + "/"
	case port == httpPort && !tls: // we speak no TLS ourselves
		return "ws://" + net.JoinHostPort(host, strconv.Itoa(wsPort)) + "/"
	default:
		return scheme + "://" + r.Host + "/"
	}
}

func forwardedTLS(r *http.Request) bool {
	proto, _, _ := strings.Cut(r.Header.Get("X-Forwarded-Proto"), ",")
	return strings.EqualFold(strings.TrimSpace(proto), "https")
}

// originAllowed keeps other sites' pages out. The page comes from another port of
// the same host, so the host decides; a program sends no Origin.
func originAllowed(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" {
		return false
	}
	from, _, ok1 := splitHost(u.Host, false)
	to, _, ok2 := splitHost(r.Host, false)
	return ok1 && ok2 && strings.EqualFold(from, to)
}
