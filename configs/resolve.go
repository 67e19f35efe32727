package configs

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// resolve checks what only makes sense together, and settles what depends on
// other keys, on the environment and on the folder of the file.
func (r *reader) resolve(f *Fleet, root *node, env func(string) string) {
	r.resolvePorts(f, root, env)
	r.resolvePlaces(f, root)
	r.checkDelays(f, root)
	r.resolveFiles(f, root.key("file"))

	f.Viewer.Dir = r.resolveDir(f.Viewer.Dir, "viewer.dir", root.key("viewer").key("dir"))
	for i := range f.Overrides {
		o, n := &f.Overrides[i], root.key("instance").item(i)
		o.Dir = r.resolveDir(o.Dir, overrideKey(i, "dir"), n.key("dir"))
	}
}

// overrideKey returns the full name of a key of the override i.
func overrideKey(i int, key string) string { return fmt.Sprintf("instance[%d].%s", i+1, key) }

// resolvePlaces checks the ids and counts the places.
func (r *reader) resolvePlaces(f *Fleet, root *node) {
	first := make(map[string]*node)
	for i, o := range f.Overrides {
		n := root.key("instance").item(i).key("id")
		k, isPlace := placeNumber(o.ID)
		switch known := first[o.ID]; {
		case o.ID == "":
		case known != nil:
			r.fault(n, overrideKey(i, "id"), o.ID, fmt.Errorf("already the id of the [[instance]] on line %d", r.line(known)))
		case !isPlace && looksLikePlace(o.ID):
			r.fault(n, overrideKey(i, "id"), o.ID, wrongf(`write it like "`+placeID(i+1)+`"`, "not a place: they are counted from 1, without leading zeros"))
		case k > maxPlaces:
			r.fault(n, overrideKey(i, "id"), o.ID, fmt.Errorf("not a place: a fleet has up to %d", maxPlaces))
		}
		if o.ID != "" && first[o.ID] == nil {
			first[o.ID] = n
		}
	}

	claimed, highest := claims(f.Overrides)
	written := root.key("instances")
	switch entries := len(f.Overrides); {
	case written == nil:
		f.Instances = max(1, min(highest, maxPlaces))
	case f.Instances == 0: // refused already
	case f.Instances < entries:
		r.fault(written, "instances", f.Instances, wrongf(fmt.Sprintf("write %d, or leave the key out", highest),
			"fewer than the %d [[instance]] entries of this file", entries))
	case f.Instances < highest:
		for i, place := range claimed {
			if place == highest {
				r.fault(root.key("instance").item(i).key("id"), overrideKey(i, "id"), f.Overrides[i].ID,
					wrongf(fmt.Sprintf("write instances = %d, or leave that key out", highest), "there is no such place among instances = %d", f.Instances))
			}
		}
	}
}

const maxPlaces = 32000

// looksLikePlace reports whether the id is viewer- and a number of any form.
func looksLikePlace(id string) bool {
	digits, ok := strings.CutPrefix(id, placePrefix)
	return ok && digits != "" && strings.Trim(digits, "0123456789") == ""
}

// checkDelays refuses a first delay that is longer than the longest.
func (r *reader) checkDelays(f *Fleet, root *node) {
	wrongOrder := func(delay, most Duration) error {
		return wrongf("", "restart.delay is %s and restart.max_delay is %s: the first may not be longer", delay, most)
	}
	restart := root.key("restart")
	if r.faulty["restart.delay"] || r.faulty["restart.max_delay"] {
		return
	}
	if f.Restart.Delay > f.Restart.MaxDelay {
		name := "max_delay"
		if restart.key(name) == nil {
			name = "delay"
		}
		r.fault(restart.key(name), "restart."+name, nil, wrongOrder(f.Restart.Delay, f.Restart.MaxDelay))
		return
	}
	for i, o := range f.Overrides {
		place := Place{Restart: f.Restart}
		o.apply(&place)
		if place.Restart.Delay <= place.Restart.MaxDelay ||
			r.faulty[overrideKey(i, "restart.delay")] || r.faulty[overrideKey(i, "restart.max_delay")] {
			continue
		}
		n, name := root.key("instance").item(i).key("restart"), "max_delay"
		if n.key(name) == nil {
			name = "delay"
		}
		r.fault(n.key(name), overrideKey(i, "restart."+name), nil, wrongOrder(place.Restart.Delay, place.Restart.MaxDelay))
	}
}

// resolveDir returns the folder as an absolute template, and checks that it
// exists if that can be known now.
func (r *reader) resolveDir(dir, key string, n *node) string {
	if dir == "" {
		return ""
	}
	absolute := dir
	if !filepath.IsAbs(dir) && !strings.HasPrefix(dir, "{run_dir}") {
		absolute = filepath.Join(escape(r.base), dir)
	}
	if hasPlaceholder(absolute) {
		return absolute
	}
	path := Expand(absolute, Vars{})
	hint := ""
	if strings.HasPrefix(dir, "~") {
		hint = "write the whole path; only a shell knows ~"
	}
	switch info, err := os.Stat(path); {
	case err != nil:
		r.fault(n, key, dir, &wrong{fmt.Errorf("%s: %w", path, systemError(err)), hint})
	case !info.IsDir():
		r.fault(n, key, dir, wrongf("", "%s is not a folder", path))
	}
	return absolute
}

// resolveFiles reads the sources and checks that each file has a text and a path
// of its own.
func (r *reader) resolveFiles(f *Fleet, list *node) {
	first := make(map[string]*node)
	for i := range f.Files {
		file, n := &f.Files[i], list.item(i)
		key := func(name string) string { return fmt.Sprintf("file[%d].%s", i+1, name) }
		file.Mode = cmp.Or(file.Mode, defaultMode)

		path := filepath.Clean(file.Path)
		switch known := first[path]; {
		case n.key("path") == nil:
			r.fault(n, fmt.Sprintf("file[%d]", i+1), nil, wrongf(`write path = "config.json"`, "has no path"))
		case file.Path == "": // refused already
		case known != nil:
			r.fault(n.key("path"), key("path"), file.Path, fmt.Errorf("already written by the [[file]] on line %d", r.line(known)))
		default:
			first[path] = n.key("path")
		}

		source, template := n.key("source"), n.key("template")
		switch {
		case source != nil && template != nil:
			r.fault(source, key("source"), nil, wrongf("keep one of the two", "the text is already in template"))
		case source == nil && template == nil:
			r.fault(n, fmt.Sprintf("file[%d]", i+1), nil, wrongf("write template for the text itself, or source for a file that holds it", "has no text"))
		case source != nil && file.Source != "":
			r.resolveSource(file, key("source"), source)
		}
	}
}

// resolveSource puts the text of the source into the file.
func (r *reader) resolveSource(file *File, key string, n *node) {
	written := file.Source
	if !filepath.IsAbs(file.Source) {
		file.Source = filepath.Join(r.base, file.Source)
	}
	text, err := readSource(file.Source)
	if err != nil {
		r.fault(n, key, written, fmt.Errorf("%s: %w", file.Source, err))
		return
	}
	for _, err := range checkTemplate(text) {
		r.fault(n, key, written, err)
	}
	file.Template = text
}
