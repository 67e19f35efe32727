package configs

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/BurntSushi/toml"
)

// parse returns the fleet of a text that must be right.
func parse(t testing.TB, text string) *Fleet {
	t.Helper()
	f, err := Parse("fleet.toml", []byte(text), nil)
	if err != nil {
		t.Fatalf("%s\n%v", text, err)
	}
	return f
}

// equal compares two fleets by everything but their path.
func equal(t testing.TB, got, want *Fleet) {
	t.Helper()
	a, b := *got, *want
	a.Path, b.Path = "", ""
	if !reflect.DeepEqual(a, b) {
		t.Errorf("got  %+v\nwant %+v", a, b)
	}
}

func TestEmptyFileIsDefault(t *testing.T) {
	for _, text := range []string{"", "\n", "# nothing\n", "\ufeff", "[ports]\n[viewer]\r\n", "[gateway]\nenabled = true\n"} {
		equal(t, parse(t, text), Default())
	}
	f, err := Parse("", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if f.Path != "" {
		t.Errorf("got the path %q of no file", f.Path)
	}
	equal(t, f, Default())
}

func TestStudio(t *testing.T) {
	f, err := Load("examples/studio.toml", nil)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := filepath.Abs("examples")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := f.Path, filepath.Join(dir, "studio.toml"); got != want {
		t.Errorf("got the path %q, want %q", got, want)
	}
	places := f.Places(0)
	if len(places) != 3 {
		t.Fatalf("got %d places, want 3", len(places))
	}
	hero := places[0]
	if hero.ID != "hero" || hero.Index != 1 || hero.Ports.HTTP != 9080 || hero.Ports.WebSocket != 9081 {
		t.Errorf("got %s (%d) on %d/%d, want hero (1) on 9080/9081", hero.ID, hero.Index, hero.Ports.HTTP, hero.Ports.WebSocket)
	}
	if got, want := hero.Viewer.Env, map[string]string{"QUALITY": "high", "SCENE": "hero.glb"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got the environment %v, want %v", got, want)
	}
	if got := places[1]; got.ID != "viewer-2" || got.Ports.HTTP != 8080 || got.Viewer.Dir != dir {
		t.Errorf("got %s on %d in %q, want viewer-2 on 8080 in %q", got.ID, got.Ports.HTTP, got.Viewer.Dir, dir)
	}
	if got, want := time.Duration(hero.Probe.StartTimeout), 45*time.Second; got != want {
		t.Errorf("got a start timeout of %v, want %v", got, want)
	}
}

// TestEveryKey gives every key another value than its default, through each of
// the ways in which TOML can write it, and looks whether it arrives.
func TestEveryKey(t *testing.T) {
	f := parse(t, `
name = "x"
"instances" = 4
max_starting = 0
viewer = { command = ["a", "b c"], env.K = "v" }
stop.signal = "sigint"
stop.timeout = "0s"
[ports]
host = "::1"
http = 9080
websocket = 9090
http_fallback = []
websocket_fallback = [ 9001, # one
  9002, ]
search_range = 0
reserved = [1]
retry_attempts = 0
quarantine = "0s"
hold = 'guard'
[restart]
policy = "never"
delay = "250ms"
max_delay = "1h30m"
max_failures = 0
failed_retry = "0s"
stable_after = "1s"
[probe]
http = ""
websocket = "/ws?x=1"
start_timeout = "1m"
interval = "0s"
timeout = "1s"
failures = 1
[logs]
max_size = "1.5KiB"
keep = 0
format = "json"
[gateway]
enabled = false
[[file]]
path = "{id}/x"
mode = "0600"
template = "{http_port}"
`)
	want := Default()
	want.Name, want.Instances, want.MaxStarting = "x", 4, 0
	want.Viewer = Viewer{Command: []string{"a", "b c"}, Env: map[string]string{"K": "v"}, Ports: "pair"}
	want.Ports = Ports{
		Host: "::1", HTTP: 9080, WebSocket: 9090, HTTPFallback: []int{}, WebSocketFallback: []int{9001, 9002},
		Reserved: []int{1}, Hold: "guard",
	}
	want.Restart = Restart{
		Policy: "never", Delay: Duration(250 * time.Millisecond), MaxDelay: Duration(90 * time.Minute),
		StableAfter: Duration(time.Second),
	}
	want.Probe = Probe{WebSocket: "/ws?x=1", StartTimeout: Duration(time.Minute), Timeout: Duration(time.Second), Failures: 1}
	want.Stop = Stop{Signal: "INT"}
	want.Logs = Logs{MaxSize: 1536, Format: "json"}
	want.Gateway.Enabled = false
	want.Files = []File{{Path: "{id}/x", Template: "{http_port}", Mode: 0o600}}
	equal(t, f, want)
	roundTrip(t, f)
}

// roundTrip writes the fleet as TOML and reads it back. Texts from sources become
// inline ones.
func roundTrip(t testing.TB, f *Fleet) {
	t.Helper()
	written := *f
	written.Files = slices.Clone(f.Files)
	for i := range written.Files {
		written.Files[i].Source = ""
	}
	text, err := toml.Marshal(written)
	if err != nil {
		t.Fatal(err)
	}
	name := f.Path
	if name == "" {
		name = "fleet.toml"
	}
	back, err := Parse(name, text, nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	equal(t, back, &written)
}

func TestSource(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("conf.in", "port {http_port}\n")
	write("bad.in", "ok\n{prt}\n")
	write("fleet.toml", "[[file]]\npath = 'conf'\nsource = 'conf.in'\n")
	f, err := Load(filepath.Join(dir, "fleet.toml"), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := File{Path: "conf", Template: "port {http_port}\n", Source: filepath.Join(dir, "conf.in"), Mode: 0o644}
	if got := f.Files[0]; got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	roundTrip(t, f)

	write("fleet.toml", "[[file]]\npath = 'conf'\nsource = 'bad.in'\n")
	_, err = Load(filepath.Join(dir, "fleet.toml"), nil)
	if err == nil || !strings.Contains(err.Error(), `fleet.toml:3: file[1].source = "bad.in": unknown placeholder {prt} on line 2 of the text`) {
		t.Errorf("got %v, want the placeholder in line 2 of the source", err)
	}
}

// TestFolderWithBraces guards that the folder of the file, which becomes part of
// a template, is not taken for one.
func TestFolderWithBraces(t *testing.T) {
	base := filepath.Join(t.TempDir(), "{id} }x{")
	if err := os.MkdirAll(filepath.Join(base, "scenes"), 0o700); err != nil {
		t.Fatal(err)
	}
	f, err := Parse(filepath.Join(base, "fleet.toml"), []byte(`
viewer.dir = "scenes"
[[instance]]
dir = "scenes/{id}"
[[instance]]
dir = "{run_dir}/x"
`), nil)
	if err != nil {
		t.Fatal(err)
	}
	vars := Vars{ID: "a", RunDir: "/run"}
	for i, want := range []string{filepath.Join(base, "scenes/a"), "/run/x"} {
		if got := Expand(f.Places(0)[i].Viewer.Dir, vars); got != want {
			t.Errorf("got the folder %q, want %q", got, want)
		}
	}
	if got, want := Expand(f.Viewer.Dir, vars), filepath.Join(base, "scenes"); got != want {
		t.Errorf("got the folder %q, want %q", got, want)
	}
}

func BenchmarkParse(b *testing.B) {
	data, err := os.ReadFile("examples/studio.toml")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := Parse("examples/studio.toml", data, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParse1000Instances(b *testing.B) {
	data := []byte(strings.Repeat("[[instance]]\nhttp = 9080\nenv = { A = 'b' }\n", 1000))
	for b.Loop() {
		if _, err := Parse("fleet.toml", data, nil); err != nil {
			b.Fatal(err)
		}
	}
}
