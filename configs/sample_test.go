package configs

import (
	"io/fs"
	"reflect"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
)

func TestSample(t *testing.T) {
	equal(t, parse(t, Sample()), Default())
}

// TestSampleUncommented takes the # from every key of the sample: they must be
// the defaults, and there must be one for each key that has a default.
func TestSampleUncommented(t *testing.T) {
	var lines []string
	for line := range strings.Lines(Sample()) {
		if len(line) > 1 && line[0] == '#' && line[1] != ' ' && line[1] != '\n' {
			line = line[1:]
		}
		lines = append(lines, line)
	}
	text := strings.Join(lines, "")
	equal(t, parse(t, text), Default())

	var table map[string]any
	if _, err := toml.Decode(text, &table); err != nil {
		t.Fatal(err)
	}
	for _, k := range knownKeys(reflect.TypeFor[Fleet](), "") {
		if k.table == "instance" || strings.HasPrefix(k.table, "instance.") || k.table == "file" || tableType(k.typ) != nil {
			continue
		}
		switch k.String() {
		case "viewer.command", "viewer.dir", "viewer.env": // shown in a comment: no value of theirs is the default
			continue
		}
		at := table
		if k.table != "" {
			at, _ = table[k.table].(map[string]any)
		}
		if _, ok := at[k.name]; !ok {
			t.Errorf("the sample does not have %s", k)
		}
	}
}

func TestExamples(t *testing.T) {
	t.Chdir("examples")
	count := 0
	err := fs.WalkDir(Examples(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		count++
		data, err := fs.ReadFile(Examples(), path)
		if err != nil {
			return err
		}
		f, err := Parse(path, data, nil)
		if err != nil {
			t.Error(err)
			return nil
		}
		if got, want := len(f.Places(0)), f.Instances; got != want {
			t.Errorf("%s: got %d places, want %d", path, got, want)
		}
		roundTrip(t, f)
		return nil
	})
	if err != nil || count < 5 {
		t.Errorf("got %d examples (%v), want at least 5", count, err)
	}
}
