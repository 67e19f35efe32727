package instance

import "time"

// Status is one instance as `status -o json` shows it. Its JSON keys are a
// contract: keys are added, never renamed or removed. A time that has not come
// yet is null, a number that does not apply is 0.
type Status struct {
	ID           string     `json:"id"`
	Index        int        `json:"index"`
	State        State      `json:"state"`
	Reason       string     `json:"reason"` // one clause in words: why it is in that state
	PID          int        `json:"pid"`
	Generation   int        `json:"generation"`
	HTTPPort     int        `json:"http_port"`
	WSPort       int        `json:"ws_port"`
	HTTPURL      string     `json:"http_url"`
	WebSocketURL string     `json:"websocket_url"`
	URL          string     `json:"url"` // the address that people should use
	Hold         string     `json:"hold"`
	Restarts     int        `json:"restarts"`     // automatic, after failures
	PortRetries  int        `json:"port_retries"` // pairs given up for a port conflict
	StartedAt    *time.Time `json:"started_at"`
	ReadyAt      *time.Time `json:"ready_at"`
	NextTryAt    *time.Time `json:"next_try_at"`
	CPUPercent   float64    `json:"cpu_percent"` // of one CPU, over the whole tree
	RSSBytes     uint64     `json:"rss_bytes"`
	Clients      int        `json:"clients"`     // established connections to the WebSocket port
	LogDropped   uint64     `json:"log_dropped"` // lines that did not get into the file
	LogError     string     `json:"log_error"`   // why the file takes no lines now
	LastExit     *LastExit  `json:"last_exit"`
}

// LastExit is how the last child of an instance ended.
type LastExit struct {
	Class  Class     `json:"class"`
	Code   int       `json:"code"`   // -1 when a signal ended it
	Signal string    `json:"signal"` // "SIGKILL", or empty
	At     time.Time `json:"at"`
	Reason string    `json:"reason"`
}
