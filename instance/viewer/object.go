package viewer

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// object is one thing of the scene as its sender described it. Fields that are not
// known here are kept and passed on.
type object map[string]json.RawMessage

// far bounds every coordinate and scale, in metres: beyond it a page's depth
// buffer and shadows mean nothing.
const far = 1e6

func parseObject(raw json.RawMessage) (object, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, errors.New("object_data is missing")
	}
	var o object
	if err := json.Unmarshal(raw, &o); err != nil {
		return nil, fmt.Errorf("object_data is not understood: %w", plain(err))
	}
	return o, nil
}

// text returns a field that must be a string; ok is false if it is absent or null.
func (o object) text(key string) (s string, ok bool, err error) {
	raw, ok := o[key]
	if !ok || string(raw) == "null" {
		return "", false, nil
	}
	if json.Unmarshal(raw, &s) != nil {
		return "", false, fmt.Errorf("%s must be text", key)
	}
	return s, true, nil
}

// kind is the type in lower case; Blender writes MESH.
func (o object) kind() (string, error) {
	s, ok, err := o.text("type")
	if err != nil {
		return "", err
	}
	if !ok {
		return "", errors.New("type is missing")
	}
	kind := strings.ToLower(s)
	switch kind {
	case "cube", "box", "sphere", "cylinder", "cone", "torus", "plane", "mesh", "gltf",
		"light", "camera", "empty": // kept and passed on, not drawn
		return kind, nil
	}
	return "", fmt.Errorf("type %q is unknown: use cube, sphere, cylinder, cone, torus, plane, mesh or gltf", clip(s))
}

// patch lays the fields of change over a copy of o; null takes a field away.
func (o object) patch(change object) object {
	next := maps.Clone(o)
	for k, v := range change {
		if string(v) == "null" {
			delete(next, k)
		} else {
			next[k] = v
		}
	}
	return next
}

// check finds the first fault in the known fields.
func (o object) check() error {
	kind, err := o.kind()
	if err != nil {
		return err
	}
	for _, key := range []string{"id", "name"} {
		s, ok, err := o.text(key)
		if err != nil {
			return err
		}
		if ok && (s == "" || utf8.RuneCountInString(s) > 128 || strings.ContainsFunc(s, unicode.IsControl)) {
			return fmt.Errorf("%s must be 1 to 128 printable characters", key)
		}
	}
	for _, key := range []string{"position", "rotation", "scale"} {
		if raw, ok := o[key]; ok {
			if v, ok := numbers(raw, -far, far); !ok || len(v) != 3 {
				return fmt.Errorf("%s must be three numbers of at most %g", key, far)
			}
		}
	}
	if raw, ok := o["color"]; ok && !isColour(raw) {
		return errors.New(`color must be like "#ff8800", "orange", 16746496 or [1, 0.5, 0]`)
	}
	if raw, ok := o["visible"]; ok && string(raw) != "true" && string(raw) != "false" {
		return errors.New("visible must be true or false")
	}
	return o.checkGeometry(kind)
}

func (o object) checkGeometry(kind string) error {
	link, hasURL, err := o.text("url")
	if err != nil {
		return err
	}
	if hasURL && !ownURL(link) {
		return errors.New("url must be a path on this viewer or a data: URL; the page loads from nowhere else")
	}
	raw, hasVertices := o["vertices"]
	switch {
	case kind == "gltf" && !hasURL:
		return errors.New("url is missing: a gltf object needs one")
	case kind == "mesh" && !hasURL && !hasVertices:
		return errors.New("a mesh needs vertices or a url")
	case !hasVertices:
		return nil
	}
	v, ok := numbers(raw, -far, far)
	if !ok || len(v) < 9 || len(v)%3 != 0 {
		return errors.New("vertices must be x, y, z of at least three points in one flat list")
	}
	if raw, ok := o["indices"]; ok {
		i, ok := numbers(raw, 0, float64(len(v)/3-1))
		if !ok || len(i)%3 != 0 || slices.ContainsFunc(i, func(x float64) bool { return x != math.Trunc(x) }) {
			return errors.New("indices must be three whole numbers for each triangle, each the number of a vertex")
		}
	}
	return nil
}

// numbers reads a list of numbers within bounds.
func numbers(raw json.RawMessage, least, most float64) ([]float64, bool) {
	var list []*float64 // a plain float64 would read null as 0
	if json.Unmarshal(raw, &list) != nil {
		return nil, false
	}
	out := make([]float64, len(list))
	for i, p := range list {
		if p == nil || *p < least || *p > most {
			return nil, false
		}
		out[i] = *p
	}
	return out, true
}

func isColour(raw json.RawMessage) bool {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		if hex, ok := strings.CutPrefix(s, "#"); ok {
			return (len(hex) == 3 || len(hex) == 6) && strings.Trim(hex, "0123456789abcdefABCDEF") == ""
		}
		return len(s) >= 3 && len(s) <= 24 && strings.Trim(strings.ToLower(s), "abcdefghijklmnopqrstuvwxyz") == ""
	}
	var n float64
	if json.Unmarshal(raw, &n) == nil {
		return n >= 0 && n <= 0xffffff && n == math.Trunc(n)
	}
	parts, ok := numbers(raw, 0, 1)
	return ok && (len(parts) == 3 || len(parts) == 4)
}

// ownURL keeps pages on their own origin; the page's policy would refuse the rest anyway.
func ownURL(s string) bool {
	u, err := url.Parse(s)
	if err != nil || s == "" {
		return false
	}
	return u.Scheme == "data" || u.Scheme == "" && u.Host == ""
}
