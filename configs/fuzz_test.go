package configs

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// seed adds the wrong files, the examples and the sample.
func seed(f *testing.F) {
	f.Helper()
	f.Add(Sample())
	f.Add("\x01") // the toml package says that this fault is before the text
	for _, pattern := range []string{"testdata/faults/*.toml", "examples/*.toml"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			f.Fatalf("%s: %d files (%v)", pattern, len(files), err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(string(data))
		}
	}
}

// FuzzParse checks that no text makes Parse panic, that every refusal names its
// faults in order, and that what is accepted means the same when it is written
// anew.
func FuzzParse(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, text string) {
		fleet, err := Parse("fleet.toml", []byte(text), nil)
		if err != nil {
			faults, ok := errors.AsType[Faults](err)
			if !ok || fleet != nil {
				t.Fatalf("got %v beside %v (%T)", fleet, err, err)
			}
			checkFaults(t, faults)
			return
		}
		roundTrip(t, fleet)
		for _, p := range fleet.Places(0) {
			if p.Ports.HTTP == p.Ports.WebSocket || p.Ports.WebSocket > maxPort || p.ID == "" {
				t.Errorf("got the place %+v", p)
			}
			for _, template := range append(p.Viewer.Command, p.Viewer.Dir) {
				if err := CheckTemplate(template); err != nil {
					t.Error(err)
				}
			}
		}
	})
}
