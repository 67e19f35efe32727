package configs

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestFaults compares all that is said about each wrong file with what is
// written beside it.
func TestFaults(t *testing.T) {
	t.Chdir("testdata/faults")
	base, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("*.toml")
	if err != nil || len(files) < 20 {
		t.Fatalf("got %d wrong files (%v), want at least 20", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(file, ".toml"), func(t *testing.T) {
			fleet, err := Load(file, nil)
			if fleet != nil {
				t.Error("got a fleet beside the error, want none")
			}
			faults, ok := errors.AsType[Faults](err)
			if !ok {
				t.Fatalf("got error %v (%T), want Faults", err, err)
			}
			checkFaults(t, faults)
			got := strings.ReplaceAll(err.Error(), base, "$DIR") + "\n"
			golden := strings.TrimSuffix(file, "toml") + "golden"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// checkFaults checks what holds for every list of faults of a file.
func checkFaults(t testing.TB, faults Faults) {
	t.Helper()
	if len(faults) == 0 {
		t.Error("got an error without faults")
	}
	inOrder := slices.IsSortedFunc(faults, func(a, b *FieldError) int {
		if (a.Line == 0) != (b.Line == 0) {
			return b.Line - a.Line
		}
		return a.Line - b.Line
	})
	if !inOrder {
		t.Errorf("got faults that are not in the order of the lines:\n%v", faults)
	}
	seen := make(map[string]bool)
	for _, f := range faults {
		line := f.Error()
		if f.Err == nil || f.Line < 0 || strings.ContainsAny(line, "\r\n") {
			t.Errorf("got the fault %q (line %d, cause %v), want one line with a cause", line, f.Line, f.Err)
		}
		if seen[line] {
			t.Errorf("got the fault %q twice", line)
		}
		seen[line] = true
	}
	if got, want := strings.Count(faults.Error(), "\n")+1, len(faults); got != want {
		t.Errorf("got %d lines for %d faults", got, want)
	}
}

// TestTenFaults is the promise that a mistake costs one round, not ten.
func TestTenFaults(t *testing.T) {
	_, err := Load("testdata/faults/ten.toml", nil)
	faults, _ := errors.AsType[Faults](err)
	var keys []string
	for _, f := range faults {
		keys = append(keys, f.Key)
		if f.Hint == "" && !strings.Contains(f.Error(), "whole number") && !strings.Contains(f.Error(), "between") && f.Key != "instance[2].id" {
			t.Errorf("got no way out of %q", f)
		}
	}
	want := []string{
		"name", "instances", "htpp", "viewer.command", "ports.http", "ports.websocket", "ports.quarantine",
		"ports.hold", "probe.timeout", "stop.signal", "instance[1].env.PORT", "instance[2].id",
	}
	if !slices.Equal(keys, want) {
		t.Errorf("got faults of %q\nwant %q", keys, want)
	}
}

func TestErrorsAre(t *testing.T) {
	for _, test := range []struct {
		text string
		want error
	}{
		{"name = ", ErrSyntax},
		{"nam = 'x'", ErrUnknownKey},
		{"ports.keep = true", ErrNotAvailable},
		{"name = 'a'\nnam = 'b'\nports.hold = 'fds'", ErrNotAvailable},
	} {
		_, err := Parse("fleet.toml", []byte(test.text), nil)
		if !errors.Is(err, test.want) {
			t.Errorf("%q: got %v, want one that is %q", test.text, err, test.want)
		}
		f, ok := errors.AsType[*FieldError](err)
		if !ok || f.File != "fleet.toml" || f.Line == 0 {
			t.Errorf("%q: got the field error %+v, want one with file and line", test.text, f)
		}
	}
}

func TestUnreadable(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	large := write("large.toml", slices.Repeat([]byte("# padding\n"), 1<<20))
	missing := filepath.Join(dir, "missing.toml")
	empty := filepath.Join(dir, "empty")
	if err := os.Mkdir(empty, 0o700); err != nil {
		t.Fatal(err)
	}
	write("fleet.toml", nil)

	for _, test := range []struct{ path, want string }{
		{missing, missing + `: file does not exist; "miktosctl init" writes one`},
		{empty, empty + `: a folder, not a fleet file; "miktosctl init" writes one`},
		{dir, dir + `: a folder, not a fleet file; name the file in it: ` + filepath.Join(dir, "fleet.toml")},
		{large, large + `: larger than 1 MiB`},
		{"", `no fleet file is named; "miktosctl init" writes one`},
	} {
		_, err := Load(test.path, nil)
		if err == nil || err.Error() != test.want {
			t.Errorf("Load(%q): got %v\nwant %s", test.path, err, test.want)
		}
	}
	if _, err := Load(missing, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want one that is fs.ErrNotExist", err)
	}
}

// TestManyUnknownKeys checks that a file of another kind is refused whole: every
// key is named, and the search for what was meant ends.
func TestManyUnknownKeys(t *testing.T) {
	text := strings.Repeat("x", 30) + " = 1\n"
	var b strings.Builder
	for i := range 2 * maxHints {
		b.WriteString(strings.Replace(text, "x", string(rune('a'+i%26))+strings.Repeat("y", i/26), 1))
	}
	_, err := Parse("fleet.toml", []byte(b.String()), nil)
	faults, _ := errors.AsType[Faults](err)
	hints := 0
	for _, f := range faults {
		if f.Hint != "" {
			hints++
		}
	}
	if len(faults) != 2*maxHints || hints != maxHints {
		t.Errorf("got %d faults and %d hints, want %d and %d", len(faults), hints, 2*maxHints, maxHints)
	}
}
