package main

import (
	"testing"
	"time"

	"github.com/miktos/miktosctl/instance"
	"github.com/miktos/miktosctl/supervisor"
)

func TestStatusTable(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	ago := func(d time.Duration) *time.Time { at := now.Add(-d); return &at }
	s := supervisor.Status{Instances: []instance.Status{
		{ID: "viewer-1", State: instance.Ready, PID: 4711, HTTPPort: 8080, WSPort: 8081, StartedAt: ago(3 * time.Hour),
			CPUPercent: 12.34, RSSBytes: 25 << 20, Generation: 1, Hold: "guard", URL: "http://localhost:8080"},
		{ID: "hero", State: instance.Backoff, Restarts: 3, Reason: "exit code 3: boom", NextTryAt: ago(-4 * time.Second), Generation: 4,
			LastExit: &instance.LastExit{Class: instance.ClassCrash, Code: -1, Signal: "SIGSEGV", At: *ago(time.Minute)}},
	}}
	if got, want := statusTable(s, false, now, false), ""+
		"ID        STATE    HTTP  WEBSOCKET  PID   RESTARTS  UPTIME  CPU    MEM  REASON\n"+
		"viewer-1  ready    8080  8081       4711  0         3h00m   12.3%  25M\n"+
		"hero      backoff  -     -          -     3         -       -      -    exit code 3: boom; next try in 4s\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	s.Instances = s.Instances[:1]
	if got, want := statusTable(s, true, now, true), ""+
		"\x1b[1mID\x1b[0m        \x1b[1mSTATE\x1b[0m  \x1b[1mHTTP\x1b[0m  \x1b[1mWEBSOCKET\x1b[0m  \x1b[1mPID\x1b[0m   \x1b[1mRESTARTS\x1b[0m  \x1b[1mUPTIME\x1b[0m  \x1b[1mCPU\x1b[0m    \x1b[1mMEM\x1b[0m  \x1b[1mGEN\x1b[0m  \x1b[1mHOLD\x1b[0m   \x1b[1mCLIENTS\x1b[0m  \x1b[1mURL\x1b[0m                    \x1b[1mLAST EXIT\x1b[0m\n"+
		"viewer-1  \x1b[32mready\x1b[0m  8080  8081       4711  0         3h00m   12.3%  25M  1    guard  0        http://localhost:8080  -\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestAge(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second:                  "0s",
		400 * time.Millisecond:        "0s",
		59*time.Second + 600e6:        "1m00s",
		61 * time.Minute:              "1h01m",
		47*time.Hour + 59*time.Minute: "47h59m",
		50 * time.Hour:                "2d02h",
	} {
		if got := age(d); got != want {
			t.Errorf("age(%v): got %s, want %s", d, got, want)
		}
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[uint64]string{
		0: "-", 512 << 10: "512K", 9<<20 + 512<<10: "9.5M", 10 << 20: "10M", 3 << 29: "1.5G",
	} {
		if got := size(n); got != want {
			t.Errorf("size(%d): got %s, want %s", n, got, want)
		}
	}
}

func TestVersionOf(t *testing.T) {
	for _, test := range []struct {
		module, revision string
		modified         bool
		want             string
	}{
		{"", "", false, "devel"},
		{"(devel)", "", false, "devel"},
		{"v1.2.3", "0123456789abcdef", false, "v1.2.3"},
		{"(devel)", "0123456789abcdef", false, "devel-0123456789ab"},
		{"(devel)", "01", true, "devel-01+dirty"},
	} {
		if got := versionOf(test.module, test.revision, test.modified); got != test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
	}
}
