package viewer

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path"
	"regexp"
	"strings"
	"testing"
)

func TestPageIsServed(t *testing.T) {
	v := start(t, Options{})
	resp, body := get(t, v.page()+"/")
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/html; charset=utf-8" || !strings.Contains(body, "<canvas") {
		t.Errorf("got %d %q, want the page", resp.StatusCode, resp.Header.Get("Content-Type"))
	}
	tag := resp.Header.Get("ETag")
	if resp, body := get(t, v.page()+"/", "If-None-Match", tag); resp.StatusCode != 304 || body != "" {
		t.Errorf("got %d with tag %q, want 304", resp.StatusCode, tag)
	}
	if resp, body := do(t, http.MethodHead, v.page()+"/"); resp.StatusCode != 200 || body != "" {
		t.Errorf("HEAD: got %d %q, want 200 and no body", resp.StatusCode, body)
	}
	if resp, _ := get(t, v.page()+"/nothing"); resp.StatusCode != 404 {
		t.Errorf("got %d, want 404", resp.StatusCode)
	}
	if resp, _ := do(t, http.MethodPost, v.page()+"/"); resp.StatusCode != 405 || resp.Header.Get("Allow") == "" {
		t.Errorf("POST: got %d, want 405 with Allow", resp.StatusCode)
	}
}

// Whatever a module imports has to be embedded, and as JavaScript: there is no other
// place that it could come from.
func TestEveryImportIsEmbedded(t *testing.T) {
	h := newPageHandler(Options{}, nil)
	checked := 0
	for name, f := range h.files {
		if !strings.HasSuffix(name, ".js") {
			continue
		}
		for line := range strings.Lines(string(f.body)) {
			_, from, found := strings.Cut(line, " from '")
			target, rest, closed := strings.Cut(from, "'")
			if !found || !closed || strings.TrimSpace(rest) != ";" || strings.HasPrefix(strings.TrimSpace(line), "*") {
				continue
			}
			switch {
			case target == "three":
				target = "/vendor/three/build/three.module.js"
			case strings.HasPrefix(target, "three/addons/"):
				target = "/vendor/" + target
			default:
				target = path.Join(path.Dir(name), target)
			}
			checked++
			if got := h.files[target]; got == nil || !strings.HasPrefix(got.kind, "text/javascript") {
				t.Errorf("%s imports %s, which is not embedded", name, target)
			}
		}
	}
	if checked < 10 {
		t.Errorf("found %d imports, want more: the pattern does not fit", checked)
	}
	if _, err := fs.Stat(web, "web/vendor/three/LICENSE"); err != nil {
		t.Error(err)
	}
	// A path under a gateway is not the root: nothing may be addressed from there.
	if rooted := regexp.MustCompile(`(?:src|href)="/|fetch\('/`).Find(h.files["/"].body); rooted != nil {
		t.Errorf("page addresses %s from the root", rooted)
	}
}

func TestPolicyKeepsThePageAtHome(t *testing.T) {
	v := start(t, Options{})
	for host, want := range map[string]string{
		"":                        "ws://127.0.0.1:* wss://127.0.0.1:*",
		"viewer-1.localhost:8070": "ws://viewer-1.localhost:* wss://viewer-1.localhost:*",
		"[::1]:8080":              " ws: wss:",
		"a;script-src":            " ws: wss:",
	} {
		header := []string{}
		if host != "" {
			header = []string{"Host", host}
		}
		resp, body := get(t, v.page()+"/", header...)
		if resp.StatusCode == 400 {
			continue // refused by net/http already
		}
		policy := resp.Header.Get("Content-Security-Policy")
		if !strings.Contains(policy, want) || !strings.HasPrefix(policy, "default-src 'none'") {
			t.Errorf("host %q: got %s, want %q in it", host, policy, want)
		}
		if !strings.Contains(policy, importMapSource([]byte(body))) || importMapSource([]byte(body)) == importMapSource(nil) {
			t.Errorf("host %q: policy does not allow the page's import map: %s", host, policy)
		}
	}
}

func TestConfigSaysWhereTheSocketIs(t *testing.T) {
	v := start(t, Options{Instance: "viewer-2", Fleet: "studio", Generation: 4})
	resp, body := get(t, v.page()+"/config.json")
	var got config
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	want := config{"viewer-2", "studio", 4, v.o.HTTPPort, v.o.WSPort, v.socket(), hue("viewer-2")}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if resp.Header.Get("Cache-Control") != "no-store" {
		t.Error("config.json may be cached: ports change")
	}
}

func TestSocketURL(t *testing.T) {
	for _, c := range []struct{ host, proto, want string }{
		{"localhost:8080", "", "ws://localhost:8081/"},
		{"127.0.0.1:8080", "", "ws://127.0.0.1:8081/"},
		{"[::1]:8080", "", "ws://[::1]:8081/"},
		{"viewer-1.localhost:8070", "", "ws://viewer-1.localhost:8070/"},
		{"viewer-1.localhost:8070", "https", "wss://viewer-1.localhost:8070/"},
		{"viewer.example", "", "ws://viewer.example/"},
		{"viewer.example", "https", "wss://viewer.example/"},
		{"viewer.example", "HTTPS, http", "wss://viewer.example/"},
		{"viewer.example", "gopher", "ws://viewer.example/"},
		{"viewer.example:8080", "https", "wss://viewer.example:8080/"},
		{"", "", "ws://localhost:8081/"},
		{`"><script>`, "", "ws://localhost:8081/"},
		{"host:99999", "", "ws://localhost:8081/"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/config.json", nil)
		r.Host = c.host
		if c.proto != "" {
			r.Header.Set("X-Forwarded-Proto", c.proto)
		}
		if got := socketURL(r, 8080, 8081); got != c.want {
			t.Errorf("%q %q: got %s, want %s", c.host, c.proto, got, c.want)
		}
	}
}

func TestNeighboursHaveDistinctHues(t *testing.T) {
	for n := 1; n < 6; n++ {
		for m := n + 1; m <= 6; m++ {
			a, b := hue(fmt.Sprintf("viewer-%d", n)), hue(fmt.Sprintf("viewer-%d", m))
			d := (a - b + 360) % 360
			if min(d, 360-d) < 25 {
				t.Errorf("viewer-%d and viewer-%d: hues %d and %d look alike", n, m, a, b)
			}
		}
	}
	if hue("hero") == hue("villain") {
		t.Error("names without a number share a hue")
	}
}

func TestScriptsParse(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("needs node in PATH to check syntax without a browser")
	}
	for _, name := range []string{"app", "link", "panel", "stage", "shapes", "backdrop"} {
		body, err := web.ReadFile("web/" + name + ".js")
		if err != nil {
			t.Fatal(err)
		}
		if out, err := exec.CommandContext(t.Context(), node, "--check", writeFile(t, name+".mjs", string(body))).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

func BenchmarkProbe(b *testing.B) {
	h := newPageHandler(Options{HTTPPort: 8080, WSPort: 8081}, nil)
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for b.Loop() {
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
}

func BenchmarkNewPageHandler(b *testing.B) {
	for b.Loop() {
		newPageHandler(Options{}, nil)
	}
}
