package viewer

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
)

const box = `{"type":"object_update","update_type":"object_added","object_data":{"id":%q,"type":"cube"}}`

func ids(m message) []string {
	var out []string
	for _, o := range m.Objects {
		out = append(out, o["id"].(string))
	}
	return out
}

func TestSceneStateOnConnect(t *testing.T) {
	p, m := connect(t, start(t, Options{}))
	if len(m.Objects) < 5 || m.Camera == nil || m.Camera.Position == m.Camera.Target ||
		m.Viewport != "perspective" || m.Quality != "high" || m.FPS == nil {
		t.Errorf("scene_state is incomplete: %+v", m)
	}
	if _, err := time.Parse(time.RFC3339Nano, m.Timestamp); err != nil {
		t.Error(err)
	}
	if got, want := ids(p.scene()), ids(m); !slices.Equal(got, want) {
		t.Errorf("got %v on request, want %v as on connect", got, want)
	}
}

// The messages have no envelope: every field is beside the type.
func TestMessagesAreFlat(t *testing.T) {
	p := dial(t, start(t, Options{}).socket())
	var m map[string]any
	if err := wsjson.Read(t.Context(), p.conn, &m); err != nil {
		t.Fatal(err)
	}
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	if got, want := strings.Join(keys, " "), "camera fps objects quality timestamp type viewport"; got != want {
		t.Errorf("scene_state has %s, want %s", got, want)
	}
}

func TestEveryClientSeesEveryChange(t *testing.T) {
	v := start(t, Options{})
	a, _ := connect(t, v)
	b, _ := connect(t, v)
	both := func(check func(p peer)) {
		t.Helper()
		check(a)
		check(b)
	}

	a.send(`{"type":"object_update","update_type":"object_added","object_data":{"type":"CUBE","name":"Box","position":[1,2,3],"note":{"kept":true}}}`)
	var id string
	both(func(p peer) {
		m := p.expect("object_update")
		id, _ = m.ObjectData["id"].(string)
		if m.UpdateType != "object_added" || id == "" || m.ObjectData["note"] == nil || m.Timestamp == "" {
			t.Errorf("added: %+v", m)
		}
	})
	b.send(`{"type":"object_update","update_type":"object_modified","object_data":{"id":%q,"color":"#ff8800"}}`, id)
	both(func(p peer) {
		m := p.expect("object_update")
		if m.UpdateType != "object_modified" || m.ObjectData["color"] != "#ff8800" || m.ObjectData["name"] != "Box" {
			t.Errorf("modified: %+v", m)
		}
	})
	a.send(`{"type":"object_update","update_type":"object_deleted","object_data":{"id":%q}}`, id)
	both(func(p peer) {
		if m := p.expect("object_update"); m.UpdateType != "object_deleted" || m.ObjectData["id"] != id {
			t.Errorf("deleted: %+v", m)
		}
	})
	a.send(`{"type":"object_update","update_type":"scene_cleared"}`)
	both(func(p peer) {
		if m := p.expect("object_update"); m.UpdateType != "scene_cleared" {
			t.Errorf("cleared: %+v", m)
		}
	})
	b.send(`{"type":"set_quality","quality":"low"}`)
	both(func(p peer) {
		if m := p.expect("quality_changed"); m.Quality != "low" {
			t.Errorf("quality: %+v", m)
		}
	})
	b.send(`{"type":"reset_view"}`)
	both(func(p peer) {
		if m := p.expect("camera_reset"); len(m.Position) != 3 || len(m.Target) != 3 {
			t.Errorf("camera: %+v", m)
		}
	})
	if m := a.scene(); len(m.Objects) != 0 || m.Quality != "low" {
		t.Errorf("scene at the end: %+v", m)
	}
}

func TestInstancesAreIsolated(t *testing.T) {
	a, _ := connect(t, start(t, Options{Instance: "viewer-1"}))
	b, before := connect(t, start(t, Options{Instance: "viewer-2"}))
	a.send(box, "mine")
	a.expect("object_update")
	// Nothing but the answer arrives at b.
	if got, want := ids(b.scene()), ids(before); !slices.Equal(got, want) {
		t.Errorf("viewer-2 has %v, want %v", got, want)
	}
}

func TestBadMessagesChangeNothing(t *testing.T) {
	p, before := connect(t, start(t, Options{}))
	update := func(kind, data string) string {
		return fmt.Sprintf(`{"type":"object_update","update_type":%q,"object_data":%s}`, kind, data)
	}
	for _, c := range []struct{ send, want string }{
		{`hello`, "not JSON"},
		{``, "not JSON"},
		{`{"type":"reset_view"`, "not JSON"},
		{`[]`, "array is not an object"},
		{`7`, "number is not an object"},
		{`null`, "no type"},
		{`{}`, "no type"},
		{`{"type":7}`, "type cannot be a number"},
		{`{"type":"explode"}`, `"explode" is unknown`},
		{`{"type":"` + strings.Repeat("x", 500) + `"}`, "…"},
		{`{"type":"set_quality"}`, "unknown: use low"},
		{`{"type":"set_quality","quality":"best"}`, `"best" is unknown`},
		{`{"type":"set_quality","quality":3}`, "quality cannot be a number"},
		{`{"type":"object_update"}`, "object_data is missing"},
		{update("object_painted", `{"id":"pearl"}`), `"object_painted" is unknown`},
		{update("object_added", `null`), "object_data is missing"},
		{update("object_added", `[1]`), "array is not an object"},
		{update("object_added", `{"id":"x"}`), "type is missing"},
		{update("object_added", `{"id":"pearl","type":"cube"}`), `"pearl" exists already`},
		{update("object_added", `{"type":"cube","position":[1,2]}`), "position"},
		{update("object_modified", `{"id":"pearl","color":"#12"}`), "color"},
		{update("object_modified", `{"id":"pearl","type":null}`), "type is missing"},
		{update("object_modified", `{"id":"nobody","color":"red"}`), `"nobody" does not exist`},
		{update("object_modified", `{"color":"red"}`), "id is missing"},
		{update("object_deleted", `{"id":"nobody"}`), `"nobody" does not exist`},
		{update("object_deleted", `{"name":"Nobody"}`), `named "Nobody" does not exist`},
		{update("object_deleted", `{"id":7}`), "id must be text"},
	} {
		p.send("%s", c.send)
		p.expectError(c.want)
	}
	if err := p.conn.Write(t.Context(), websocket.MessageBinary, []byte(`{"type":"reset_view"}`)); err != nil {
		t.Fatal(err)
	}
	p.expectError("binary")
	after := p.scene()
	if fmt.Sprint(after.Objects) != fmt.Sprint(before.Objects) || after.Quality != before.Quality {
		t.Errorf("scene changed: %v, want %v", after.Objects, before.Objects)
	}
}

func TestObjectsAreFoundByNameToo(t *testing.T) {
	p, _ := connect(t, start(t, Options{}))
	p.send(`{"type":"object_update","update_type":"object_modified","object_data":{"name":"Pearl","visible":false}}`)
	if m := p.expect("object_update"); m.ObjectData["id"] != "pearl" || m.ObjectData["visible"] != false {
		t.Errorf("got %+v, want the pearl hidden", m)
	}
}

func TestLimits(t *testing.T) {
	v := start(t, Options{}, func(s *server) {
		s.limits.message = 4096
		s.room.scene.limits.objects = len(s.room.scene.list) + 1
		s.room.scene.limits.scene = s.room.scene.size + 2048
		s.room.limits.clients = 1
	})
	p, _ := connect(t, v)

	second := dial(t, v.socket())
	if _, err := second.read(); websocket.CloseStatus(err) != websocket.StatusTryAgainLater {
		t.Errorf("second client: got %v, want status try again later", err)
	}
	p.send(`{"type":"object_update","update_type":"object_added","object_data":{"type":"cube","note":%q}}`, strings.Repeat("x", 3000))
	p.expectError("MiB together")
	p.send(box, "last")
	p.expect("object_update")
	p.send(box, "one-too-many")
	p.expectError("scene is full")
	p.send(`{"type":"object_update","update_type":"scene_cleared"}`)
	p.expect("object_update")
	p.send(box, "again")
	p.expect("object_update")

	p.send("%s", strings.Repeat(" ", 5000))
	if _, err := p.read(); websocket.CloseStatus(err) != websocket.StatusMessageTooBig {
		t.Errorf("got %v, want status message too big", err)
	}
}

func BenchmarkBroadcast(b *testing.B) {
	v := start(b, Options{})
	p, _ := connect(b, v)
	m := `{"type":"object_update","update_type":"object_modified","object_data":{"id":"pearl","position":[0,1,0]}}`
	for b.Loop() {
		p.send("%s", m)
		p.expect("object_update")
	}
}
