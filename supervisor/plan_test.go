package supervisor

import (
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/miktos/miktosctl/configs"
	"github.com/miktos/miktosctl/ports"
)

func planner(t *testing.T, file string, env ...string) (*Supervisor, []configs.Place) {
	t.Helper()
	f, err := configs.Parse("fleet.toml", []byte(file), func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	s := &Supervisor{
		fleet:  f,
		env:    env,
		dirs:   Dirs{Runtime: "/run/fleet", State: "/state/fleet"},
		viewer: []string{"/bin/miktosctl", "viewer"},
		log:    slog.New(slog.DiscardHandler),
	}
	return s, f.Places(0)
}

func TestChildEnvironment(t *testing.T) {
	s, places := planner(t, `
name = "studio"
[viewer]
command = ["python3", "-m", "viewer", "--port", "{http_port}", "--title", "{{{id}}}"]
env = { TITLE = "{fleet}/{id} #{generation}", MIKTOS_HTTP_PORT = "1" }
[[file]]
path = "conf/{id}.json"
template = '{{"port": {ws_port}}}'
mode = "0600"
`, "HOME=/root", "PORT=1", "NOTIFY_SOCKET=/run/x", "LISTEN_FDS=2", "MIKTOS_WS_PORT=9", "=C:=x", "PORT=2")
	spec := s.spec(places[0])
	what := spec.Launch(ports.Pair{HTTP: 8090, WebSocket: 8091}, 7)

	if got, want := strings.Join(what.Args, " "), "python3 -m viewer --port 8090 --title {viewer-1}"; got != want || what.Path != "python3" {
		t.Errorf("got %s: %q, want %q", what.Path, got, want)
	}
	want := []string{
		"HOME=/root", "PORT=8090", "MIKTOS_WS_PORT=8091", "PYTHONUNBUFFERED=1",
		// What the fleet file says wins: it is the user's own word.
		"MIKTOS_HTTP_PORT=1",
		"MIKTOS_HOST=127.0.0.1", "MIKTOS_INSTANCE=viewer-1", "MIKTOS_FLEET=studio", "MIKTOS_GENERATION=7",
		"MIKTOS_URL=http://localhost:8090", "TITLE=studio/viewer-1 #7", "MIKTOS_TOKEN=" + what.Token,
	}
	if !slices.Equal(what.Env, want) {
		t.Errorf("got  %q\nwant %q", what.Env, want)
	}
	if again := spec.Launch(ports.Pair{HTTP: 8090, WebSocket: 8091}, 7); again.Token == what.Token || len(what.Token) < 20 {
		t.Errorf("got tokens %q and %q, want two that nobody guesses", what.Token, again.Token)
	}
	file := what.Files[0]
	if file.Path != filepath.Join("/run/fleet/instances/viewer-1/conf/viewer-1.json") || file.Text != `{"port": 8091}` || file.Mode != 0o600 {
		t.Errorf("got %+v, want the rendered file in the instance's own folder", file)
	}
}

func TestPythonBufferingIsTheUsersChoice(t *testing.T) {
	s, places := planner(t, "", "PYTHONUNBUFFERED=")
	env := s.spec(places[0]).Launch(ports.Pair{HTTP: 1, WebSocket: 2}, 1).Env
	if !slices.Contains(env, "PYTHONUNBUFFERED=") {
		t.Errorf("got %q, want PYTHONUNBUFFERED left empty", env)
	}
}

func TestBuiltInViewerIsTheDefault(t *testing.T) {
	s, places := planner(t, "")
	what := s.spec(places[0]).Launch(ports.Pair{HTTP: 1, WebSocket: 2}, 1)
	if got, want := strings.Join(what.Args, " "), "/bin/miktosctl viewer"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	what.Args[1] = "changed"
	if s.viewer[1] != "viewer" {
		t.Error("two launches share their arguments")
	}
}

func TestMaxStarting(t *testing.T) {
	for cpus, want := range map[int]int{1: 16, 2: 16, 4: 16, 8: 32} {
		if got := maxStarting(cpus); got != want {
			t.Errorf("maxStarting(%d) = %d, want %d", cpus, got, want)
		}
	}
	if got := slots(0); got != nil {
		t.Error("got a limit for 0, want none")
	}
	if got := cap(slots(3)); got != 3 {
		t.Errorf("got %d slots, want 3", got)
	}
}
