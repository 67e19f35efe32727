package configs

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The functions of this file explain a value of the wrong type, and show how it
// is written.

func mustBeText(v any) error {
	switch v.(type) {
	case int64, float64, bool:
		return wrongf(fmt.Sprintf("write %q", show(v)), "must be text")
	case []any:
		return wrongf("", "must be one text, not a list")
	case map[string]any, []map[string]any:
		return wrongf("", "must be text, not a table")
	}
	return wrongf("put it in quotes", "must be text")
}

func mustBeNumber(v any) error {
	switch v := v.(type) {
	case string:
		if n, err := strconv.Atoi(strings.TrimSpace(v)); err == nil {
			return wrongf(fmt.Sprintf("write %d", n), "must be a number without quotes")
		}
	case float64:
		return wrongf("", "must be a whole number")
	case []any:
		return wrongf("", "must be one number, not a list")
	}
	return wrongf("", "must be a number")
}

func mustBeSwitch(v any) error {
	if s, ok := v.(string); ok {
		switch strings.ToLower(s) {
		case "true", "yes", "on":
			return wrongf("write true", "must be true or false, without quotes")
		case "false", "no", "off":
			return wrongf("write false", "must be true or false, without quotes")
		}
	}
	return wrongf("", "must be true or false")
}

// mustBeList explains a value where a list of elem is needed.
func mustBeList(elem reflect.Type, key string, v any) error {
	switch elem.Kind() {
	case reflect.Struct:
		return wrongf("write [["+key+"]] above the keys of each", "must be a list of tables")
	case reflect.Int:
		if n, ok := v.(int64); ok {
			return wrongf(fmt.Sprintf("write [%d]", n), "must be a list of numbers")
		}
		return wrongf("write it like [8090, 8100]", "must be a list of numbers")
	}
	if s, ok := v.(string); ok {
		return wrongf("write "+show(wordsOf(s)), "must be a list, one text for each word")
	}
	return wrongf(`write it like ["python3", "-m", "viewer"]`, "must be a list of texts")
}

// wordsOf splits a command line into the list that does the same. What only a
// shell understands is left to one.
func wordsOf(line string) []any {
	if strings.ContainsAny(line, "\"'`$&|;<>()*?~#\\\n") {
		return []any{"sh", "-c", line}
	}
	var words []any
	for _, w := range strings.Fields(line) {
		words = append(words, w)
	}
	return words
}

// shownBytes is where a value is cut: it is there to be recognised.
const shownBytes = 80

// show returns the value as it could be written in the file, cut short if it is
// long. It returns "" for what is better not shown: nothing, tables and dates.
func show(v any) string {
	switch v := v.(type) {
	case string:
		short, _, more := strings.Cut(v, "\n")
		if len(short) > shownBytes {
			end := shownBytes
			for !utf8.RuneStart(short[end]) {
				end--
			}
			short, more = short[:end], true
		}
		if more {
			return strconv.Quote(short) + "…"
		}
		return strconv.Quote(short)
	case int64:
		return strconv.FormatInt(v, 10)
	case int:
		return strconv.Itoa(v)
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1e15 {
			return strconv.FormatFloat(v, 'f', 1, 64)
		}
		return strconv.FormatFloat(v, 'g', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	case []any:
		var b strings.Builder
		for i, item := range v {
			if b.Len() > shownBytes {
				b.WriteString(", …")
				break
			}
			if i > 0 {
				b.WriteString(", ")
			}
			if s := show(item); s != "" {
				b.WriteString(s)
			} else {
				b.WriteString("{…}")
			}
		}
		return "[" + b.String() + "]"
	}
	return ""
}
