package control

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/miktos/miktosctl/supervisor"
)

func TestOrders(t *testing.T) {
	f := newFakeFleet(t, "viewer-1", "viewer-2")
	_, c := serve(t, f)
	some := Which{IDs: []string{"viewer-2"}}
	for _, test := range []struct {
		want string
		give func() ([]string, error)
		ids  []string
	}{
		{"start [viewer-2]", func() ([]string, error) { return c.Start(t.Context(), some) }, some.IDs},
		{"stop [viewer-2]", func() ([]string, error) { return c.Stop(t.Context(), some) }, some.IDs},
		{"restart [viewer-2]", func() ([]string, error) { return c.Restart(t.Context(), some) }, some.IDs},
		{"restart [viewer-1 viewer-2]", func() ([]string, error) { return c.Restart(t.Context(), Which{All: true}) }, []string{"viewer-1", "viewer-2"}},
		{"scale 4", func() ([]string, error) { return nil, c.Scale(t.Context(), 4) }, nil},
		{"kill", func() ([]string, error) { return nil, c.Kill(t.Context()) }, nil},
		{"stop [viewer-1]", func() ([]string, error) {
			return nil, c.do(t.Context(), http.MethodPost, "/v1/instances/viewer-1/stop", nil, nil)
		}, nil},
		{"down", func() ([]string, error) { return nil, c.do(t.Context(), http.MethodPost, "/v1/down", nil, nil) }, nil},
	} {
		ids, err := test.give()
		if err != nil {
			t.Fatalf("%s: %v", test.want, err)
		}
		if !reflect.DeepEqual(ids, test.ids) {
			t.Errorf("%s: got ids %v, want %v", test.want, ids, test.ids)
		}
		if got := within(t, f.orders); got != test.want {
			t.Errorf("got order %q, want %q", got, test.want)
		}
		if got, want := within(t, f.by), (supervisor.Actor{UID: os.Geteuid(), PID: os.Getpid()}); got != want {
			t.Errorf("%s: got by %v, want %v", test.want, got, want)
		}
	}
}

// An instance that leaves takes no orders; an order to all must not fail for it.
func TestOrderToAllSkipsLeavers(t *testing.T) {
	f := &leaving{newFakeFleet(t, "viewer-1", "viewer-2", "viewer-3")}
	dirs := folders(t)
	s := listen(t, dirs)
	served := make(chan error, 1)
	go func() { served <- s.Serve(f) }()
	defer func() { s.Finish(nil); <-served }()
	c, err := Dial(t.Context(), dirs)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Restart(t.Context(), Which{All: true}); err != nil {
		t.Fatal(err)
	}
	if got, want := within(t, f.orders), "restart [viewer-1 viewer-2]"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

type leaving struct{ *fakeFleet }

func (l *leaving) Status() supervisor.Status {
	s := l.fakeFleet.Status()
	s.Desired--
	return s
}

func TestStatus(t *testing.T) {
	f := newFakeFleet(t, "viewer-1")
	_, c := serve(t, f)
	got, err := c.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if want := f.Status(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestStatusOfSome(t *testing.T) {
	f := newFakeFleet(t, "viewer-1", "viewer-2", "viewer-3")
	_, c := serve(t, f)
	got, err := c.Status(t.Context(), "viewer-3", "viewer-1")
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Instances) != 2 || got.Instances[0].ID != "viewer-3" || got.Instances[1].ID != "viewer-1" || got.Desired != 3 {
		t.Errorf("got %+v, want viewer-3 and viewer-1 of 3", got)
	}
	var refused *RefusedError
	if _, err := c.Status(t.Context(), "nobody"); !errors.As(err, &refused) || refused.Code != 404 {
		t.Errorf("got %v, want a RefusedError with 404", err)
	}
}

func TestRefusals(t *testing.T) {
	f := newFakeFleet(t, "viewer-1")
	_, c := serve(t, f)
	for _, test := range []struct {
		request, body string
		code          int
		want          string // the error; with " | ", the hint
	}{
		{"POST /v1/stop", `{"ids":["nobody"]}`, 404, `instance "nobody": no such instance | there are viewer-1`},
		{"POST /v1/instances/nobody/stop", ``, 404, `instance "nobody": no such instance | there are viewer-1`},
		{"POST /v1/stop", ``, 400, `no instance is named | name some in "ids", or say "all": true`},
		{"POST /v1/stop", `{"ids":["viewer-1"],"all":true}`, 400, "ids and all: one or the other"},
		{"POST /v1/stop", `{"id":"viewer-1"}`, 400, `body: unknown field "id"`},
		{"POST /v1/stop", `{"all":true} {}`, 400, "body: more follows after the object"},
		{"POST /v1/stop", `{"all":true}}`, 400, "body: more follows after the object"},
		{"POST /v1/stop", `{"all":`, 400, "body: unexpected EOF"},
		{"POST /v1/stop", `{"ids":["` + strings.Repeat("x", maxBody) + `"]}`, 413, "body: more than 1048576 bytes"},
		{"POST /v1/scale", `{}`, 400, `"instances" is missing`},
		{"POST /v1/scale", `{"instances":"4"}`, 400, "body: cannot unmarshal string into Go struct field scaleOrder.instances of type int"},
		{"POST /v1/kill", `{"really":true}`, 400, `body: unknown field "really"`},
		{"GET /v1/stop", ``, 405, "GET /v1/stop: the method must be POST"},
		{"DELETE /v1/status", ``, 405, "DELETE /v1/status: the method must be GET"},
		{"GET /v1/instances/viewer-1/stop", ``, 405, "GET /v1/instances/viewer-1/stop: the method must be POST"},
		{"GET /v2/status", ``, 404, "/v2/status: no such route"},
		{"GET /", ``, 404, "/: no such route"},
		{"GET /v1/events", ``, 426, "/v1/events: this is a WebSocket"},
	} {
		method, path, _ := strings.Cut(test.request, " ")
		req, err := http.NewRequestWithContext(t.Context(), method, "http://miktosctl"+path, strings.NewReader(test.body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := c.http.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var got fault
		err = json.NewDecoder(resp.Body).Decode(&got)
		resp.Body.Close()
		if err != nil {
			t.Fatalf("%s: the answer is not JSON: %v", test.request, err)
		}
		message, hint, _ := strings.Cut(test.want, " | ")
		if resp.StatusCode != test.code || got.Error != message || got.Hint != hint {
			t.Errorf("%s %.40s: got %d %+v, want %d %q %q", test.request, test.body, resp.StatusCode, got, test.code, message, hint)
		}
		if resp.StatusCode == 405 && resp.Header.Get("Allow") == "" {
			t.Errorf("%s: no Allow", test.request)
		}
	}
	select {
	case o := <-f.orders:
		t.Errorf("%q was carried out", o)
	default:
	}
}

func TestBackendRefuses(t *testing.T) {
	for _, test := range []struct {
		err  error
		code int
	}{
		{supervisor.ErrEnding, 503},
		{errors.New("no ports are left"), 409},
		{&supervisor.CapacityError{Wanted: 150}, 409},
	} {
		f := newFakeFleet(t, "viewer-1")
		f.refuse = test.err
		_, c := serve(t, f)
		err := c.Scale(t.Context(), 150)
		var refused *RefusedError
		if !errors.As(err, &refused) {
			t.Fatalf("got %v, want a RefusedError", err)
		}
		if refused.Code != test.code || refused.Message != test.err.Error() || refused.Hint() != hint(test.err) {
			t.Errorf("got %+v, want %d, %q, %q", refused, test.code, test.err, hint(test.err))
		}
	}
}

func TestDownTellsTheOutcome(t *testing.T) {
	outcome := &supervisor.UnstoppedError{Survivors: map[string][]int{"viewer-1": {4711}}}
	for _, want := range []error{nil, outcome} {
		dirs := folders(t)
		f := newFakeFleet(t, "viewer-1")
		s := listen(t, dirs)
		served := make(chan error, 1)
		go func() { served <- s.Serve(f) }()
		c, err := Dial(t.Context(), dirs)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		down := make(chan error, 1)
		go func() { down <- c.Down(t.Context()) }()
		if got := within(t, f.orders); got != "down" {
			t.Errorf("got order %q, want down", got)
		}
		select {
		case err := <-down:
			t.Fatalf("down came back with the fleet still there: %v", err)
		default:
		}
		s.Finish(want)
		err = within(t, down)
		// The next supervisor may begin the moment that down is answered.
		listen(t, dirs).Finish(nil)
		if want == nil && err != nil {
			t.Errorf("got %v, want nil", err)
		}
		if want != nil && (err == nil || err.Error() != want.Error() || hint(err) != outcome.Hint()) {
			t.Errorf("got %v (hint %q), want %v (hint %q)", err, hint(err), want, outcome.Hint())
		}
		if err := within(t, served); err != nil {
			t.Error(err)
		}
		if _, err := c.Status(t.Context()); !errors.Is(err, ErrNotRunning) {
			t.Errorf("status after the end: got %v, want ErrNotRunning", err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{``, `{}`, `{"ids":["a"]}`, `{"all":true}`, `{"all":true}x`, `[]`, `null`, `{"ids":[1]}`, "\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		req, err := http.NewRequest(http.MethodPost, "http://miktosctl/v1/stop", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		var which Which
		if err := parse(req, &which); err != nil {
			var refused *refusal
			if !errors.As(err, &refused) || refused.code != http.StatusBadRequest {
				t.Errorf("got %v, want a refusal with 400", err)
			}
		}
	})
}
