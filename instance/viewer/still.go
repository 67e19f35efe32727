package viewer

import (
	"fmt"
	"hash/fnv"
	"math"
	"strconv"
	"strings"
)

// defaultScene is a still life in colours of the instance's own, so that a new
// fleet shows something, and something else in every tab.
func defaultScene(instance string, l limits) (*scene, error) {
	h := float64(hue(instance))
	main, near, warm, pale, dark := colour(h, .62, .56), colour(h+32, .58, .60), colour(h+178, .80, .62), colour(h, .30, .90), colour(h, .30, .26)
	s := newScene(l)
	for _, o := range []struct {
		id, kind, name string
		pos, rot, size [3]float64
		colour         string
		rough, metal   float64
	}{
		{"plinth", "cylinder", "Plinth", [3]float64{0, .14, 0}, [3]float64{}, [3]float64{2.7, .28, 2.7}, pale, .75, 0},
		{"pearl", "sphere", "Pearl", [3]float64{0, 1.08, 0}, [3]float64{}, [3]float64{1.6, 1.6, 1.6}, main, .22, .05},
		{"ring", "torus", "Ring", [3]float64{0, 1.08, 0}, [3]float64{1.28, .28, 0}, [3]float64{2.3, 2.3, 1.5}, warm, .28, .35},
		{"block", "cube", "Block", [3]float64{-2.05, .5, .75}, [3]float64{0, .5, 0}, [3]float64{1, 1, 1}, near, .5, 0},
		{"pebble", "sphere", "Pebble", [3]float64{-1.95, 1.28, .72}, [3]float64{}, [3]float64{.56, .56, .56}, warm, .3, 0},
		{"spire", "cone", "Spire", [3]float64{1.95, .85, -.75}, [3]float64{}, [3]float64{1.1, 1.7, 1.1}, main, .55, 0},
		{"drum", "cylinder", "Drum", [3]float64{1.75, .3, 1.15}, [3]float64{}, [3]float64{.9, .6, .9}, dark, .35, .3},
		{"bead", "sphere", "Bead", [3]float64{.55, .22, 1.95}, [3]float64{}, [3]float64{.44, .44, .44}, near, .18, .1},
		{"screen", "plane", "Screen", [3]float64{-1.2, .95, -1.9}, [3]float64{0, .5, 0}, [3]float64{2.3, 1.9, 1}, pale, .9, 0},
	} {
		_, err := s.add(object{
			"id": encode(o.id), "type": encode(o.kind), "name": encode(o.name),
			"position": encode(o.pos), "rotation": encode(o.rot), "scale": encode(o.size),
			"color": encode(o.colour), "roughness": encode(o.rough), "metalness": encode(o.metal),
			"visible": encode(true),
		})
		if err != nil {
			return nil, fmt.Errorf("built-in scene: %s: %w", o.id, err)
		}
	}
	return s, nil
}

// hue is an instance's accent, in degrees. Numbered neighbours are a golden angle
// apart, which keeps any few of them distinct.
func hue(instance string) int {
	digits := instance[len(strings.TrimRight(instance, "0123456789")):]
	n, err := strconv.ParseUint(digits, 10, 32)
	if err != nil {
		h := fnv.New32a()
		h.Write([]byte(instance))
		n = uint64(h.Sum32())
	}
	return int((n*137 + 68) % 360)
}

// colour turns hue (degrees), saturation and lightness (0 to 1) into #rrggbb.
func colour(h, s, l float64) string {
	h = math.Mod(h, 360)
	channel := func(n float64) int {
		k := math.Mod(n+h/30, 12)
		v := l - s*min(l, 1-l)*max(-1, min(k-3, 9-k, 1))
		return int(math.Round(v * 255))
	}
	return fmt.Sprintf("#%02x%02x%02x", channel(0), channel(8), channel(4))
}
