package configs

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Size is a number of bytes that was written with its unit, such as "10MiB" or
// "2GB". It is never negative.
type Size int64

const (
	kibibyte Size = 1 << 10
	mebibyte Size = 1 << 20
	gibibyte Size = 1 << 30
	tebibyte Size = 1 << 40
)

// sizeUnit returns the bytes of a unit, 0 if there is no such unit.
func sizeUnit(unit string) Size {
	switch unit {
	case "B":
		return 1
	case "kB", "KB":
		return 1e3
	case "MB":
		return 1e6
	case "GB":
		return 1e9
	case "TB":
		return 1e12
	case "KiB":
		return kibibyte
	case "MiB":
		return mebibyte
	case "GiB":
		return gibibyte
	case "TiB":
		return tebibyte
	}
	return 0
}

// String returns s with the largest binary unit that leaves a whole number.
func (s Size) String() string {
	for _, unit := range []string{"TiB", "GiB", "MiB", "KiB"} {
		if n := sizeUnit(unit); s != 0 && s%n == 0 {
			return strconv.FormatInt(int64(s/n), 10) + unit
		}
	}
	return strconv.FormatInt(int64(s), 10) + "B"
}

// MarshalText implements [encoding.TextMarshaler].
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler]. The text is a number and
// right after it a unit: B, KB, MB, GB, TB (thousands) or KiB, MiB, GiB, TiB
// (1024s).
func (s *Size) UnmarshalText(text []byte) error {
	str := string(text)
	number := strings.TrimRight(str, "BKMGTkmgtib")
	if strings.HasPrefix(number, "-") {
		return wrongf("", "must not be negative")
	}
	if !decimal(number) {
		return wrongf(`write it like "512KiB", "10MiB" or "2GB"`, "not a size")
	}
	unit := sizeUnit(str[len(number):])
	if unit == 0 {
		return sizeUnitWrong(number, str[len(number):])
	}
	if whole, err := strconv.ParseInt(number, 10, 64); err == nil && whole <= math.MaxInt64/int64(unit) {
		*s = Size(whole) * unit
		return nil
	}
	bytes, err := strconv.ParseFloat(number, 64)
	bytes = math.Round(bytes * float64(unit))
	if err != nil || bytes >= math.MaxInt64 {
		return wrongf("", "too large")
	}
	*s = Size(bytes)
	return nil
}

// sizeUnitWrong explains a unit that is missing or not one of ours.
func sizeUnitWrong(number, unit string) error {
	if unit == "" {
		if number == "0" {
			return wrongf(`write "0B"`, "has no unit")
		}
		return wrongf(fmt.Sprintf(`write "%sB" or "%sMiB"`, number, number), "has no unit")
	}
	hint := `the units are B, KiB, MiB, GiB, TiB, KB, MB, GB and TB`
	if prefix := strings.ToUpper(unit[:1]); strings.Contains("KMGT", prefix) {
		hint = fmt.Sprintf(`write "%s%siB"`, number, prefix)
	}
	return wrongf(hint, "%q is not a unit", unit)
}

// bare explains a number without a unit.
func (Size) bare(number string) error {
	if strings.HasPrefix(number, "-") {
		return wrongf(`write it like "10MiB"`, "must not be negative, and needs a unit")
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err == nil && n >= int64(kibibyte) {
		return wrongf(fmt.Sprintf("write %q for that many bytes", Size(n).String()), "has no unit")
	}
	return sizeUnitWrong(number, "")
}
