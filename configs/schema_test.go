package configs

import (
	"reflect"
	"testing"
)

// TestSchema checks the tags: every check is known, every override has its
// counterpart, and what is not available yet exists.
func TestSchema(t *testing.T) {
	var walk func(reflect.Type)
	walk = func(table reflect.Type) {
		for i := range table.NumField() {
			field := table.Field(i)
			elem := field.Type
			if elem.Kind() == reflect.Pointer || elem.Kind() == reflect.Slice || elem.Kind() == reflect.Map {
				elem = elem.Elem()
			}
			if elem.Kind() == reflect.Struct {
				walk(elem)
				continue
			}
			check := field.Tag.Get("check")
			value := field.Type
			if value.Kind() == reflect.Pointer {
				value = value.Elem()
			}
			violations(check, reflect.New(value).Elem()) // panics if there is no such check
			if value != elem {
				violations(elementCheck(check), reflect.New(elem).Elem())
			}
		}
	}
	walk(reflect.TypeFor[Fleet]())

	for over, of := range map[reflect.Type]reflect.Type{
		reflect.TypeFor[RestartOverride](): reflect.TypeFor[Restart](),
		reflect.TypeFor[ProbeOverride]():   reflect.TypeFor[Probe](),
		reflect.TypeFor[StopOverride]():    reflect.TypeFor[Stop](),
	} {
		if got, want := over.NumField(), of.NumField(); got != want {
			t.Errorf("got %d fields of %s, want the %d of %s", got, over, want, of)
		}
		for i := range over.NumField() {
			o := over.Field(i)
			f, ok := of.FieldByName(o.Name)
			if !ok || o.Type.Elem() != f.Type || keyOf(o) != keyOf(f) || o.Tag.Get("check") != f.Tag.Get("check") {
				t.Errorf("%s.%s differs from %s.%s", over, o.Name, of, f.Name)
			}
		}
	}

	known := make(map[string]bool)
	for _, k := range knownKeys(reflect.TypeFor[Fleet](), "") {
		known[k.String()] = true
	}
	for _, l := range unavailable() {
		if !known[l.key] {
			t.Errorf("%s is not available yet, and there is no such key", l.key)
		}
	}
}
