package configs

import "time"

// Fleet is one fleet file, checked. The zero value is not a fleet: start from
// [Default].
//
// The tags of these structs are the schema of the file: toml names the key, and
// check the values it takes (see accept).
type Fleet struct {
	Name              string `toml:"name" check:"id"`
	Instances         int    `toml:"instances" check:"1..32000"` // how many places; Load fills it in if the file does not say
	OnSupervisorDeath string `toml:"on_supervisor_death" check:"adopt|stop"`
	MaxStarting       int    `toml:"max_starting" check:"-1..32000"` // starting at once; 0: no limit, -1: max(16, 4 × CPUs)

	Viewer  Viewer  `toml:"viewer"`
	Ports   Ports   `toml:"ports"`
	Restart Restart `toml:"restart"`
	Probe   Probe   `toml:"probe"`
	Stop    Stop    `toml:"stop"`
	Logs    Logs    `toml:"logs"`
	Limits  Limits  `toml:"limits"`
	Gateway Gateway `toml:"gateway"`
	Engine  Engine  `toml:"engine"`

	Files     []File     `toml:"file,omitempty"`
	Overrides []Override `toml:"instance,omitempty"` // in the order of the file; see Places

	Path string `toml:"-"` // absolute path of the file; "": not from a file
}

// Viewer is what an instance runs. Command, Dir and the values of Env are
// templates for [Expand].
type Viewer struct {
	Command []string          `toml:"command,omitempty" check:"command"` // nil: the built-in viewer
	Dir     string            `toml:"dir,omitempty" check:"dir"`         // absolute; "": the supervisor's own
	Env     map[string]string `toml:"env,omitempty" check:"env"`         // added to the inherited environment
	Ports   string            `toml:"ports" check:"pair|single"`
}

// Ports is where an instance would like to listen and where else it may.
type Ports struct {
	Host              string   `toml:"host" check:"host"` // an IP address or "localhost"
	HTTP              int      `toml:"http" check:"port"`
	WebSocket         int      `toml:"websocket" check:"port"`
	HTTPFallback      []int    `toml:"http_fallback" check:"port"`      // walked together with WebSocketFallback
	WebSocketFallback []int    `toml:"websocket_fallback" check:"port"` // both may be empty: then only the range is left
	SearchRange       int      `toml:"search_range" check:"0..32000"`   // how far from the preferred port; 0: no range
	Reserved          []int    `toml:"reserved" check:"1..65535"`       // never used
	RetryAttempts     int      `toml:"retry_attempts" check:"0..100"`   // fresh pairs in a row before a conflict counts as a failure
	Quarantine        Duration `toml:"quarantine"`                      // rest of a released pair; 0: none
	Hold              string   `toml:"hold" check:"auto|guard|strict|release|fds"`
	Keep              bool     `toml:"keep"` // a restart keeps its pair
}

// Restart is what happens when a child ends.
type Restart struct {
	Policy      string   `toml:"policy" check:"on-failure|always|never"`
	Delay       Duration `toml:"delay"`                          // before the second retry in a row; doubles from there
	MaxDelay    Duration `toml:"max_delay"`                      // never waits longer
	MaxFailures int      `toml:"max_failures" check:"0..100000"` // in a row, then the instance is failed; 0: no limit
	FailedRetry Duration `toml:"failed_retry"`                   // between the tries of a failed instance; 0: none
	StableAfter Duration `toml:"stable_after"`                   // ready this long: the row of failures ends
}

// Probe is how an instance shows that it is well.
type Probe struct {
	HTTP         string   `toml:"http" check:"target"`           // path to ask for; "": not probed
	WebSocket    string   `toml:"websocket" check:"target"`      // path of the handshake; "": not probed
	StartTimeout Duration `toml:"start_timeout" check:"nonzero"` // from spawn to ready
	Interval     Duration `toml:"interval"`                      // between probes of a ready instance; 0: no more probes once ready
	Timeout      Duration `toml:"timeout" check:"nonzero"`       // of one probe
	Failures     int      `toml:"failures" check:"1..1000"`      // in a row, then it is degraded
}

// Stop is how a child is asked to end, and for how long.
type Stop struct {
	Signal  string   `toml:"signal" check:"signal"` // without SIG, in capitals
	Timeout Duration `toml:"timeout"`               // then KILL; 0: at once
}

// Logs is what is kept of a child's output.
type Logs struct {
	MaxSize Size   `toml:"max_size"`             // of one file; 0: never rotated
	Keep    int    `toml:"keep" check:"0..1000"` // older files beside the current one
	Format  string `toml:"format" check:"text|json"`
}

// Limits is what a child may use at most.
type Limits struct {
	MaxMemory Size `toml:"max_memory"`                 // restarted above it; 0: no limit
	Nice      int  `toml:"nice" check:"-20..19"`       // 0: unchanged
	NoFile    int  `toml:"nofile" check:"0..10000000"` // open files; 0: unchanged
}

// Gateway is the one listener with the stable addresses.
type Gateway struct {
	Enabled     bool     `toml:"enabled"`
	Listen      string   `toml:"listen" check:"listen"`      // host:port
	BaseDomain  string   `toml:"base_domain" check:"domain"` // "": localhost
	HoldTimeout Duration `toml:"hold_timeout"`               // a request waits this long for a restarting instance
	Public      bool     `toml:"public"`                     // may listen off loopback
}

// Engine is who runs the fleet.
type Engine struct {
	Kind    string `toml:"kind" check:"local|nomad"`
	Address string `toml:"address"`
	Driver  string `toml:"driver" check:"|raw_exec|exec|docker"`
}

// Default returns a new fleet of one instance of the built-in viewer, as an
// empty file describes it.
func Default() *Fleet {
	return &Fleet{
		Name:              "default",
		Instances:         1,
		OnSupervisorDeath: "adopt",
		MaxStarting:       -1,
		Viewer:            Viewer{Ports: "pair"},
		Ports: Ports{
			Host:              "127.0.0.1",
			HTTP:              8080,
			WebSocket:         8081,
			HTTPFallback:      []int{8080, 8090, 8100, 8110, 8120},
			WebSocketFallback: []int{8081, 8091, 8101, 8111, 8121},
			SearchRange:       100,
			Reserved:          []int{3000, 5000, 8000, 8888, 9000},
			RetryAttempts:     3,
			Quarantine:        Duration(60 * time.Second),
			Hold:              "auto",
		},
		Restart: Restart{
			Policy:      "on-failure",
			Delay:       Duration(time.Second),
			MaxDelay:    Duration(60 * time.Second),
			MaxFailures: 8,
			FailedRetry: Duration(5 * time.Minute),
			StableAfter: Duration(60 * time.Second),
		},
		Probe: Probe{
			HTTP:         "/",
			WebSocket:    "/",
			StartTimeout: Duration(30 * time.Second),
			Interval:     Duration(5 * time.Second),
			Timeout:      Duration(2 * time.Second),
			Failures:     3,
		},
		Stop:    Stop{Signal: "TERM", Timeout: Duration(10 * time.Second)},
		Logs:    Logs{MaxSize: 10 * mebibyte, Keep: 3, Format: "text"},
		Gateway: Gateway{Enabled: true, Listen: "127.0.0.1:8070", HoldTimeout: Duration(10 * time.Second)},
		Engine:  Engine{Kind: "local"},
	}
}
