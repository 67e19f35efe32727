package viewer

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestPage drives real pages in one headless Chromium.
func TestPage(t *testing.T) {
	b := browser(t)
	t.Run("three viewers", func(t *testing.T) { testThreeViewers(t, b) })
	t.Run("reconnect", func(t *testing.T) { testReconnect(t, b) })
	t.Run("phone", func(t *testing.T) { testPhone(t, b) })
	t.Run("gateway", func(t *testing.T) { testGateway(t, b) })
	t.Run("model", func(t *testing.T) { testModel(t, b) })
	t.Run("hands", func(t *testing.T) { testHands(t, b) })
}

func testThreeViewers(t *testing.T, b context.Context) {
	var pages []tab
	var viewers []running
	for i := range 3 {
		v := start(t, Options{Instance: fmt.Sprintf("viewer-%d", i+1), Fleet: "studio", Generation: i + 1}, lowCost)
		viewers = append(viewers, v)
		pages = append(pages, open(t, b, v.page()))
	}
	for i, p := range pages {
		if f := p.frame(); !f.NonBlank {
			t.Errorf("viewer-%d: frame is blank: %+v", i+1, f)
		}
		if got, want := eval[string](p, `document.getElementById('instance').textContent`), fmt.Sprintf("viewer-%d", i+1); got != want {
			t.Errorf("page shows %q, want %q", got, want)
		}
		p.shoot(fmt.Sprintf("viewer-%d", i+1))
	}

	second := open(t, b, viewers[0].page())
	const green = `miktos.readPixels().count((r, g, b) => g > 120 && r < 40 && b < 40)`
	if n := eval[int](second, green); n != 0 {
		t.Fatalf("%d green pixels before anything green was added", n)
	}
	pages[0].click("#add")
	pages[0].wait(`miktos.selected`)
	id := eval[string](pages[0], `miktos.selected`)
	second.wait(`miktos.objects().some((o) => o.id === %q)`, id)
	// It may stand behind something, so it is brought up where everybody sees it.
	pages[0].js(`miktos.send({type: 'object_update', update_type: 'object_modified',
		object_data: {id: %q, type: 'cube', color: '#00ff00', position: [0, 2.6, 0], roughness: 1}})`, id)
	second.wait(`miktos.objects().some((o) => o.id === %q && o.color === '#00ff00')`, id)
	if n := eval[int](second, green); n < 20 {
		t.Errorf("second page got the green object but drew %d green pixels", n)
	}
	// A round trip on each of the others: had they been told, they would know by now.
	for i, p := range pages[1:] {
		p.js(`miktos.send({type: 'set_quality', quality: 'low'})`)
		p.wait(`miktos.quality === 'low'`)
		if slices.Contains(p.objects(), id) {
			t.Errorf("object of viewer-1 appeared in viewer-%d", i+2)
		}
	}
	pages[0].shoot("added")

	second.js(`miktos.select(%q)`, id)
	second.click("#delete")
	pages[0].wait(`!miktos.objects().some((o) => o.id === %q)`, id)
	second.click("#clear")
	pages[0].wait(`miktos.objects().length === 0 && document.getElementById('count').textContent === '0'`)
	pages[0].shoot("cleared")
}

func testReconnect(t *testing.T, b context.Context) {
	first := start(t, Options{Generation: 1}, lowCost)
	p := open(t, b, first.page(), "ERR_CONNECTION_REFUSED", "WebSocket connection")
	p.js(`miktos.send({type: 'object_update', update_type: 'object_added', object_data: {id: 'only-before', type: 'cube'}})`)
	p.wait(`miktos.objects().some((o) => o.id === 'only-before')`)
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	p.wait(`miktos.state === 'reconnecting' && document.getElementById('link').textContent === 'reconnecting'`)
	p.shoot("reconnecting")

	start(t, Options{HTTPPort: first.o.HTTPPort, WSPort: first.o.WSPort, Generation: 2}, lowCost)
	p.wait(`miktos.state === 'connected' && miktos.config.generation === 2`)
	if got := p.objects(); slices.Contains(got, "only-before") {
		t.Errorf("page kept an object of the old scene: %v", got)
	}
	p.wait(`document.getElementById('lineage').textContent.includes('generation 2')`)
}

func testPhone(t *testing.T, b context.Context) {
	v := start(t, Options{Instance: "viewer-2", Fleet: "studio", Generation: 1}, lowCost)
	p := open(t, b, v.page())
	reload := func() {
		p.do(chromedp.Reload())
		p.wait(`window.miktos?.state === 'connected'`)
	}
	p.do(chromedp.EmulateViewport(360, 800, chromedp.EmulateMobile, chromedp.EmulateTouch, chromedp.EmulateScale(2)))
	reload()
	if got := eval[int](p, `document.documentElement.scrollWidth`); got > 360 {
		t.Errorf("page is %d pixels wide, want at most 360", got)
	}
	type box struct {
		ID                  string
		Left, Right, Height float64
	}
	for _, bt := range eval[[]box](p, `[...document.querySelectorAll('.tools button, .tools label')].map((b) => {
		const r = b.getBoundingClientRect(); return { ID: b.id || 'quality', Left: r.left, Right: r.right, Height: r.height } })`) {
		if bt.Left < 0 || bt.Right > 360 || bt.Height < 44 {
			t.Errorf("%s is out of a thumb's reach: %+v", bt.ID, bt)
		}
	}
	if f := p.frame(); !f.NonBlank {
		t.Errorf("frame is blank: %+v", f)
	}
	p.shoot("phone")
	dark := p.frame()
	p.scheme("light")
	p.wait(`miktos.readPixels().hash !== %d`, dark.Hash)
	p.shoot("phone-light")
	p.click("summary")
	p.shoot("phone-list")
	p.do(chromedp.EmulateViewport(1280, 800))
	reload()
	p.shoot("light")
}

// testGateway puts a viewer under a path of another origin, as a gateway does, and
// moves it to other ports: the page must follow without being loaded again.
func testGateway(t *testing.T, b context.Context) {
	var now atomic.Pointer[running]
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			port := now.Load().o.HTTPPort
			if r.In.Header.Get("Upgrade") != "" {
				port = now.Load().o.WSPort
			}
			r.SetURL(&url.URL{Scheme: "http", Host: fmt.Sprintf("127.0.0.1:%d", port)})
			r.Out.Host = r.In.Host
		},
		Transport: &http.Transport{DisableKeepAlives: true},
		ErrorLog:  log.New(io.Discard, "", 0),
	}
	mux := http.NewServeMux()
	mux.Handle("/i/viewer-1/", http.StripPrefix("/i/viewer-1", proxy))
	gateway := httptest.NewServer(mux)
	t.Cleanup(gateway.Close)

	first := start(t, Options{Generation: 1}, lowCost)
	now.Store(&first)
	p := open(t, b, gateway.URL+"/i/viewer-1/", "502", "WebSocket connection")
	if got, want := eval[string](p, `miktos.config.ws_url`), strings.Replace(gateway.URL, "http", "ws", 1)+"/"; got != want {
		t.Errorf("got %s, want the gateway's own %s", got, want)
	}
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	p.wait(`miktos.state === 'reconnecting'`)
	second := start(t, Options{Generation: 2}, lowCost)
	now.Store(&second)
	p.wait(`miktos.state === 'connected' && miktos.config.generation === 2 && document.getElementById('ws').textContent === '%d'`, second.o.WSPort)
	if f := p.frame(); !f.NonBlank {
		t.Errorf("frame is blank: %+v", f)
	}
}

// testModel shows a binary glTF file: one triangle, far away and huge, which the page
// brings to size.
func testModel(t *testing.T, b context.Context) {
	v := start(t, Options{Scene: writeFile(t, "tri.glb", triangle())}) // the one page of full quality
	p := open(t, b, v.page())
	p.wait(`miktos.stage.scene.getObjectByName('scene').children.length === 1`)
	type size struct{ Height, Bottom float64 }
	got := eval[size](p, `(() => { let s; miktos.stage.scene.getObjectByName('scene').traverse((m) => { if (m.isMesh) {
		m.updateWorldMatrix(true, false); m.geometry.computeBoundingBox();
		const b = m.geometry.boundingBox.clone().applyMatrix4(m.matrixWorld); s = { Height: b.max.y - b.min.y, Bottom: b.min.y }; } }); return s })()`)
	if got.Height < 2.9 || got.Height > 3.1 || got.Bottom < -0.01 || got.Bottom > 0.01 {
		t.Errorf("got %+v, want a model 3 high that stands on the ground", got)
	}
	p.shoot("model")
}

// testHands uses the page as a person does: orbit, pick, keys, quality.
func testHands(t *testing.T, b context.Context) {
	v := start(t, Options{}, func(s *server) { s.room.quality = "low" })
	p := open(t, b, v.page())
	was := eval[[]float64](p, `miktos.stage.camera.position.toArray()`)
	p.do(chromedp.DragAndDropXY(60, 160, 160, 140, 5))
	p.frame()
	if got := eval[[]float64](p, `miktos.stage.camera.position.toArray()`); slices.Equal(got, was) {
		t.Error("dragging did not turn the view")
	}
	if got := eval[*string](p, `miktos.selected`); got != nil {
		t.Errorf("dragging selected %s", *got)
	}
	p.js(`document.activeElement.blur()`)
	p.do(chromedp.KeyEvent("r"))
	p.wait(`miktos.stage.camera.position.distanceTo({x: %g, y: %g, z: %g}) < 0.2`, was[0], was[1], was[2])

	at := eval[map[string]float64](p, `miktos.stage.screen('spire')`)
	p.do(chromedp.MouseClickXY(at["x"], at["y"]))
	p.wait(`miktos.selected === 'spire'`)
	p.shoot("selected")
	p.do(chromedp.KeyEvent(kb.Delete))
	p.wait(`!miktos.objects().some((o) => o.id === 'spire') && miktos.selected === null`)

	last := p.frame()
	for _, c := range []struct {
		quality string
		shadow  bool
	}{{"medium", true}, {"low", false}} {
		p.do(chromedp.SetValue(chromedp.CSS("#quality"), c.quality))
		p.js(`document.getElementById('quality').dispatchEvent(new Event('change'))`)
		p.wait(`miktos.quality === %q`, c.quality)
		f := p.frame()
		if got := eval[bool](p, `miktos.stage.backdrop.sun.castShadow`); got != c.shadow || f.Width == last.Width || !f.NonBlank {
			t.Errorf("%s: shadows %v, want %v; frame %+v after %+v", c.quality, got, c.shadow, f, last)
		}
		last = f
	}
	p.js(`miktos.send({type: 'set_quality', quality: 'best'})`)
	p.wait(`!document.getElementById('toast').hidden && document.getElementById('toast').textContent.includes('unknown')`)
}

// triangle is the smallest binary glTF that draws something.
func triangle() string {
	var points bytes.Buffer
	binary.Write(&points, binary.LittleEndian, []float32{1000, 1000, 0, 1200, 1000, 0, 1000, 1400, 0})
	text := fmt.Sprintf(`{"asset":{"version":"2.0"},"scene":0,"scenes":[{"nodes":[0]}],"nodes":[{"mesh":0}],
"meshes":[{"primitives":[{"attributes":{"POSITION":0}}]}],
"accessors":[{"bufferView":0,"componentType":5126,"count":3,"type":"VEC3","min":[1000,1000,0],"max":[1200,1400,0]}],
"bufferViews":[{"buffer":0,"byteLength":%d}],"buffers":[{"byteLength":%d}]}`, points.Len(), points.Len())
	text += strings.Repeat(" ", (4-len(text)%4)%4)
	var glb bytes.Buffer
	glb.WriteString("glTF")
	for _, part := range []any{
		uint32(2), uint32(12 + 8 + len(text) + 8 + points.Len()),
		uint32(len(text)), []byte("JSON"), []byte(text),
		uint32(points.Len()), []byte("BIN\x00"), points.Bytes(),
	} {
		binary.Write(&glb, binary.LittleEndian, part)
	}
	return glb.String()
}
