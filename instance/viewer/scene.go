package viewer

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// scene is an ordered set of checked objects and the view on them. It is not safe
// for concurrent use.
type scene struct {
	limits  limits
	camera  camera // where reset_view leads
	quality string
	list    []*entry
	byID    map[string]*entry
	size    int
	made    int // ids given out
}

type entry struct {
	id     string
	fields object
	raw    json.RawMessage
}

func newScene(l limits) *scene {
	return &scene{
		limits:  l,
		camera:  camera{Position: [3]float64{5.2, 3.4, 6.4}, Target: [3]float64{0, 0.75, 0}},
		quality: "high",
		byID:    make(map[string]*entry),
	}
}

// objects returns the scene as it goes over the wire; never nil.
func (s *scene) objects() []json.RawMessage {
	out := make([]json.RawMessage, len(s.list))
	for i, e := range s.list {
		out[i] = e.raw
	}
	return out
}

// add puts a new object in and returns it whole. One without an id is given one.
func (s *scene) add(o object) (json.RawMessage, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if len(s.list) >= s.limits.objects {
		return nil, fmt.Errorf("scene is full: it holds at most %d objects", s.limits.objects)
	}
	id, ok, err := o.text("id")
	if err != nil {
		return nil, err
	}
	if !ok {
		id = s.freeID(o)
		o = o.patch(object{"id": encode(id)})
	}
	if s.byID[id] != nil {
		return nil, fmt.Errorf("object %q exists already", clip(id))
	}
	e := &entry{id: id, fields: o, raw: encode(o)}
	if err := s.fits(len(e.raw)); err != nil {
		return nil, err
	}
	s.list = append(s.list, e)
	s.byID[id] = e
	s.size += len(e.raw)
	return e.raw, nil
}

// modify lays fields over an object and returns it whole.
func (s *scene) modify(change object) (json.RawMessage, error) {
	e, err := s.find(change)
	if err != nil {
		return nil, err
	}
	change["id"] = encode(e.id) // it may have been found by its name
	next := e.fields.patch(change)
	if err := next.check(); err != nil {
		return nil, err
	}
	raw := encode(next)
	if err := s.fits(len(raw) - len(e.raw)); err != nil {
		return nil, err
	}
	s.size += len(raw) - len(e.raw)
	e.fields, e.raw = next, raw
	return raw, nil
}

// remove takes an object out and returns its id and name.
func (s *scene) remove(which object) (json.RawMessage, error) {
	e, err := s.find(which)
	if err != nil {
		return nil, err
	}
	s.list = slices.DeleteFunc(s.list, func(x *entry) bool { return x == e })
	delete(s.byID, e.id)
	s.size -= len(e.raw)
	gone := object{"id": encode(e.id)}
	if name, ok := e.fields["name"]; ok {
		gone["name"] = name
	}
	return encode(gone), nil
}

func (s *scene) clear() {
	s.list, s.size = nil, 0
	s.byID = make(map[string]*entry)
}

// find goes by id, or by name where there is no id, as older Miktos clients do.
func (s *scene) find(which object) (*entry, error) {
	id, ok, err := which.text("id")
	if err != nil {
		return nil, err
	}
	if ok {
		if e := s.byID[id]; e != nil {
			return e, nil
		}
		return nil, fmt.Errorf("object %q does not exist", clip(id))
	}
	name, ok, err := which.text("name")
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, errors.New("id is missing")
	}
	for _, e := range s.list {
		if n, _, _ := e.fields.text("name"); n == name {
			return e, nil
		}
	}
	return nil, fmt.Errorf("object named %q does not exist", clip(name))
}

func (s *scene) fits(more int) error {
	if s.size+more > s.limits.scene {
		return fmt.Errorf("scene is full: its objects may take %d MiB together", s.limits.scene>>20)
	}
	return nil
}

func (s *scene) freeID(o object) string {
	kind, _ := o.kind()
	for {
		s.made++
		if id := kind + "-" + strconv.Itoa(s.made); s.byID[id] == nil {
			return id
		}
	}
}
