package viewer

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// browser starts a headless Chromium, or skips the test where there is none.
func browser(t *testing.T) context.Context {
	t.Helper()
	if testing.Short() {
		t.Skip("draws with WebGL in software, which takes seconds")
	}
	var exe string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			exe = found
			break
		}
	}
	if exe == "" {
		t.Skip("needs chromium, chromium-browser or google-chrome in PATH")
	}
	// Without a UserDataDir of ours chromedp makes an empty one and removes it patiently:
	// Chromium's helpers write there until they are all gone.
	opts := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(exe), chromedp.WindowSize(windowSize()),
		chromedp.Headless, chromedp.NoSandbox, chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck,
		chromedp.Flag("use-gl", "angle"), chromedp.Flag("use-angle", "swiftshader"),
	}
	for _, flag := range []string{"disable-gpu", "enable-unsafe-swiftshader", "disable-quic", "disable-background-networking", "disable-component-update", "disable-sync"} {
		opts = append(opts, chromedp.Flag(flag, true))
	}
	alloc, cancelAlloc := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), opts...)
	ctx, cancel := chromedp.NewContext(alloc)
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			t.Errorf("closing the browser: %v", err)
		}
		cancel()
		cancelAlloc()
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("%s: %v", exe, err)
	}
	return ctx
}

// Chromium draws in software here, so pages under test are small and plain. Pictures
// for people (VIEWER_SHOTS=folder) are neither.
func windowSize() (w, h int) {
	if os.Getenv("VIEWER_SHOTS") != "" {
		return 1280, 888 // with the window's own frame
	}
	return 420, 380
}

func lowCost(s *server) {
	if os.Getenv("VIEWER_SHOTS") == "" {
		s.room.quality = "low"
	}
}

// tab is one page of one viewer in the browser.
type tab struct {
	t   *testing.T
	ctx context.Context
}

// open waits until the page shows the scene. What the page complains about on its
// console fails the test: a blocked request or a broken module shows only there.
// Complaints with one of the excused parts in them are expected.
func open(t *testing.T, browser context.Context, url string, excused ...string) tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser)
	messages := chromedp.Console(ctx)
	var complaints []string
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for m, err := range messages {
			bad := err == nil && (m.IsException() || m.Type == "error" || m.Type == "warning") && !strings.Contains(m.Text, "GPU stall due to ReadPixels")
			if bad && !slices.ContainsFunc(excused, func(part string) bool { return strings.Contains(m.Text+m.URL, part) }) {
				complaints = append(complaints, m.String()+" ("+m.URL+")")
			}
		}
	}()
	t.Cleanup(func() {
		// A page that outlives its viewer by a moment complains, and rightly.
		if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
			t.Error(err)
		}
		cancel()
		<-ended
		for _, c := range complaints {
			t.Errorf("%s: console: %s", url, c)
		}
	})
	tb := tab{t, ctx}
	tb.scheme("dark")
	tb.do(chromedp.Navigate(url))
	tb.wait(`window.miktos?.state === 'connected'`)
	return tb
}

func (tb tab) do(steps ...chromedp.Action[chromedp.Void]) {
	tb.t.Helper()
	ctx, cancel := context.WithTimeout(tb.ctx, 30*time.Second)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		tb.t.Fatal(err)
	}
}

// js runs a statement for its effect.
func (tb tab) js(format string, args ...any) {
	tb.t.Helper()
	tb.do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf(format, args...)))
}

func (tb tab) click(selector string) {
	tb.t.Helper()
	tb.do(chromedp.Click(chromedp.CSS(selector)))
}

// wait returns when the expression is true in the page.
func (tb tab) wait(format string, args ...any) {
	tb.t.Helper()
	expr := fmt.Sprintf(format, args...)
	poll := chromedp.Poll[bool]("!!("+expr+")", chromedp.WithPollingInterval(20*time.Millisecond), chromedp.WithPollingTimeout(20*time.Second))
	if _, err := chromedp.Run(tb.ctx, poll); err != nil {
		tb.t.Fatalf("waiting for %s: %v", expr, err)
	}
}

func eval[T any](tb tab, expr string) T {
	tb.t.Helper()
	v, err := chromedp.Run(tb.ctx, chromedp.Evaluate[T](expr))
	if err != nil {
		tb.t.Fatalf("%s: %v", expr, err)
	}
	return v
}

// scheme sets light or dark surroundings, and no motion: what moves differs from
// frame to frame.
func (tb tab) scheme(name string) {
	tb.t.Helper()
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: name},
		{Name: "prefers-reduced-motion", Value: "reduce"},
	}}
	tb.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, media)
		return err
	}))
}

func (tb tab) objects() []string {
	tb.t.Helper()
	return eval[[]string](tb, `miktos.objects().map((o) => o.id)`)
}

// shoot keeps a picture in $VIEWER_SHOTS, for people to look at.
func (tb tab) shoot(name string) {
	tb.t.Helper()
	dir := os.Getenv("VIEWER_SHOTS")
	if dir == "" {
		return
	}
	png, err := chromedp.Run(tb.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		tb.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600); err != nil {
		tb.t.Fatal(err)
	}
}

// frame is what readPixels of the page reports.
type frame struct {
	Width, Height, Colours int
	Most                   float64
	Hash                   uint32
	NonBlank               bool
}

func (tb tab) frame() frame {
	tb.t.Helper()
	return eval[frame](tb, `(() => { const { data, count, ...f } = miktos.readPixels(); return f; })()`)
}
