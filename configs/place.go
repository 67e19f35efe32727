package configs

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Place is one place of the fleet with everything resolved: what the fleet says,
// and over it what the place's own [[instance]] says. It shares no memory with
// the fleet or with another place.
type Place struct {
	ID    string // unique in the fleet
	Index int    // from 1

	Viewer  Viewer
	Ports   Ports
	Restart Restart
	Probe   Probe
	Stop    Stop
	Logs    Logs
	Limits  Limits
	Files   []File
}

// Places returns the first n places in the order of their indexes. With n of 0
// or less it is as many as the fleet says: Instances, or if that is 0 too (in a
// fleet that was not loaded), as many as the overrides claim and at least one.
//
// An [[instance]] with the id viewer-K is place K. Any other takes, in the order
// of the file, the lowest place that no viewer-K claims.
func (f *Fleet) Places(n int) []Place {
	claimed, highest := claims(f.Overrides)
	if n <= 0 {
		n = f.Instances
	}
	if n <= 0 {
		n = max(1, highest)
	}
	places := make([]Place, n)
	for i := range places {
		places[i] = f.place(i + 1)
	}
	for i, at := range claimed {
		if at <= n {
			f.Overrides[i].apply(&places[at-1])
		}
	}
	return places
}

// place returns place number index without its override.
func (f *Fleet) place(index int) Place {
	p := Place{
		ID:      placeID(index),
		Index:   index,
		Viewer:  f.Viewer,
		Ports:   f.Ports,
		Restart: f.Restart,
		Probe:   f.Probe,
		Stop:    f.Stop,
		Logs:    f.Logs,
		Limits:  f.Limits,
		Files:   slices.Clone(f.Files),
	}
	p.Viewer.Command = slices.Clone(f.Viewer.Command)
	p.Viewer.Env = maps.Clone(f.Viewer.Env)
	p.Ports.HTTPFallback = slices.Clone(f.Ports.HTTPFallback)
	p.Ports.WebSocketFallback = slices.Clone(f.Ports.WebSocketFallback)
	p.Ports.Reserved = slices.Clone(f.Ports.Reserved)
	return p
}

// claims returns the place of each override, and the highest of them.
func claims(overrides []Override) (places []int, highest int) {
	places = make([]int, len(overrides))
	taken := make(map[int]bool, len(overrides))
	for i, o := range overrides {
		if k, ok := placeNumber(o.ID); ok && !taken[k] {
			places[i], taken[k] = k, true
		}
	}
	next := 1
	for i := range places {
		if places[i] == 0 {
			for taken[next] {
				next++
			}
			places[i], taken[next] = next, true
		}
		highest = max(highest, places[i])
	}
	return places, highest
}

const placePrefix = "viewer-"

func placeID(index int) string { return placePrefix + strconv.Itoa(index) }

// placeNumber returns the K of the id viewer-K.
func placeNumber(id string) (int, bool) {
	digits, ok := strings.CutPrefix(id, placePrefix)
	if !ok {
		return 0, false
	}
	k, err := strconv.Atoi(digits)
	if err != nil || k < 1 || placeID(k) != id {
		return 0, false
	}
	return k, true
}
