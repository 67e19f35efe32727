package supervisor

import (
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/miktos/miktosctl/configs"
	"github.com/miktos/miktosctl/instance/viewertest"
)

func TestWhatWasLearntIsPaidOnce(t *testing.T) {
	o := options(t, 28400, func(f *configs.Fleet) {
		f.Instances = 2
		f.Viewer.Command = viewertest.Command("-plain")
	})
	f := start(t, o)
	for _, i := range f.allReady(2).Instances {
		if i.Hold != "release" || i.Generation != 2 {
			t.Errorf("got %+v, want it learnt at the first try", i)
		}
	}
	if err := f.end(); err != nil {
		t.Fatal(err)
	}
	again := start(t, o)
	for _, i := range again.allReady(2).Instances {
		if i.Hold != "release" || i.Generation != 1 || i.LastExit != nil {
			t.Errorf("got %+v, want it known from the start", i)
		}
	}
}

func TestProgramIsAnotherOneWhenItsFileChanges(t *testing.T) {
	dir := t.TempDir()
	script := filepath.Join(dir, "viewer.py")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("one")
	v := configs.Viewer{Command: []string{"sh", "viewer.py", "--port", "{http_port}"}, Dir: dir}
	first := programOf(v)
	if again := programOf(v); again != first || !strings.HasPrefix(first, "sh ") {
		t.Errorf("got %q and then %q, want the same name twice", first, again)
	}
	write("another")
	if changed := programOf(v); changed == first {
		t.Errorf("got %q for a changed script, too", changed)
	}
	v.Command[2] = "--ports"
	if other := programOf(v); other == first {
		t.Errorf("got %q for another command, too", other)
	}
}

func TestMemoryThatIsTornCostsNothing(t *testing.T) {
	d := Dirs{State: t.TempDir()}
	if err := os.WriteFile(memoryPath(d), []byte(`{"plain": ["x`), 0o600); err != nil {
		t.Fatal(err)
	}
	p := remember(d, slog.New(slog.DiscardHandler))
	if p.Plain("x") {
		t.Error("got half a name for a program")
	}
	for n := range maxRemembered + 1 {
		p.SetPlain(strconv.Itoa(n))
	}
	again := remember(d, slog.New(slog.DiscardHandler))
	if again.Plain("0") || !again.Plain("1") || !again.Plain(strconv.Itoa(maxRemembered)) {
		t.Errorf("want the latest %d remembered and no more", maxRemembered)
	}
}
