package configs

import (
	"maps"
	"reflect"
	"slices"
)

// Override is one [[instance]]: what one place does differently. Zero fields
// and nil pointers inherit from the fleet.
type Override struct {
	ID        string            `toml:"id,omitempty" check:"id"` // "": viewer-<index>
	Command   []string          `toml:"command,omitempty" check:"command"`
	Dir       string            `toml:"dir,omitempty" check:"dir"`
	Env       map[string]string `toml:"env,omitempty" check:"env"` // merged over the fleet's
	Host      string            `toml:"host,omitempty" check:"host"`
	HTTP      int               `toml:"http,omitzero" check:"port"`
	WebSocket int               `toml:"websocket,omitzero" check:"port"` // 0 with HTTP written: HTTP plus one

	Restart *RestartOverride `toml:"restart,omitempty"`
	Probe   *ProbeOverride   `toml:"probe,omitempty"`
	Stop    *StopOverride    `toml:"stop,omitempty"`
}

// RestartOverride is a [Restart] of which each part may be left out.
type RestartOverride struct {
	Policy      *string   `toml:"policy,omitempty" check:"on-failure|always|never"`
	Delay       *Duration `toml:"delay,omitempty"`
	MaxDelay    *Duration `toml:"max_delay,omitempty"`
	MaxFailures *int      `toml:"max_failures,omitempty" check:"0..100000"`
	FailedRetry *Duration `toml:"failed_retry,omitempty"`
	StableAfter *Duration `toml:"stable_after,omitempty"`
}

// ProbeOverride is a [Probe] of which each part may be left out.
type ProbeOverride struct {
	HTTP         *string   `toml:"http,omitempty" check:"target"`
	WebSocket    *string   `toml:"websocket,omitempty" check:"target"`
	StartTimeout *Duration `toml:"start_timeout,omitempty" check:"nonzero"`
	Interval     *Duration `toml:"interval,omitempty"`
	Timeout      *Duration `toml:"timeout,omitempty" check:"nonzero"`
	Failures     *int      `toml:"failures,omitempty" check:"1..1000"`
}

// StopOverride is a [Stop] of which each part may be left out.
type StopOverride struct {
	Signal  *string   `toml:"signal,omitempty" check:"signal"`
	Timeout *Duration `toml:"timeout,omitempty"`
}

// apply lays the override over p, which holds what the fleet says.
func (o *Override) apply(p *Place) {
	if o.ID != "" {
		p.ID = o.ID
	}
	if len(o.Command) > 0 {
		p.Viewer.Command = slices.Clone(o.Command)
	}
	if o.Dir != "" {
		p.Viewer.Dir = o.Dir
	}
	if len(o.Env) > 0 {
		if p.Viewer.Env == nil {
			p.Viewer.Env = make(map[string]string, len(o.Env))
		}
		maps.Copy(p.Viewer.Env, o.Env)
	}
	if o.Host != "" {
		p.Ports.Host = o.Host
	}
	if o.HTTP != 0 {
		p.Ports.HTTP, p.Ports.WebSocket = o.HTTP, o.HTTP+1
	}
	if o.WebSocket != 0 {
		p.Ports.WebSocket = o.WebSocket
	}
	overlay(&p.Restart, o.Restart)
	overlay(&p.Probe, o.Probe)
	overlay(&p.Stop, o.Stop)
}

// overlay copies what over's non-nil fields point at into the fields of dst that
// have the same names.
func overlay[T, O any](dst *T, over *O) {
	if over == nil {
		return
	}
	to, from := reflect.ValueOf(dst).Elem(), reflect.ValueOf(over).Elem()
	for i := range from.NumField() {
		if f := from.Field(i); !f.IsNil() {
			to.FieldByName(from.Type().Field(i).Name).Set(f.Elem())
		}
	}
}
