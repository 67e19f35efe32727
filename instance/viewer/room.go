package viewer

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
)

// room is the live scene and everybody who looks at it. One lock covers both, so
// that changes reach all clients in one order. Nothing is sent under the lock:
// clients have outboxes.
type room struct {
	limits limits
	log    *slog.Logger

	mu      sync.Mutex
	scene   *scene
	quality string
	clients map[*client]struct{}
}

func newRoom(first *scene, l limits, log *slog.Logger) *room {
	return &room{limits: l, log: log, scene: first, quality: first.quality, clients: make(map[*client]struct{})}
}

// join adds c; the first thing it is sent is the whole scene.
func (r *room) join(c *client) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.clients) >= r.limits.clients {
		return errors.New("viewer has too many clients")
	}
	r.clients[c] = struct{}{}
	r.sendLocked(c, r.stateLocked())
	return nil
}

func (r *room) leave(c *client) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.clients, c)
}

// handle carries out one message of c, or tells c what is wrong with it.
func (r *room) handle(c *client, data []byte) {
	req, err := parseRequest(data)
	if err == nil {
		err = r.apply(c, req)
	}
	if err != nil {
		r.refuse(c, err)
	}
}

func (r *room) refuse(c *client, reason error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sendLocked(c, encode(errorMessage{"error", reason.Error()}))
}

func (r *room) apply(c *client, req request) error {
	switch req.Type {
	case "get_scene_state":
		r.mu.Lock()
		defer r.mu.Unlock()
		r.sendLocked(c, r.stateLocked())
		return nil
	case "reset_view":
		r.mu.Lock()
		defer r.mu.Unlock()
		r.sendAllLocked(encode(cameraResetMessage{"camera_reset", r.scene.camera}))
		return nil
	case "set_quality":
		if err := checkQuality(req.Quality); err != nil {
			return err
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.quality = req.Quality
		r.sendAllLocked(encode(qualityChangedMessage{"quality_changed", req.Quality}))
		return nil
	case "object_update":
		return r.update(req)
	default:
		return fmt.Errorf("message type %q is unknown", clip(req.Type))
	}
}

// update changes the scene and tells everybody, its sender too: the answer carries
// the whole object, with the id that a new one was given.
func (r *room) update(req request) error {
	var fields object
	if req.UpdateType != sceneCleared {
		var err error
		if fields, err = parseObject(req.ObjectData); err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var data json.RawMessage
	var err error
	switch req.UpdateType {
	case objectAdded:
		data, err = r.scene.add(fields)
	case objectModified:
		data, err = r.scene.modify(fields)
	case objectDeleted:
		data, err = r.scene.remove(fields)
	case sceneCleared:
		r.scene.clear()
	default:
		err = fmt.Errorf("update_type %q is unknown", clip(req.UpdateType))
	}
	if err != nil {
		return err
	}
	r.sendAllLocked(encode(objectUpdateMessage{"object_update", req.UpdateType, data, timestamp()}))
	return nil
}

func (r *room) stateLocked() []byte {
	return encode(sceneStateMessage{
		Type:      "scene_state",
		Objects:   r.scene.objects(),
		Camera:    r.scene.camera,
		Viewport:  "perspective",
		Quality:   r.quality,
		Timestamp: timestamp(),
	})
}

func (r *room) sendAllLocked(m []byte) {
	for c := range r.clients {
		r.sendLocked(c, m)
	}
}

// sendLocked drops a client that has let too much pile up. It can come back and
// then begins with the whole scene, which is less than what it missed.
func (r *room) sendLocked(c *client, m []byte) {
	if c.out.push(m) {
		return
	}
	delete(r.clients, c)
	r.log.Warn("client dropped", "reason", errTooSlow)
	c.drop(errTooSlow)
}
