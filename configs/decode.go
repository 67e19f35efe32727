package configs

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sort"
	"strings"

	"github.com/BurntSushi/toml"
)

// reader fills a fleet from a decoded file and collects the faults on the way.
// The struct types are the schema; a value that is refused leaves its field as
// it was, so that one mistake is reported once.
type reader struct {
	name   string // of the file, for messages
	base   string // folder that relative paths start from
	lines  []int  // offsets at which the lines start
	faults Faults
	faulty map[string]bool // keys that have a fault
	hints  int             // for unknown keys, so far
}

// maxHints is for how many unknown keys the one that was meant is looked for. A
// file with more is not a fleet file, and looking takes its time.
const maxHints = 100

func newReader(name, base, text string) *reader {
	r := &reader{name: name, base: base, lines: []int{0}, faulty: make(map[string]bool)}
	for i := range len(text) {
		if text[i] == '\n' {
			r.lines = append(r.lines, i+1)
		}
	}
	return r
}

// line returns the line that the node stands on, 0 for none.
func (r *reader) line(n *node) int {
	if n == nil {
		return 0
	}
	return sort.SearchInts(r.lines, n.at+1)
}

// fault records err for the key that stands at n. A value of nil is not shown.
func (r *reader) fault(n *node, key string, value any, err error) {
	f := fieldError(err)
	f.File, f.Key, f.Value = r.name, key, show(value)
	if n != nil {
		f.Line, f.at = r.line(n), n.at
	}
	r.faults = append(r.faults, f)
	r.faulty[key] = true
}

// fieldError returns a fault that so far has only a cause and a hint.
func fieldError(err error) *FieldError {
	if w, ok := errors.AsType[*wrong](err); ok && error(w) == err {
		return &FieldError{Err: w.err, Hint: w.hint}
	}
	return &FieldError{Err: err}
}

// fill puts the decoded value v of key into dst if its type and the check allow
// it.
func (r *reader) fill(dst reflect.Value, check, key string, v any, n *node) {
	if dst.Kind() == reflect.Pointer {
		target := reflect.New(dst.Type().Elem())
		faults := len(r.faults)
		r.fill(target.Elem(), check, key, v, n)
		if len(r.faults) == faults || target.Elem().Kind() == reflect.Struct {
			dst.Set(target)
		}
		return
	}
	if text, ok := dst.Addr().Interface().(encoding.TextUnmarshaler); ok {
		r.text(dst, text, check, key, v, n)
		return
	}
	switch dst.Kind() {
	case reflect.Struct:
		if table, ok := v.(map[string]any); ok {
			r.table(dst, key, table, n)
		} else {
			r.fault(n, key, v, wrongf("write ["+key+"] and its keys below it", "must be a table"))
		}
	case reflect.Slice:
		r.list(dst, check, key, v, n)
	case reflect.Map:
		r.texts(dst, check, key, v, n)
	default:
		r.scalar(dst, check, key, v, n)
	}
}

// table fills the struct dst, and refuses keys that it has no field for.
func (r *reader) table(dst reflect.Value, key string, table map[string]any, n *node) {
	for _, name := range inOrder(table, n) {
		full := join(key, name)
		field, check, ok := fieldOf(dst, name)
		if !ok {
			hint := ""
			if r.hints++; r.hints <= maxHints {
				hint = unknownHint(dst.Type(), key, name, table[name])
			}
			r.fault(n.key(name), full, nil, &wrong{ErrUnknownKey, hint})
			continue
		}
		r.fill(field, check, full, table[name], n.key(name))
	}
}

// inOrder returns the keys of a table in the order of the file.
func inOrder(table map[string]any, n *node) []string {
	names := make([]string, 0, len(table))
	for name := range table {
		names = append(names, name)
	}
	at := func(name string) int {
		if k := n.key(name); k != nil {
			return k.at
		}
		return -1
	}
	slices.SortFunc(names, func(a, b string) int {
		if d := at(a) - at(b); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	return names
}

// text fills a type that is written as text with a meaning of its own.
func (r *reader) text(dst reflect.Value, target encoding.TextUnmarshaler, check, key string, v any, n *node) {
	s, ok := v.(string)
	if !ok {
		err := mustBeText(v)
		if unit, hasUnit := target.(interface{ bare(number string) error }); hasUnit && (is[int64](v) || is[float64](v)) {
			err = unit.bare(show(v))
		}
		r.fault(n, key, v, err)
		return
	}
	before := dst.Interface()
	if err := target.UnmarshalText([]byte(s)); err != nil {
		r.fault(n, key, v, err)
		return
	}
	if !r.accept(dst, check, key, v, n) {
		dst.Set(reflect.ValueOf(before))
	}
}

// scalar fills a string, a number or a switch.
func (r *reader) scalar(dst reflect.Value, check, key string, v any, n *node) {
	read := reflect.New(dst.Type()).Elem()
	switch dst.Kind() {
	case reflect.String:
		s, ok := v.(string)
		if !ok {
			r.fault(n, key, v, mustBeText(v))
			return
		}
		read.SetString(s)
	case reflect.Int:
		i, ok := v.(int64)
		if !ok || read.OverflowInt(i) {
			r.fault(n, key, v, mustBeNumber(v))
			return
		}
		read.SetInt(i)
	case reflect.Bool:
		b, ok := v.(bool)
		if !ok {
			r.fault(n, key, v, mustBeSwitch(v))
			return
		}
		read.SetBool(b)
	default:
		panic(fmt.Sprintf("configs: no way to fill %s, which is %s", key, dst.Type()))
	}
	if r.accept(read, check, key, v, n) {
		dst.Set(read)
	}
}

// list fills a list of scalars or of tables. Each element is looked at; one that
// is refused leaves dst as it was.
func (r *reader) list(dst reflect.Value, check, key string, v any, n *node) {
	elem := dst.Type().Elem()
	values, ok := elements(v)
	if !ok || elem.Kind() == reflect.Struct && slices.ContainsFunc(values, func(v any) bool { return !is[map[string]any](v) }) {
		r.fault(n, key, v, mustBeList(elem, key, v))
		return
	}
	faults := len(r.faults)
	list := reflect.MakeSlice(dst.Type(), len(values), len(values))
	for i, value := range values {
		at := n.item(i)
		if at == nil {
			at = n
		}
		r.fill(list.Index(i), elementCheck(check), fmt.Sprintf("%s[%d]", key, i+1), value, at)
	}
	if !r.accept(list, check, key, nil, n) {
		return
	}
	// Tables keep what is right in them: what they are checked for together
	// goes by their positions.
	if len(r.faults) == faults || elem.Kind() == reflect.Struct {
		dst.Set(list)
	}
}

// texts fills a table of free names.
func (r *reader) texts(dst reflect.Value, check, key string, v any, n *node) {
	table, ok := v.(map[string]any)
	if !ok {
		r.fault(n, key, v, wrongf(`write it like { QUALITY = "high" }`, "must be a table"))
		return
	}
	faults := len(r.faults)
	texts := reflect.MakeMapWithSize(dst.Type(), len(table))
	for _, name := range inOrder(table, n) {
		at, full := n.key(name), join(key, name)
		if err := checkVariable(name); err != nil {
			r.fault(at, full, nil, err)
		}
		text := reflect.New(dst.Type().Elem()).Elem()
		r.fill(text, elementCheck(check), full, table[name], at)
		texts.SetMapIndex(reflect.ValueOf(name), text)
	}
	if len(r.faults) == faults && len(table) > 0 {
		dst.Set(texts)
	}
}

// elements returns a list of whatever kind as one of values.
func elements(v any) ([]any, bool) {
	switch v := v.(type) {
	case []any:
		return v, true
	case []map[string]any:
		values := make([]any, len(v))
		for i, table := range v {
			values[i] = table
		}
		return values, true
	}
	return nil, false
}

func is[T any](v any) bool {
	_, ok := v.(T)
	return ok
}

// join returns the full name of the key name in the table.
func join(table, name string) string {
	name = toml.Key{name}.String()
	if table == "" {
		return name
	}
	return table + "." + name
}

// fieldOf returns the field of a struct that holds the key, and its check.
func fieldOf(table reflect.Value, key string) (field reflect.Value, check string, ok bool) {
	for i := range table.NumField() {
		f := table.Type().Field(i)
		if keyOf(f) == key {
			return table.Field(i), f.Tag.Get("check"), true
		}
	}
	return reflect.Value{}, "", false
}

// keyOf returns the key of a struct's field, "" if the file does not have it.
func keyOf(f reflect.StructField) string {
	key, _, _ := strings.Cut(f.Tag.Get("toml"), ",")
	if key == "-" {
		return ""
	}
	return key
}
