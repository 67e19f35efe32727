package configs

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func ids(places []Place) (ids []string) {
	for _, p := range places {
		ids = append(ids, p.ID)
	}
	return ids
}

func TestPlaces(t *testing.T) {
	named := func(ids ...string) string {
		var b strings.Builder
		for _, id := range ids {
			b.WriteString("[[instance]]\n")
			if id != "" {
				fmt.Fprintf(&b, "id = %q\n", id)
			}
		}
		return b.String()
	}
	for _, test := range []struct {
		name string
		text string
		n    int
		want []string
	}{
		{"nothing", "", 0, []string{"viewer-1"}},
		{"n", "", 3, []string{"viewer-1", "viewer-2", "viewer-3"}},
		{"written", "instances = 2", 0, []string{"viewer-1", "viewer-2"}},
		{"n wins", "instances = 2", 3, []string{"viewer-1", "viewer-2", "viewer-3"}},
		{"names", named("a", "b"), 0, []string{"a", "b"}},
		{"names and more", "instances = 3\n" + named("a", "b"), 0, []string{"a", "b", "viewer-3"}},
		{"fewer than names", named("a", "b", "c"), 2, []string{"a", "b"}},
		{"more than names", named("a"), 2, []string{"a", "viewer-2"}},
		{"without id", named("", "b", ""), 0, []string{"viewer-1", "b", "viewer-3"}},
		{"place", named("viewer-3"), 0, []string{"viewer-1", "viewer-2", "viewer-3"}},
		{"place between names", named("a", "viewer-2", "b", "viewer-1"), 0, []string{"viewer-1", "viewer-2", "a", "b"}},
		{"place beyond n", named("viewer-3", "a"), 2, []string{"a", "viewer-2"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := parse(t, test.text)
			places := f.Places(test.n)
			if got := ids(places); !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
			for i, p := range places {
				if p.Index != i+1 {
					t.Errorf("got the index %d of place %d", p.Index, i+1)
				}
			}
			if test.n == 0 && f.Instances != len(test.want) {
				t.Errorf("got %d instances, want %d", f.Instances, len(test.want))
			}
		})
	}
}

// TestPlacesOfUnloaded is for fleets that a program makes.
func TestPlacesOfUnloaded(t *testing.T) {
	f := Default()
	f.Instances = 0
	f.Overrides = []Override{{ID: "viewer-2", HTTP: 9000}}
	places := f.Places(0)
	if got, want := ids(places), []string{"viewer-1", "viewer-2"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := places[1].Ports; got.HTTP != 9000 || got.WebSocket != 9001 {
		t.Errorf("got %d/%d, want 9000/9001", got.HTTP, got.WebSocket)
	}
}

func TestOverride(t *testing.T) {
	f := parse(t, `
instances = 2
[viewer]
command = ["a"]
env = { A = "1", B = "2" }
[restart]
policy = "always"
[[instance]]
id = "hero"
command = ["b", "{id}"]
dir = "/"
env = { B = "", C = "3" }
host = "::1"
http = 9080
websocket = 9090
restart.failed_retry = "0s"
restart.max_failures = 0
probe = { websocket = "", interval = "0s", start_timeout = "2m" }
[instance.stop]
signal = "SIGUSR1"
timeout = "0s"
`)
	roundTrip(t, f)
	plain := f.Places(0)[1]
	want := plain
	want.ID, want.Index = "hero", 1
	want.Viewer = Viewer{Command: []string{"b", "{id}"}, Dir: "/", Env: map[string]string{"A": "1", "B": "", "C": "3"}, Ports: "pair"}
	want.Ports.Host, want.Ports.HTTP, want.Ports.WebSocket = "::1", 9080, 9090
	want.Restart.FailedRetry, want.Restart.MaxFailures = 0, 0
	want.Probe.WebSocket, want.Probe.Interval, want.Probe.StartTimeout = "", 0, Duration(2*time.Minute)
	want.Stop = Stop{Signal: "USR1"}
	if got := f.Places(0)[0]; !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if plain.Restart.Policy != "always" || plain.Restart.MaxFailures != 8 || plain.Ports.HTTP != 8080 {
		t.Errorf("got %+v, want the fleet's own", plain)
	}
}

// TestPlacesShareNothing changes all of one place and looks at the others.
func TestPlacesShareNothing(t *testing.T) {
	f := parse(t, "instances = 2\nviewer = { command = ['a'], env.A = '1' }\n[[instance]]\ncommand = ['b']\n[[file]]\npath = 'x'\ntemplate = ''\n")
	want := f.Places(0)
	for _, p := range f.Places(0) {
		p.Viewer.Command[0] = "changed"
		p.Viewer.Env["A"] = "changed"
		p.Ports.HTTPFallback[0] = 1
		p.Ports.WebSocketFallback[0] = 1
		p.Ports.Reserved[0] = 1
		p.Files[0].Path = "changed"
	}
	if got := f.Places(0); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// TestPreferredPorts is the order environment, [[instance]], [ports], default.
func TestPreferredPorts(t *testing.T) {
	for _, test := range []struct {
		name     string
		text     string
		http, ws string // of the environment
		want     string // pairs of the places
	}{
		{"default", "", "", "", "8080/8081"},
		{"http", "ports.http = 9000\nports.reserved = []", "", "", "9000/9001"},
		{"default http", "ports.http = 8080", "", "", "8080/8081"},
		{"websocket", "ports.websocket = 9001", "", "", "8080/9001"},
		{"both", "ports = { http = 9080, websocket = 9090 }", "", "", "9080/9090"},
		{"instance http", "ports.websocket = 9999\n[[instance]]\nhttp = 9080", "", "", "9080/9081"},
		{"instance websocket", "[[instance]]\nwebsocket = 9090", "", "", "8080/9090"},
		{"environment", "", "9080", "9090", "9080/9090"},
		{"environment http", "", "9080", "", "9080/9081"},
		{"environment websocket", "", "", "9090", "8080/9090"},
		{"environment over file", "ports = { http = 7000, websocket = 7001 }", "9080", "9090", "9080/9090"},
		{"environment http, file websocket", "ports.websocket = 7001", "9080", "", "9080/7001"},
		{"environment websocket, file http", "ports.http = 7000", "", "9090", "7000/9090"},
		{"environment over instance", "instances = 2\n[[instance]]\nhttp = 7000\nwebsocket = 7001", "9080", "9090", "9080/9090 9080/9090"},
		{"environment http over instance", "[[instance]]\nhttp = 7000", "9080", "", "9080/9081"},
		{"environment websocket over instance", "instances = 2\n[[instance]]\nhttp = 7000", "", "9090", "7000/9090 8080/9090"},
		{"environment http, instance websocket", "[[instance]]\nwebsocket = 7001", "9080", "", "9080/7001"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f, err := Parse("", []byte(test.text), environment(test.http, test.ws))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range f.Places(0) {
				got = append(got, fmt.Sprintf("%d/%d", p.Ports.HTTP, p.Ports.WebSocket))
			}
			if got := strings.Join(got, " "); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
			roundTrip(t, f)
		})
	}
}

func environment(http, ws string) func(string) string {
	return func(name string) string {
		return map[string]string{"MIKTOS_HTTP_PORT": http, "MIKTOS_WS_PORT": ws}[name]
	}
}

func TestBadEnvironment(t *testing.T) {
	for _, test := range []struct{ text, http, ws, want string }{
		{"", "abc", "80", "MIKTOS_HTTP_PORT = \"abc\": must be a port number\nMIKTOS_WS_PORT = \"80\": must be between 1024 and 65535"},
		{"", " 9080", "", `MIKTOS_HTTP_PORT = " 9080": must be a port number`},
		{"", "0x2000", "", `MIKTOS_HTTP_PORT = "0x2000": must be a port number`},
		{"", "65535", "", `MIKTOS_HTTP_PORT = 65535: leaves no number for the WebSocket port, which is this plus one; write ports.websocket as well`},
		{"", "9000", "", `MIKTOS_HTTP_PORT = 9000: reserved by ports.reserved; take another one, or write ports.reserved without it`},
		{"", "9080", "9080", `MIKTOS_WS_PORT = 9080: the same number as MIKTOS_HTTP_PORT; a pair needs two`},
		{"ports.websocket = 9080", "9080", "", `MIKTOS_HTTP_PORT = 9080: the same number as ports.websocket; a pair needs two`},
		{"[[instance]]\nhttp = 9090", "", "9090", `MIKTOS_WS_PORT = 9090: the same number as instance[1].http; a pair needs two`},
		{"nam = 'x'", "1", "", "fleet.toml:1: nam: unknown key; did you mean name?\nMIKTOS_HTTP_PORT = \"1\": must be between 1024 and 65535"},
	} {
		_, err := Parse("fleet.toml", []byte(test.text), environment(test.http, test.ws))
		if err == nil || err.Error() != test.want {
			t.Errorf("%q %q %q: got %v\nwant %s", test.text, test.http, test.ws, err, test.want)
		}
	}
}

// TestPlacesProperties checks any mix of entries: as many places as said, each
// id once, and every entry somewhere.
func TestPlacesProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		entries := rapid.SliceOfNDistinct(rapid.OneOf(
			rapid.StringMatching(`[a-f][0-9]`),
			rapid.Map(rapid.IntRange(1, 12), placeID),
		), 0, 8, rapid.ID).Draw(t, "ids")
		f := Default()
		f.Instances = 0
		for _, id := range entries {
			f.Overrides = append(f.Overrides, Override{ID: id})
		}
		got := ids(f.Places(0))
		seen := make(map[string]bool)
		for i, id := range got {
			if seen[id] {
				t.Fatalf("got %s twice in %q", id, got)
			}
			seen[id] = true
			if k, ok := placeNumber(id); ok && k != i+1 {
				t.Fatalf("got %s as place %d", id, i+1)
			}
		}
		for _, id := range entries {
			if !seen[id] {
				t.Fatalf("got %q, without %s", got, id)
			}
		}
		n := rapid.IntRange(1, 20).Draw(t, "n")
		more := ids(f.Places(n))
		if len(more) != n || !slices.Equal(more[:min(n, len(got))], got[:min(n, len(got))]) {
			t.Fatalf("got %q of %d, want the same beginning as %q", more, n, got)
		}
	})
}

func BenchmarkPlaces(b *testing.B) {
	f := Default()
	for b.Loop() {
		f.Places(1000)
	}
}
