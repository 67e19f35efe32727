package supervisor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/miktos/miktosctl/configs"
	"github.com/miktos/miktosctl/instance"
	"github.com/miktos/miktosctl/instance/viewertest"
	"github.com/miktos/miktosctl/ports"
)

func TestThreeViewersOnSixPorts(t *testing.T) {
	f := start(t, options(t, 25000, nil))
	st := f.allReady(3)
	seen := map[int]string{}
	for _, i := range st.Instances {
		for _, port := range []int{i.HTTPPort, i.WSPort} {
			if other := seen[port]; other != "" {
				t.Errorf("%s and %s share port %d", i.ID, other, port)
			}
			seen[port] = i.ID
			c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
			if err != nil {
				t.Error(err)
				continue
			}
			c.Close()
		}
		if i.RSSBytes == 0 || i.Hold != "guard" {
			t.Errorf("got %+v, want memory and a guard", i)
		}
	}
	if got := byID(t, st, "viewer-1"); got.HTTPPort != 25000 || got.URL != "http://localhost:25000" || got.WebSocketURL != "ws://localhost:25001" {
		t.Errorf("got %+v, want the first place on the preferred pair", got)
	}
	if err := f.end(); err != nil {
		t.Fatal(err)
	}
	for _, i := range st.Instances {
		if alive(i.PID) {
			t.Errorf("%s (pid %d) outlived its fleet", i.ID, i.PID)
		}
	}
}

func TestRestartAndKillTouchNobodyElse(t *testing.T) {
	f := start(t, options(t, 25200, nil))
	before := f.allReady(3)
	if err := f.Restart([]string{"viewer-2"}, Actor{UID: 1, PID: 2}); err != nil {
		t.Fatal(err)
	}
	f.ready("viewer-2")
	if err := syscall.Kill(byID(t, before, "viewer-3").PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	f.ready("viewer-3")
	after := f.Status()
	for id, restarts := range map[string]int{"viewer-2": 0, "viewer-3": 1} {
		was, is := byID(t, before, id), byID(t, after, id)
		if is.HTTPPort == was.HTTPPort || is.WSPort == was.WSPort || is.Generation != 2 || is.Restarts != restarts || alive(was.PID) {
			t.Errorf("got %+v after %+v, want another child on another pair, %d restarts", is, was, restarts)
		}
	}
	was, is := byID(t, before, "viewer-1"), byID(t, after, "viewer-1")
	if is.PID != was.PID || is.Generation != 1 || is.HTTPPort != was.HTTPPort {
		t.Errorf("got %+v after %+v, want viewer-1 untouched", is, was)
	}
	if why := byID(t, after, "viewer-2").LastExit; why == nil || why.Class != instance.ClassNone {
		t.Errorf("got %+v, want an asked-for end without a class", why)
	}
}

func TestScale(t *testing.T) {
	f := start(t, options(t, 25400, nil))
	before := f.allReady(3)
	if err := f.Scale(5, Actor{}); err != nil {
		t.Fatal(err)
	}
	up := f.allReady(5)
	if err := f.Scale(2, Actor{}); err != nil {
		t.Fatal(err)
	}
	gone := map[string]bool{}
	f.until("three removed", func(e Event) bool {
		if e.Type == EventRemoved {
			gone[e.Instance] = true
		}
		return len(gone) == 3
	})
	down := f.Status()
	if len(down.Instances) != 2 || down.Desired != 2 || gone["viewer-1"] || gone["viewer-2"] {
		t.Errorf("got %v removed and %+v, want the highest ones gone", gone, down)
	}
	for _, st := range []Status{up, down} {
		for _, id := range []string{"viewer-1", "viewer-2"} {
			if was, is := byID(t, before, id), byID(t, st, id); is.PID != was.PID || is.Generation != 1 {
				t.Errorf("got %+v after %+v, want it untouched", is, was)
			}
		}
	}
	if alive(byID(t, up, "viewer-5").PID) {
		t.Error("viewer-5 outlived its place")
	}
	// At once back: places whose last life may still be ending.
	for _, n := range []int{4, 2, 4} {
		if err := f.Scale(n, Actor{}); err != nil {
			t.Fatal(err)
		}
	}
	f.allReady(4)
	if err := f.Scale(0, Actor{}); err == nil {
		t.Error("got no error for a fleet of none")
	}
	var full *CapacityError
	if err := f.Scale(500, Actor{}); !errors.As(err, &full) || len(f.Status().Instances) != 4 {
		t.Errorf("got %v, want a capacity error and nothing changed", err)
	}
}

func TestOneBadViewerDisturbsNobody(t *testing.T) {
	f := start(t, options(t, 25800, func(f *configs.Fleet) {
		f.Overrides = []configs.Override{{ID: "bad", Command: viewertest.Command("-exit", "1ms", "-code", "7")}}
	}))
	failed := f.until("bad failed or waiting", func(e Event) bool { return e.Instance == "bad" && e.To == instance.Backoff && e.PID == 0 })
	if failed.Class != instance.ClassCrash {
		t.Errorf("got %+v, want a crash", failed)
	}
	f.until("the others ready", func(Event) bool { return f.Status().Ready == 2 })
}

func TestPlanFailsBeforeAnythingStarts(t *testing.T) {
	o := options(t, 26000, func(f *configs.Fleet) { f.Instances = 150 })
	_, err := New(o)
	var full *CapacityError
	if !errors.As(err, &full) || full.Pairs != 101 || !strings.Contains(full.Hint(), "ports.search_range") {
		t.Errorf("got %v, want a capacity error that names the key", err)
	}
	o = options(t, 26000, func(f *configs.Fleet) { f.Instances = 150; f.Ports.SearchRange = 400; f.Ports.Reserved = nil })
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if got := len(s.Status().Instances); got != 150 {
		t.Errorf("got %d instances planned, want 150", got)
	}
	over, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Run(over); err != nil {
		t.Errorf("got %v from a fleet that was discarded", err)
	}

	// Enough by the rules, but strangers are there: nothing is kept of the rest.
	taken, err := net.Listen("tcp", "127.0.0.1:26400")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, err = New(options(t, 26400, func(f *configs.Fleet) { f.Instances = 2; f.Ports.SearchRange = 1 }))
	if !errors.Is(err, ports.ErrExhausted) || !strings.Contains(err.Error(), fmt.Sprintf("pid %d", os.Getpid())) {
		t.Errorf("got %v, want no ports left and who has them", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:26401")
	if err != nil {
		t.Fatalf("a port of the plan that failed is still taken: %v", err)
	}
	l.Close()
}

func TestTwoFleetsAtTheSameMomentShareNothing(t *testing.T) {
	f := [2]*fleet{}
	var wg sync.WaitGroup
	for i := range f {
		o := options(t, 26600, func(f *configs.Fleet) { f.Instances = 10 })
		wg.Go(func() { f[i] = start(t, o) })
	}
	wg.Wait()
	seen := map[int]bool{}
	for _, one := range f {
		for _, i := range one.allReady(10).Instances {
			if seen[i.HTTPPort] || seen[i.WSPort] {
				t.Errorf("%+v shares a port", i)
			}
			seen[i.HTTPPort], seen[i.WSPort] = true, true
			if i.PortRetries != 0 || i.Restarts != 0 {
				t.Errorf("got %+v, want it ready at the first try", i)
			}
		}
	}
	if len(seen) != 40 {
		t.Errorf("got %d distinct ports, want 40", len(seen))
	}
}

func TestDownAndKillEndADeafFleet(t *testing.T) {
	f := start(t, options(t, 27000, func(f *configs.Fleet) {
		f.Viewer.Command = viewertest.Command("-deaf")
		f.Stop.Timeout = configs.Duration(time.Hour)
	}))
	st := f.allReady(3)
	f.Down(Actor{UID: 0, PID: 1})
	f.until("stopping", func(e Event) bool { return e.To == instance.Stopping })
	if err := f.Restart([]string{"viewer-1"}, Actor{}); !errors.Is(err, ErrEnding) {
		t.Errorf("got %v for an order to a fleet that ends, want ErrEnding", err)
	}
	f.Kill(Actor{})
	if err := f.end(); err != nil {
		t.Error(err)
	}
	for _, i := range st.Instances {
		if alive(i.PID) {
			t.Errorf("%s is alive after the kill", i.ID)
		}
	}
}

func TestResolve(t *testing.T) {
	f := start(t, options(t, 27200, func(f *configs.Fleet) {
		f.Instances = 12
		f.Viewer.Command = viewertest.Command("-silent")
		f.Overrides = []configs.Override{{ID: "hero"}}
	}))
	for word, want := range map[string]string{"hero": "hero", "he": "hero", "1": "hero", "2": "viewer-2", "viewer-12": "viewer-12", "viewer-11": "viewer-11"} {
		if got, err := f.Resolve([]string{word}); err != nil || len(got) != 1 || got[0] != want {
			t.Errorf("Resolve(%q) = %v, %v, want %s", word, got, err, want)
		}
	}
	for word, hint := range map[string]string{"viewer-1": "a few more letters", "v": "a few more letters", "x": "there are hero, viewer-2", "": "there are", "13": "there are"} {
		_, err := f.Resolve([]string{word})
		var unknown *UnknownInstanceError
		if !errors.As(err, &unknown) || !strings.Contains(unknown.Hint(), hint) {
			t.Errorf("Resolve(%q): got %v, want a hint with %q", word, err, hint)
		}
	}
	if got, err := f.Resolve([]string{"2", "viewer-2"}); err != nil || len(got) != 1 {
		t.Errorf("got %v, %v for one instance by two words, want it once", got, err)
	}
	f.Kill(Actor{})
}

func TestStopAndStart(t *testing.T) {
	f := start(t, options(t, 27400, nil))
	f.allReady(3)
	if err := f.Stop([]string{"viewer-1", "viewer-3"}, Actor{}); err != nil {
		t.Fatal(err)
	}
	f.until("two stopped", func(Event) bool {
		n := 0
		for _, i := range f.Status().Instances {
			if i.State == instance.Stopped {
				n++
			}
		}
		return n == 2
	})
	if st := byID(t, f.Status(), "viewer-1"); st.PID != 0 || st.HTTPPort != 0 || st.URL != "" {
		t.Errorf("got %+v of a stopped one, want no child and no ports", st)
	}
	if err := f.Start([]string{"viewer-1"}, Actor{}); err != nil {
		t.Fatal(err)
	}
	f.ready("viewer-1")
	if err := f.Start([]string{"viewer-1", "nobody"}, Actor{}); err == nil {
		t.Error("got no error for an unknown instance")
	}
}
