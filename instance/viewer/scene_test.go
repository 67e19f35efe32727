package viewer

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestObjectFields(t *testing.T) {
	for _, c := range []struct{ object, want string }{ // "" in want: good
		{`{"type":"box","color":"#f80"}`, ""},
		{`{"type":"Sphere","color":"tomato","rotation":[0,1.5,0],"scale":[1,2,1],"visible":false}`, ""},
		{`{"type":"LIGHT","color":[1,0.5,0,1],"energy":40}`, ""},
		{`{"type":"cone","color":16746496}`, ""},
		{`{"type":"gltf","url":"scene/model.glb"}`, ""},
		{`{"type":"gltf","url":"data:model/gltf-binary;base64,Z2xURg=="}`, ""},
		{`{"type":"mesh","vertices":[0,0,0,1,0,0,0,1,0],"indices":[0,1,2]}`, ""},
		{`{"type":"teapot"}`, "teapot"},
		{`{"type":7}`, "type must be text"},
		{`{"type":"cube","id":""}`, "id must be 1 to 128"},
		{`{"type":"cube","id":"a\nb"}`, "id must be 1 to 128"},
		{`{"type":"cube","name":"` + strings.Repeat("x", 129) + `"}`, "name must be"},
		{`{"type":"cube","position":[1,2,null]}`, "position"},
		{`{"type":"cube","position":"1,2,3"}`, "position"},
		{`{"type":"cube","scale":[1,1,1e7]}`, "scale"},
		{`{"type":"cube","rotation":[0,0,1e999]}`, "rotation"},
		{`{"type":"cube","color":"#12345"}`, "color"},
		{`{"type":"cube","color":"url(x)"}`, "color"},
		{`{"type":"cube","color":[2,0,0]}`, "color"},
		{`{"type":"cube","color":16777216}`, "color"},
		{`{"type":"cube","visible":"no"}`, "visible"},
		{`{"type":"gltf"}`, "url is missing"},
		{`{"type":"gltf","url":"https://evil.example/x.glb"}`, "url must be"},
		{`{"type":"gltf","url":"//evil.example/x.glb"}`, "url must be"},
		{`{"type":"gltf","url":"javascript:alert(1)"}`, "url must be"},
		{`{"type":"mesh"}`, "vertices or a url"},
		{`{"type":"mesh","vertices":[0,0,0,1]}`, "vertices must"},
		{`{"type":"mesh","vertices":[0,0,0,1,0,0,0,1,0],"indices":[0,1,3]}`, "indices must"},
		{`{"type":"mesh","vertices":[0,0,0,1,0,0,0,1,0],"indices":[0,1,1.5]}`, "indices must"},
	} {
		o, err := parseObject(json.RawMessage(c.object))
		if err != nil {
			t.Fatal(err)
		}
		err = o.check()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: got %v, want %q", c.object, err, c.want)
		}
	}
}

func TestModifyTakesFieldsAwayWithNull(t *testing.T) {
	s := newScene(defaultLimits())
	if _, err := s.add(object{"id": encode("a"), "type": encode("cube"), "color": encode("red"), "note": encode(1)}); err != nil {
		t.Fatal(err)
	}
	got, err := s.modify(object{"id": encode("a"), "color": json.RawMessage("null"), "name": encode("A")})
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"id":"a","name":"A","note":1,"type":"cube"}`; string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Whatever happens to it, a scene's books agree with what is in it.
func TestSceneKeepsItsBooks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := defaultLimits()
		l.objects, l.scene = 8, 600
		s := newScene(l)
		id := rapid.SampledFrom([]string{"a", "b", "c", "cube-1", "cube-2"})
		note := rapid.StringN(0, 80, -1)
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			o := object{"type": encode("cube"), "note": encode(note.Draw(t, "note"))}
			if rapid.Bool().Draw(t, "named") {
				o["id"] = encode(id.Draw(t, "id"))
			}
			switch rapid.IntRange(0, 4).Draw(t, "what") {
			case 0, 1:
				s.add(o)
			case 2:
				s.modify(o)
			case 3:
				s.remove(o)
			case 4:
				if rapid.IntRange(0, 5).Draw(t, "rarely") == 0 {
					s.clear()
				}
			}
			size, seen := 0, map[string]bool{}
			for _, e := range s.list {
				size += len(e.raw)
				if seen[e.id] || s.byID[e.id] != e || string(e.fields["id"]) != string(encode(e.id)) {
					t.Fatalf("entry %q is booked wrongly", e.id)
				}
				seen[e.id] = true
			}
			if size != s.size || size > l.scene || len(s.list) > l.objects || len(s.byID) != len(s.list) {
				t.Fatalf("size %d booked as %d; %d objects, %d by id", size, s.size, len(s.list), len(s.byID))
			}
		}
	})
}

func FuzzRequest(f *testing.F) {
	f.Add(`{"type":"object_update","update_type":"object_added","object_data":{"type":"cube","color":[1,0,0]}}`)
	f.Add(`{"type":"object_update","update_type":"object_modified","object_data":{"id":"pearl","type":null}}`)
	f.Add(`{"type":"set_quality","quality":"low"}`)
	f.Fuzz(func(t *testing.T, data string) {
		first, err := defaultScene("viewer-1", defaultLimits())
		if err != nil {
			t.Fatal(err)
		}
		r := newRoom(first, defaultLimits(), nil)
		c := &client{out: newOutbox(1 << 20), drop: func(error) {}}
		if err := r.join(c); err != nil {
			t.Fatal(err)
		}
		r.handle(c, []byte(data))
		for m, ok := c.out.next(); ok; m, ok = c.out.next() {
			if !json.Valid(m) {
				t.Errorf("sent %s", m)
			}
		}
	})
}

func TestSceneFromJSON(t *testing.T) {
	name := writeFile(t, "hero.json", `{"objects":[{"id":"a","type":"cube"},{"type":"sphere","mood":"calm"}],
		"camera":{"position":[1,2,3],"target":[0,0,0]},"quality":"low","viewport":"perspective","timestamp":"x"}`)
	p, m := connect(t, start(t, Options{Scene: name}))
	if len(m.Objects) != 2 || m.Objects[1]["mood"] != "calm" || m.Quality != "low" || m.Camera.Position != [3]float64{1, 2, 3} {
		t.Errorf("got %+v", m)
	}
	p.send(`{"type":"reset_view"}`)
	if m := p.expect("camera_reset"); m.Position[2] != 3 {
		t.Errorf("camera went to %v, want the file's", m.Position)
	}
	if _, m := connect(t, start(t, Options{Scene: writeFile(t, "list.json", ` [{"type":"cone"}]`)})); len(m.Objects) != 1 {
		t.Errorf("bare list: got %v", m.Objects)
	}
}

func TestSceneFromGLB(t *testing.T) {
	name := writeFile(t, "My Model.glb", triangle())
	v := start(t, Options{Scene: name})
	_, m := connect(t, v)
	if len(m.Objects) != 1 || m.Objects[0]["type"] != "gltf" || m.Objects[0]["name"] != "My Model.glb" {
		t.Fatalf("got %+v", m.Objects)
	}
	resp, body := get(t, v.page()+"/"+m.Objects[0]["url"].(string))
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "model/gltf-binary" || body != triangle() {
		t.Errorf("got %d %s, %d bytes", resp.StatusCode, resp.Header.Get("Content-Type"), len(body))
	}
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	if resp, _ := get(t, v.page()+"/scene/model.glb"); resp.StatusCode != 404 {
		t.Errorf("removed file: got %d, want 404", resp.StatusCode)
	}
}

// Faults of the file are found before anything listens, all of them at once.
func TestSceneFaults(t *testing.T) {
	for _, c := range []struct{ name, content, want string }{
		{"a.json", `{"objects":[{"type":"cube"},{"type":"cube","color":"#1"},{"id":"x"}]}`, "object 2: color"},
		{"a.json", `{"objects":[{"type":"cube"},{"type":"cube","color":"#1"},{"id":"x"}]}`, "object 3: type is missing"},
		{"a.json", `{"objects":7}`, "objects cannot be a number"},
		{"a.json", `{`, "not JSON"},
		{"a.json", `{"quality":"best"}`, "unknown"},
		{"a.json", `{"camera":{"position":[0,0,0],"target":[0,0,0]}}`, "camera looks"},
		{"a.json", `{"camera":{"position":[1e9,0,0]}}`, "camera is further"},
		{"a.glb", "PK", "not a binary glTF"},
		{"a.glb", "glTF\x01\x00\x00\x00\x0c\x00\x00\x00", "version 1"},
		{"a.glb", "glTF\x02\x00\x00\x00\xff\x00\x00\x00", "cut short: 12 of 255"},
		{"a.gltf", "{}", "export it as .glb"},
		{"a.obj", "", ".obj"},
	} {
		name := writeFile(t, c.name, c.content)
		err := Run(t.Context(), Options{Scene: name, HTTPPort: 1, WSPort: 1 << 20})
		if err == nil || !strings.HasPrefix(err.Error(), "scene "+name+": ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %q: got %v, want %q", c.name, c.content, err, c.want)
		}
	}
	missing := filepath.Join(t.TempDir(), "no.json")
	if err := Run(t.Context(), Options{Scene: missing}); !errors.Is(err, fs.ErrNotExist) || strings.Count(err.Error(), missing) != 1 {
		t.Errorf("got %v, want not exist with the name once", err)
	}
	if err := Run(t.Context(), Options{Scene: t.TempDir()}); err == nil || !strings.Contains(err.Error(), "regular file") {
		t.Errorf("got %v, want not a regular file", err)
	}
}
