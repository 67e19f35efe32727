package viewer

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// request is any message to the viewer. Fields that its type does not use are ignored.
type request struct {
	Type       string          `json:"type"`
	Quality    string          `json:"quality"`
	UpdateType string          `json:"update_type"`
	ObjectData json.RawMessage `json:"object_data"`
}

// Values of update_type.
const (
	objectAdded    = "object_added"
	objectModified = "object_modified"
	objectDeleted  = "object_deleted"
	sceneCleared   = "scene_cleared"
)

// Messages from the viewer.
type (
	sceneStateMessage struct {
		Type      string            `json:"type"`
		Objects   []json.RawMessage `json:"objects"`
		Camera    camera            `json:"camera"`
		Viewport  string            `json:"viewport"`
		Quality   string            `json:"quality"`
		FPS       float64           `json:"fps"`
		Timestamp string            `json:"timestamp"`
	}
	cameraResetMessage struct {
		Type string `json:"type"`
		camera
	}
	qualityChangedMessage struct {
		Type    string `json:"type"`
		Quality string `json:"quality"`
	}
	objectUpdateMessage struct {
		Type       string          `json:"type"`
		UpdateType string          `json:"update_type"`
		ObjectData json.RawMessage `json:"object_data"`
		Timestamp  string          `json:"timestamp"`
	}
	errorMessage struct {
		Type    string `json:"type"`
		Message string `json:"message"`
	}
)

type camera struct {
	Position [3]float64 `json:"position"`
	Target   [3]float64 `json:"target"`
}

func parseRequest(data []byte) (request, error) {
	var req request
	if err := json.Unmarshal(data, &req); err != nil {
		return request{}, fmt.Errorf("message is not understood: %w", plain(err))
	}
	if req.Type == "" {
		return request{}, errors.New("message has no type")
	}
	return req, nil
}

// plain says what is wrong with the JSON instead of what Go wanted to do with it.
func plain(err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Errorf("not JSON at byte %d", syntax.Offset)
	}
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		if kind.Field == "" {
			return fmt.Errorf("a JSON %s is not an object", kind.Value)
		}
		return fmt.Errorf("%s cannot be a %s", kind.Field, kind.Value)
	}
	return err
}

func checkQuality(q string) error {
	levels := []string{"low", "medium", "high", "ultra"}
	if !slices.Contains(levels, q) {
		return fmt.Errorf("quality %q is unknown: use %s", clip(q), strings.Join(levels, ", "))
	}
	return nil
}

// encode panics on a value that JSON cannot hold; all of ours can be held.
func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

func timestamp() string {
	return time.Now().UTC().Format("2006-01-02T15:04:05.000Z")
}

// clip keeps a client's text short enough to be sent back.
func clip(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}
