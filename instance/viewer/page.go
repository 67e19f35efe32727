package viewer

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"mime"
	"net"
	"net/http"
	"os"
	"path"
	"strings"
	"sync"
	"time"
)

//go:embed web
var web embed.FS

// pageHandler serves the HTTP port: the page's files, /config.json and the scene file.
type pageHandler struct {
	o      Options
	scene  *sceneFile
	files  map[string]*asset // by URL path
	script string            // CSP source of the one inline script, the import map
}

type asset struct {
	body []byte
	kind string
	etag func() string // hashed when first asked for: a start must not wait for it
}

func newPageHandler(o Options, scene *sceneFile) *pageHandler {
	h := &pageHandler{o: o, scene: scene, files: make(map[string]*asset)}
	// Walking and reading an embedded tree cannot fail.
	_ = fs.WalkDir(web, "web", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := web.ReadFile(name)
		h.files[strings.TrimPrefix(name, "web")] = &asset{
			body: body,
			kind: contentType(name),
			etag: sync.OnceValue(func() string { return contentTag(body) }),
		}
		return err
	})
	h.files["/"] = h.files["/index.html"]
	h.script = importMapSource(h.files["/"].body)
	return h
}

func (h *pageHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "this viewer's page can only be read; changes go over its WebSocket", http.StatusMethodNotAllowed)
		return
	}
	head := w.Header()
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("Referrer-Policy", "no-referrer")
	head.Set("Cache-Control", "no-cache")
	switch f := h.files[r.URL.Path]; {
	case f != nil:
		head.Set("Content-Type", f.kind)
		head.Set("Content-Security-Policy", h.policy(r))
		head.Set("ETag", f.etag())
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.body))
	case r.URL.Path == "/config.json":
		h.serveConfig(w, r)
	case h.scene != nil && r.URL.Path == "/"+h.scene.url:
		h.serveScene(w, r)
	default:
		http.Error(w, "no such page; the viewer is at /", http.StatusNotFound)
	}
}

// config is what a page has to know before it can connect.
type config struct {
	Instance   string `json:"instance"`
	Fleet      string `json:"fleet"`
	Generation int    `json:"generation"`
	HTTPPort   int    `json:"http_port"`
	WSPort     int    `json:"ws_port"`
	WSURL      string `json:"ws_url"`
	Hue        int    `json:"hue"` // accent colour in degrees, so that tabs can be told apart
}

func (h *pageHandler) serveConfig(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	json.NewEncoder(w).Encode(config{
		Instance:   h.o.Instance,
		Fleet:      h.o.Fleet,
		Generation: h.o.Generation,
		HTTPPort:   h.o.HTTPPort,
		WSPort:     h.o.WSPort,
		WSURL:      socketURL(r, h.o.HTTPPort, h.o.WSPort),
		Hue:        hue(h.o.Instance),
	})
}

// serveScene opens the file for each request: a model can be large, and few pages ask.
func (h *pageHandler) serveScene(w http.ResponseWriter, r *http.Request) {
	f, err := os.Open(h.scene.path)
	if err != nil {
		h.o.Log.Warn("scene file unreadable", "viewer", h.o.Instance, "reason", err)
		http.Error(w, "the scene file cannot be read any more", http.StatusNotFound)
		return
	}
	defer f.Close()
	var changed time.Time
	if info, err := f.Stat(); err == nil {
		changed = info.ModTime()
	}
	w.Header().Set("Content-Type", "model/gltf-binary")
	http.ServeContent(w, r, "", changed, f)
}

// policy lets the page reach its own host and nothing else. Any port of that host:
// a page that stays open over a restart may find its WebSocket on another one.
// CSP has no syntax for IPv6 addresses, so there the scheme has to do.
func (h *pageHandler) policy(r *http.Request) string {
	sockets := "ws: wss:"
	if host, _, ok := splitHost(r.Host, false); ok && (net.ParseIP(host) == nil || !strings.Contains(host, ":")) {
		sockets = fmt.Sprintf("ws://%s:* wss://%s:*", host, host)
	}
	return "default-src 'none'; script-src 'self' " + h.script + "; style-src 'self'; " +
		"img-src 'self' data: blob:; connect-src 'self' data: blob: " + sockets +
		"; base-uri 'none'; form-action 'none'"
}

// importMapSource allows exactly the import map in page: it has to be inline.
func importMapSource(page []byte) string {
	_, rest, _ := bytes.Cut(page, []byte(`<script type="importmap">`))
	body, _, _ := bytes.Cut(rest, []byte("</script>"))
	sum := sha256.Sum256(body)
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

func contentTag(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + hex.EncodeToString(sum[:12]) + `"`
}

// contentType names the types that matter: a machine's own table may say that
// JavaScript is text/plain, and a module of that type is not run.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	}
	if t := mime.TypeByExtension(path.Ext(name)); t != "" {
		return t
	}
	return "text/plain; charset=utf-8"
}
