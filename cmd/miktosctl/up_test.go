package main

import (
	"reflect"
	"testing"
	"time"

	"github.com/miktos/miktosctl/configs"
)

// The supervisor in the background must be asked for what its starter was asked for.
func TestWordsOfDetached(t *testing.T) {
	want := upFlags{instances: 3, http: 9080, ws: 9081, verbose: true, report: 3, source: 4, command: []string{"prog", "-n", "--", "{http_port}"}}
	a := &app{}
	cmd := a.upCommand()
	cmd.Flags().StringVar(&a.fleet, "fleet", "", "")
	if err := cmd.ParseFlags(want.words("studio", "a b.toml")[1:]); err != nil {
		t.Fatal(err)
	}
	got := upFlags{command: cmd.Flags().Args()}
	for name, to := range map[string]*int{"instances": &got.instances, "http": &got.http, "ws": &got.ws, "background": &got.report, "source": &got.source} {
		n, err := cmd.Flags().GetInt(name)
		if err != nil {
			t.Fatal(err)
		}
		*to = n
	}
	got.verbose, _ = cmd.Flags().GetBool("verbose")
	got.detach, _ = cmd.Flags().GetBool("detach")
	if !reflect.DeepEqual(got, want) || a.fleet != "studio" || a.file != "a b.toml" {
		t.Errorf("got %+v, fleet %q, file %q; want %+v, studio, a b.toml", got, a.fleet, a.file, want)
	}
	if dash := cmd.ArgsLenAtDash(); dash != 0 {
		t.Errorf("got the dash at %d, want 0", dash)
	}
}

func TestPatience(t *testing.T) {
	f := configs.Default()
	f.Probe.StartTimeout = configs.Duration(10 * time.Second)
	for _, test := range []struct {
		instances, slots int
		want             time.Duration
	}{
		{1, 16, 15 * time.Second},
		{16, 16, 15 * time.Second},
		{17, 16, 25 * time.Second},
		{500, 0, 15 * time.Second},
	} {
		if got := patience(f, upFlags{instances: test.instances}, test.slots); got != test.want {
			t.Errorf("%d instances, %d slots: got %v, want %v", test.instances, test.slots, got, test.want)
		}
	}
}

// Flags stand before the environment, and that before the file.
func TestPlannedPorts(t *testing.T) {
	t.Chdir(t.TempDir())
	env := map[string]string{"MIKTOS_HTTP_PORT": "9080"}
	a := &app{env: func(name string) string { return env[name] }}
	for _, test := range []struct {
		flags    upFlags
		http, ws int
	}{
		{upFlags{}, 9080, 9081},
		{upFlags{http: 9180}, 9180, 9181},
		{upFlags{ws: 9191}, 9080, 9191},
		{upFlags{http: 9180, ws: 9191}, 9180, 9191},
	} {
		f, err := a.planned(source{}, test.flags)
		if err != nil {
			t.Fatal(err)
		}
		if f.Ports.HTTP != test.http || f.Ports.WebSocket != test.ws {
			t.Errorf("%+v: got %d/%d, want %d/%d", test.flags, f.Ports.HTTP, f.Ports.WebSocket, test.http, test.ws)
		}
	}
	if got := a.env("MIKTOS_WS_PORT"); got != "" {
		t.Errorf("the environment was changed: %q", got)
	}
}
