package configs

import (
	"reflect"
	"slices"
	"strings"
)

// later is a key that is understood but whose feature does not exist yet.
type later struct {
	key string
	now []string // values beside the default that ask for nothing missing
}

// unavailable is the only place that knows what does not exist yet: a feature
// that arrives deletes its lines.
func unavailable() []later {
	return []later{
		{key: "ports.hold", now: []string{"guard"}},
		{key: "ports.keep"},
		{key: "viewer.ports"},
		{key: "on_supervisor_death"},
		{key: "limits.max_memory"},
		{key: "limits.nice"},
		{key: "limits.nofile"},
		{key: "gateway.listen"},
		{key: "gateway.base_domain"},
		{key: "gateway.hold_timeout"},
		{key: "gateway.public"},
		{key: "engine.kind"},
		{key: "engine.address"},
		{key: "engine.driver"},
	}
}

// refuseUnavailable refuses what asks for a missing feature. It looks at values
// that were accepted: one that is wrong is reported as wrong.
func (r *reader) refuseUnavailable(f *Fleet, root *node) {
	defaults := reflect.ValueOf(Default()).Elem()
	for _, l := range unavailable() {
		value, usual := reflect.ValueOf(f).Elem(), defaults
		n := root
		for name := range strings.SplitSeq(l.key, ".") {
			value, _, _ = fieldOf(value, name)
			usual, _, _ = fieldOf(usual, name)
			n = n.key(name)
		}
		if value.Equal(usual) || value.Kind() == reflect.String && slices.Contains(l.now, value.String()) {
			continue
		}
		choices := []string{written(usual)}
		for _, s := range l.now {
			choices = append(choices, show(s))
		}
		hint := "leave the key out, or write " + either(choices)
		r.fault(n, l.key, nil, &wrong{ErrNotAvailable, hint})
		r.faults[len(r.faults)-1].Value = written(value)
	}
}

// written returns a scalar of a fleet as it stands in the file.
func written(v reflect.Value) string {
	switch v := v.Interface().(type) {
	case Size:
		return show(v.String())
	case Duration:
		return show(v.String())
	default:
		return show(v)
	}
}
