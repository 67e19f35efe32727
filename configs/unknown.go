package configs

import (
	"reflect"
	"strings"
)

// knownKey is a key that a fleet file may have.
type knownKey struct {
	table string // without the indexes of lists
	name  string
	typ   reflect.Type
}

func (k knownKey) String() string { return join(k.table, k.name) }

// knownKeys returns all keys of the table and of the tables in it.
func knownKeys(table reflect.Type, name string) (keys []knownKey) {
	for i := range table.NumField() {
		f := table.Field(i)
		key := keyOf(f)
		if key == "" {
			continue
		}
		keys = append(keys, knownKey{name, key, f.Type})
		if t := tableType(f.Type); t != nil {
			keys = append(keys, knownKeys(t, join(name, key))...)
		}
	}
	return keys
}

// tableType returns the struct that a table or a list of tables fills, nil for
// anything else.
func tableType(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Slice || t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	return t
}

// familiar returns the table and key that other programs, and the Miktos viewer's
// own configuration, call by this name.
func familiar(name string) string {
	switch name {
	case "port", "http_port":
		return "ports.http"
	case "ws", "ws_port", "websocket_port":
		return "ports.websocket"
	case "reserved_ports":
		return "ports.reserved"
	case "cmd", "args", "program", "exec":
		return "viewer.command"
	case "cwd", "directory", "working_directory", "workdir":
		return "viewer.dir"
	case "environment":
		return "viewer.env"
	case "count", "replicas", "numprocs":
		return ".instances"
	case "max_restarts", "retries":
		return "restart.max_failures"
	}
	return ""
}

// unknownHint looks for the key that was meant by one that the table, named as in
// messages, does not have. Keys that take such a value come first, and of these
// the table's own, then those of the tables in it, then those of the fleet.
func unknownHint(table reflect.Type, tableName, name string, value any) string {
	var here, below, fleet []knownKey
	for _, k := range knownKeys(table, tableName) {
		if k.table == tableName {
			here = append(here, k)
		} else {
			below = append(below, k)
		}
	}
	for _, k := range knownKeys(reflect.TypeFor[Fleet](), "") {
		if k.table != "file" && k.table != "instance" && !strings.HasPrefix(k.table, "instance.") {
			fleet = append(fleet, k)
		}
	}
	for _, only := range []func([]knownKey) []knownKey{
		func(keys []knownKey) []knownKey { return taking(keys, value) },
		func(keys []knownKey) []knownKey { return keys },
	} {
		if meant := slip(only(here), name); len(meant) > 0 {
			return "did you mean " + listed(meant) + "?"
		}
		if tableName != "" {
			if meant := named(only(below), name); len(meant) > 0 {
				return "did you mean " + listed(meant) + "?"
			}
		}
		meant := slip(only(fleet), name)
		if len(meant) > 0 && strings.HasPrefix(tableName, "instance[") {
			return listed(meant) + " is set for the whole fleet only"
		}
		if len(meant) > 0 {
			return "did you mean " + listed(meant) + "?"
		}
	}
	names := make([]string, len(here))
	for i, k := range here {
		names[i] = k.name
	}
	if tableName == "" {
		return "the keys outside tables are " + strings.Join(names, ", ")
	}
	return "the keys of " + tableName + " are " + strings.Join(names, ", ")
}

// slip returns the keys that name may be a slip of: the key of that name in other
// letters, else the one that others call so, else the nearest.
func slip(keys []knownKey, name string) []knownKey {
	if exact := named(keys, name); len(exact) > 0 {
		return exact
	}
	if table, key, ok := strings.Cut(familiar(plain(name)), "."); ok {
		for _, k := range keys {
			if k.name == key && (k.table == table || strings.HasPrefix(k.table, "instance[")) {
				return []knownKey{k}
			}
		}
	}
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = k.name
	}
	return named(keys, nearest(name, names))
}

// taking returns the keys that could have meant the value.
func taking(keys []knownKey, value any) (fit []knownKey) {
	for _, k := range keys {
		if takes(k.typ, value) {
			fit = append(fit, k)
		}
	}
	return fit
}

// takes reports whether a key of the type could have meant the value, which may
// lack its unit or its quotes but not be of another kind.
func takes(t reflect.Type, value any) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch value.(type) {
	case map[string]any:
		return t.Kind() == reflect.Map || tableType(t) != nil
	case []map[string]any:
		return tableType(t) != nil
	case []any:
		return t.Kind() == reflect.Slice
	case int64, float64:
		return t.Kind() == reflect.Int || t.Kind() == reflect.Int64
	case bool:
		return t.Kind() == reflect.Bool
	}
	return t.Kind() == reflect.String || t.Kind() == reflect.Int64 || t.Kind() == reflect.Slice && tableType(t) == nil
}

// named returns the keys of that name, whatever the letters' case.
func named(keys []knownKey, name string) (found []knownKey) {
	for _, k := range keys {
		if k.name == plain(name) {
			found = append(found, k)
		}
	}
	return found
}

func listed(keys []knownKey) string {
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = k.String()
	}
	return either(names)
}

// plain returns the name in the form that keys have.
func plain(name string) string { return strings.ReplaceAll(strings.ToLower(name), "-", "_") }

// nearest returns the candidate that name is most likely a slip of, "" if it is
// none.
func nearest(name string, candidates []string) string {
	if len(name) > longest {
		return ""
	}
	name = plain(name)
	best, distance := "", max(1, len(name)/3)+1
	for _, c := range candidates {
		if len(c) > longest || max(len(c), len(name))-min(len(c), len(name)) >= distance {
			continue
		}
		if d := editDistance(name, plain(c)); d < distance && d < len(c) {
			best, distance = c, d
		}
	}
	return best
}

// longest is how long a name may be to be compared: what is longer is no slip,
// and comparing costs the square.
const longest = 64

// editDistance counts the insertions, deletions, replacements and swaps of
// neighbours that make a into b.
func editDistance(a, b string) int {
	var rows [3][longest + 1]int // the one before the last, the last and this one
	older, above, row := &rows[0], &rows[1], &rows[2]
	for j := range len(b) + 1 {
		above[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			differ := 1
			if a[i-1] == b[j-1] {
				differ = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+differ)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], older[j-2]+1)
			}
		}
		older, above, row = above, row, older
	}
	return above[len(b)]
}
