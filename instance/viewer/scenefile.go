package viewer

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// sceneFile is a model that the page fetches from the HTTP port.
type sceneFile struct {
	path string // absolute: the working directory is not ours
	url  string // relative, so that it holds behind a gateway's path too
}

// openScene makes the scene to begin with. The file is nil unless a page needs it.
func openScene(o Options, l limits) (*scene, *sceneFile, error) {
	if o.Scene == "" {
		s, err := defaultScene(o.Instance, l)
		return s, nil, err
	}
	s, file, err := loadScene(o.Scene, l)
	if err != nil {
		// An fs.PathError names the file itself.
		if pe := (*os.PathError)(nil); errors.As(err, &pe) {
			return nil, nil, fmt.Errorf("scene: %w", err)
		}
		return nil, nil, fmt.Errorf("scene %s: %w", o.Scene, err)
	}
	return s, file, nil
}

func loadScene(name string, l limits) (*scene, *sceneFile, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil, errors.New("not a regular file")
	}
	switch ext := strings.ToLower(filepath.Ext(name)); ext {
	case ".json":
		s, err := readJSONScene(f, l)
		return s, nil, err
	case ".glb":
		if err := checkGLB(f, info.Size()); err != nil {
			return nil, nil, err
		}
		abs, err := filepath.Abs(name)
		if err != nil {
			return nil, nil, err
		}
		return modelScene(&sceneFile{path: abs, url: "scene/model.glb"}, filepath.Base(name), l)
	case ".gltf":
		return nil, nil, errors.New("a .gltf file keeps its data in other files: export it as .glb")
	default:
		return nil, nil, fmt.Errorf("%q is not a scene: use .glb or .json", ext)
	}
}

// modelScene is a scene with one model in it.
func modelScene(file *sceneFile, name string, l limits) (*scene, *sceneFile, error) {
	s := newScene(l)
	s.camera.Target[1] = 1.2 // the page makes it three metres in size
	if len(name) > 100 {
		name = "model"
	}
	_, err := s.add(object{
		"id":   encode("scene"),
		"type": encode("gltf"),
		"name": encode(name),
		"url":  encode((&url.URL{Path: file.url}).String()),
		"fit":  encode(true), // any unit, any origin: the page brings it to size on the ground
	})
	return s, file, err
}

// checkGLB reads the twelve bytes at the start of a binary glTF 2 file.
func checkGLB(r io.Reader, size int64) error {
	var head struct {
		Magic           [4]byte
		Version, Length uint32
	}
	if err := binary.Read(r, binary.LittleEndian, &head); err != nil || string(head.Magic[:]) != "glTF" {
		return errors.New("not a binary glTF file")
	}
	if head.Version != 2 {
		return fmt.Errorf("glTF version %d: want 2", head.Version)
	}
	if int64(head.Length) > size {
		return fmt.Errorf("cut short: %d of %d bytes", size, head.Length)
	}
	return nil
}

// readJSONScene reads {"objects": […], "camera": {…}, "quality": …}, which a saved
// scene_state is, or a bare list of objects.
func readJSONScene(r io.Reader, l limits) (*scene, error) {
	data, err := io.ReadAll(io.LimitReader(r, int64(l.scene)+1))
	if err != nil {
		return nil, err
	}
	if len(data) > l.scene {
		return nil, fmt.Errorf("larger than %d MiB", l.scene>>20)
	}
	var file struct {
		Objects []json.RawMessage `json:"objects"`
		Camera  *camera           `json:"camera"`
		Quality *string           `json:"quality"`
	}
	if trimmed := strings.TrimSpace(string(data)); strings.HasPrefix(trimmed, "[") {
		err = json.Unmarshal(data, &file.Objects)
	} else {
		err = json.Unmarshal(data, &file)
	}
	if err != nil {
		return nil, plain(err)
	}
	s := newScene(l)
	if file.Camera != nil {
		if err := file.Camera.check(); err != nil {
			return nil, err
		}
		s.camera = *file.Camera
	}
	if file.Quality != nil {
		if err := checkQuality(*file.Quality); err != nil {
			return nil, err
		}
		s.quality = *file.Quality
	}
	var faults []error
	for i, raw := range file.Objects {
		o, err := parseObject(raw)
		if err == nil {
			_, err = s.add(o)
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("object %d: %w", i+1, err))
		}
	}
	return s, errors.Join(faults...)
}

func (c camera) check() error {
	for _, v := range append(c.Position[:], c.Target[:]...) {
		if math.Abs(v) > far {
			return fmt.Errorf("camera is further than %g away", far)
		}
	}
	if c.Position == c.Target {
		return errors.New("camera looks at the point where it stands")
	}
	return nil
}
