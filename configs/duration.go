package configs

import (
	"fmt"
	"strings"
	"time"
)

// Duration is a length of time that was written with its unit, such as "60s" or
// "1h30m". It is never negative.
type Duration time.Duration

// String returns d in the form in which it is written, without the zero parts
// that [time.Duration.String] adds: 1m, not 1m0s.
func (d Duration) String() string {
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-len("0s")]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-len("0m")]
	}
	return s
}

// MarshalText implements [encoding.TextMarshaler].
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler]. The text needs a unit
// (ns, us, ms, s, m or h), also for zero.
func (d *Duration) UnmarshalText(text []byte) error {
	s := string(text)
	switch v, err := time.ParseDuration(s); {
	case decimal(s):
		return wrongf(`write "`+s+`s"`, "has no unit")
	case err == nil && v < 0:
		return wrongf("", "must not be negative")
	case err == nil && strings.Trim(s, "+-0") != "":
		*d = Duration(v)
		return nil
	case strings.HasSuffix(s, "d") && decimal(s[:len(s)-1]):
		return wrongf("write hours, such as \"24h\" for one day", "days are not a unit")
	}
	return wrongf(`write it like "500ms", "5s" or "1m30s"`, "not a duration")
}

// bare explains a number without a unit.
func (Duration) bare(number string) error {
	if strings.HasPrefix(number, "-") {
		return wrongf(`write it like "5s"`, "must not be negative, and needs a unit")
	}
	return wrongf(fmt.Sprintf(`write "%ss"`, number), "has no unit")
}

// decimal reports whether s is digits with at most one point among them.
func decimal(s string) bool {
	return s != "" && s != "." && strings.Count(s, ".") <= 1 && strings.Trim(s, "0123456789.") == ""
}
