package instance

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/miktos/miktosctl/ports"
)

func TestClaims(t *testing.T) {
	pair := ports.Pair{HTTP: 8080, WebSocket: 8081}
	const none, perhaps, sure = "none", "perhaps", "sure"
	for line, want := range map[string]string{
		"OSError: [Errno 98] Address already in use":                                            perhaps,
		"Error: listen EADDRINUSE: address already in use :::8080":                              sure,
		"listen tcp 127.0.0.1:8081: bind: address already in use":                               sure,
		"error while attempting to bind on address ('127.0.0.1', 8080): address already in use": sure,
		"nginx: [emerg] bind() to 0.0.0.0:8080 failed (98: Address already in use)":             sure,
		"java.net.BindException: Address already in use":                                        perhaps,
		"2026-11-23 05:52:13,104 ERROR Address already in use":                                  perhaps,
		"metrics: listen tcp :9100: bind: address already in use":                               none,
		"Checking whether port 8080 is in use: no":                                              none,
		"port 9229 for the debugger: address already in use":                                    none,
		"serving on 8080": none,
		"":                none,
	} {
		got := none
		if c := claimOf(line, pair); c != nil && c.certain {
			got = sure
		} else if c != nil {
			got = perhaps
		}
		if got != want {
			t.Errorf("claimOf(%q) is %s, want %s", line, got, want)
		}
	}
}

func TestShorten(t *testing.T) {
	for text, want := range map[string]string{
		"  plain \r":             "plain",
		"\x1b[31mred\x07":        " [31mred ",
		"half \xff rune":         "half \uFFFD rune",
		strings.Repeat("é", 150): strings.Repeat("é", 100) + "…",
	} {
		if got := shorten(text); got != want && strings.TrimSpace(want) != got {
			t.Errorf("shorten(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestAddresses(t *testing.T) {
	for host, want := range map[string]struct {
		asked string
		page  string
	}{
		"127.0.0.1":    {"127.0.0.1 ::1", "http://localhost:1"},
		"::1":          {"127.0.0.1 ::1", "http://localhost:1"},
		"localhost":    {"127.0.0.1 ::1", "http://localhost:1"},
		"0.0.0.0":      {"127.0.0.1 ::1", "http://localhost:1"},
		"127.0.0.2":    {"127.0.0.2", "http://127.0.0.2:1"},
		"192.168.1.20": {"192.168.1.20", "http://192.168.1.20:1"},
		"fd00::1":      {"fd00::1", "http://[fd00::1]:1"},
	} {
		spec := Spec{Host: host}
		var asked []string
		for _, a := range spec.addresses() {
			asked = append(asked, netip.Addr.String(a))
		}
		if got := strings.Join(asked, " "); got != want.asked {
			t.Errorf("%s: asks %s, want %s", host, got, want.asked)
		}
		if got := spec.PageURL(ports.Pair{HTTP: 1, WebSocket: 2}); got != want.page {
			t.Errorf("%s: got page %s, want %s", host, got, want.page)
		}
	}
}
