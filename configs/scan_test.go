package configs

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
)

func TestScan(t *testing.T) {
	const text = `# a = 1
a = 1 # b = 2
"b" = "x # = \" ]"
c.d = { e = [1, 'two]', { f = 3 }], g.h = 1979-05-27 07:32:00 }

[t] # comment
k = """
x = 1
[not.a.table]
\""" ends in two"""""
'lit' = '''
y = "'''

[t.sub."a.b"]
"\u0041\x42\n" = 1

[[list]]
  n = 1
  [list.sub]
  m = 1
[[list]]
list = [
  # none = 1
  1,
  [ 2,
    3 ],
]
[sub.later]
x = 1
[sub]
y = 1
`
	root, deep := scan(text)
	if deep != 0 {
		t.Errorf("got too deep at %d", deep)
	}
	r := newReader("", "", text)
	for _, test := range []struct {
		path string
		line int
	}{
		{"a", 2},
		{"b", 3},
		{"c", 4}, {"c d", 4}, {"c d e", 4}, {"c d e 2 f", 4}, {"c d g h", 4},
		{"t", 6}, {"t k", 7}, {"t lit", 11},
		{"t sub", 14}, {"t sub a.b", 14}, {"t sub a.b AB\n", 15},
		{"list 0", 17}, {"list 0 n", 18}, {"list 0 sub", 19}, {"list 0 sub m", 20},
		{"list 1", 21}, {"list 1 list", 22}, {"list 1 list 0", 24}, {"list 1 list 1", 25}, {"list 1 list 1 1", 26},
		{"sub", 30}, {"sub later", 28}, {"sub y", 31},
		{"x", 0}, {"t x", 0}, {"list 2", 0}, {"list 1 list 2", 0},
	} {
		n := root
		for part := range strings.SplitSeq(test.path, " ") {
			if part[0] >= '0' && part[0] <= '9' {
				n = n.item(int(part[0] - '0'))
			} else {
				n = n.key(part)
			}
		}
		if got := r.line(n); got != test.line {
			t.Errorf("got %q on line %d, want %d", test.path, got, test.line)
		}
	}
}

// sameShape compares what scan found with what the toml package decoded.
func sameShape(path string, v any, n *node) error {
	if n == nil {
		return fmt.Errorf("%s is nowhere", path)
	}
	switch v := v.(type) {
	case map[string]any:
		if len(v) != len(n.keys) || len(n.items) != 0 {
			return fmt.Errorf("%s: %d keys are %d keys and %d items", path, len(v), len(n.keys), len(n.items))
		}
		for name, value := range v {
			if err := sameShape(fmt.Sprintf("%s.%q", path, name), value, n.key(name)); err != nil {
				return err
			}
		}
		return nil
	case []any, []map[string]any:
		values, _ := elements(v)
		if len(values) != len(n.items) || len(n.keys) != 0 {
			return fmt.Errorf("%s: %d items are %d items and %d keys", path, len(values), len(n.items), len(n.keys))
		}
		for i, value := range values {
			if err := sameShape(fmt.Sprintf("%s[%d]", path, i), value, n.item(i)); err != nil {
				return err
			}
		}
		return nil
	}
	if len(n.keys)+len(n.items) != 0 {
		return fmt.Errorf("%s: a %s has %d keys and %d items", path, reflect.TypeOf(v), len(n.keys), len(n.items))
	}
	return nil
}

func TestTooDeep(t *testing.T) {
	for _, test := range []struct {
		text string
		deep bool
	}{
		{strings.Repeat("a.", maxDepth-1) + "a = 1", false},
		{strings.Repeat("a.", maxDepth) + "a = 1", true},
		{"\n[" + strings.Repeat("a.", 500_000) + "a]", true},
		{"a = " + strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth), false},
		{"a = " + strings.Repeat("[", maxDepth+1) + strings.Repeat("]", maxDepth+1), true},
		{"a = " + strings.Repeat("[", 1<<20-10), true},
		{strings.Repeat("{a=", 300_000), true},
		{"a = '" + strings.Repeat("[a.", 300_000) + "'", false},
	} {
		_, err := Parse("", []byte(test.text), nil)
		got := err != nil && strings.Contains(err.Error(), "goes deeper than")
		if got != test.deep {
			t.Errorf("%.20q…: got %.100v, want too deep: %v", test.text, err, test.deep)
		}
	}
}

// FuzzScan checks that scan returns for any text, and finds in TOML just what
// the toml package does.
func FuzzScan(f *testing.F) {
	seed(f)
	f.Add("a = [{b.c = 1}, {}]\n[[d.e]]\nf = '''''x'''''\n[d.g]\nh = \"\"\"\\\n  \"\"\" # x\n")
	f.Add("\"\\x41\\u0042\\U00000043\\e\\\"\" = {\n  x = 1, # c\n}\n'k' . \"l\" = 07:32:00\n")
	f.Fuzz(func(t *testing.T, text string) {
		root, deep := scan(text)
		if deep != 0 {
			return
		}
		table := make(map[string]any)
		if _, err := toml.Decode(text, &table); err != nil || strings.HasPrefix(text, "\ufeff") || strings.HasPrefix(text, "\xfe") || strings.HasPrefix(text, "\xff") {
			return
		}
		if err := sameShape("", table, root); err != nil {
			t.Error(err)
		}
	})
}
