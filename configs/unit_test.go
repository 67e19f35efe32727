package configs

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestDuration(t *testing.T) {
	for _, test := range []struct {
		text string
		want time.Duration
		err  string
		hint string
	}{
		{"60s", time.Minute, "", ""},
		{"1m30s", 90 * time.Second, "", ""},
		{"250ms", 250 * time.Millisecond, "", ""},
		{"1.5h", 90 * time.Minute, "", ""},
		{"0s", 0, "", ""},
		{"0", 0, "has no unit", `write "0s"`},
		{"5", 0, "has no unit", `write "5s"`},
		{"-5s", 0, "must not be negative", ""},
		{"2d", 0, "days are not a unit", `write hours, such as "24h" for one day`},
		{"", 0, "not a duration", `write it like "500ms", "5s" or "1m30s"`},
		{"5 s", 0, "not a duration", `write it like "500ms", "5s" or "1m30s"`},
		{"99999999h", 0, "not a duration", `write it like "500ms", "5s" or "1m30s"`},
		{"+0", 0, "not a duration", `write it like "500ms", "5s" or "1m30s"`},
	} {
		d := Duration(-1)
		checkUnmarshal(t, test.text, d.UnmarshalText([]byte(test.text)), test.err, test.hint)
		if test.err == "" && time.Duration(d) != test.want {
			t.Errorf("%q: got %v, want %v", test.text, d, test.want)
		}
		if test.err != "" && d != -1 {
			t.Errorf("%q: got %v beside an error, want it untouched", test.text, d)
		}
	}
}

func TestSize(t *testing.T) {
	for _, test := range []struct {
		text string
		want Size
		err  string
		hint string
	}{
		{"0B", 0, "", ""},
		{"512B", 512, "", ""},
		{"10MiB", 10 << 20, "", ""},
		{"1.5KiB", 1536, "", ""},
		{"2GB", 2e9, "", ""},
		{"8TiB", 8 << 40, "", ""},
		{"0", 0, "has no unit", `write "0B"`},
		{"10", 0, "has no unit", `write "10B" or "10MiB"`},
		{"10M", 0, `"M" is not a unit`, `write "10MiB"`},
		{"10mb", 0, `"mb" is not a unit`, `write "10MiB"`},
		{"10b", 0, `"b" is not a unit`, "the units are B, KiB, MiB, GiB, TiB, KB, MB, GB and TB"},
		{"-1B", 0, "must not be negative", ""},
		{"10 MiB", 0, "not a size", `write it like "512KiB", "10MiB" or "2GB"`},
		{"", 0, "not a size", `write it like "512KiB", "10MiB" or "2GB"`},
		{"MiB", 0, "not a size", `write it like "512KiB", "10MiB" or "2GB"`},
		{"1e3B", 0, "not a size", `write it like "512KiB", "10MiB" or "2GB"`},
		{"9223372036854775807B", 1<<63 - 1, "", ""},
		{"9223372036854775808B", 0, "too large", ""},
		{"9000000TiB", 0, "too large", ""},
	} {
		s := Size(-1)
		checkUnmarshal(t, test.text, s.UnmarshalText([]byte(test.text)), test.err, test.hint)
		if test.err == "" && s != test.want {
			t.Errorf("%q: got %d, want %d", test.text, s, test.want)
		}
		if test.err != "" && s != -1 {
			t.Errorf("%q: got %d beside an error, want it untouched", test.text, s)
		}
	}
}

func TestMode(t *testing.T) {
	const octal = "must be permissions in octal, up to 0777"
	for _, test := range []struct {
		text string
		want Mode
		err  string
		hint string
	}{
		{"0644", 0o644, "", ""},
		{"600", 0o600, "", ""},
		{"0o755", 0o755, "", ""},
		{"0200", 0, "would be a file that the viewer cannot read", `write it like "0600"`},
		{"01777", 0, octal, `write it like "0644"`},
		{"0888", 0, octal, `write it like "0644"`},
		{"rw-r--r--", 0, octal, `write it like "0644"`},
	} {
		var m Mode
		checkUnmarshal(t, test.text, m.UnmarshalText([]byte(test.text)), test.err, test.hint)
		if m != test.want {
			t.Errorf("%q: got %v, want %v", test.text, m, test.want)
		}
	}
	if got, want := Mode(0).String(), "0644"; got != want {
		t.Errorf("got %s for the zero mode, want %s", got, want)
	}
}

func checkUnmarshal(t *testing.T, text string, err error, want, hint string) {
	t.Helper()
	if err == nil {
		if want != "" {
			t.Errorf("%q: got no error, want %q", text, want)
		}
		return
	}
	if f := fieldError(err); f.Err.Error() != want || f.Hint != hint {
		t.Errorf("%q: got %q and the hint %q, want %q and %q", text, f.Err, f.Hint, want, hint)
	}
}

// TestUnitsRoundTrip checks that what a duration and a size print can be read.
func TestUnitsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := Duration(rapid.Int64Min(0).Draw(t, "duration"))
		if rapid.Bool().Draw(t, "whole") {
			d -= d % Duration(time.Minute)
		}
		var d2 Duration
		if err := d2.UnmarshalText([]byte(d.String())); err != nil || d2 != d {
			t.Fatalf("got %v (%v), want %v", d2, err, d)
		}
		s := Size(rapid.Int64Min(0).Draw(t, "size"))
		if rapid.Bool().Draw(t, "round") {
			s -= s % mebibyte
		}
		var s2 Size
		if err := s2.UnmarshalText([]byte(s.String())); err != nil || s2 != s {
			t.Fatalf("got %v (%v), want %v", s2, err, s)
		}
	})
	for d, want := range map[Duration]string{
		0: "0s", Duration(time.Minute): "1m", Duration(90 * time.Second): "1m30s", Duration(time.Hour): "1h",
		Duration(time.Hour + time.Second): "1h0m1s", Duration(10 * time.Minute): "10m", Duration(20 * time.Hour): "20h",
	} {
		if got := d.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
