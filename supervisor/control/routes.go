package control

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/miktos/miktosctl/instance"
	"github.com/miktos/miktosctl/supervisor"
)

// routes answers requests with what a backend says.
type routes struct {
	*Server
	backend Backend
	mux     *http.ServeMux
}

func newRoutes(s *Server, b Backend) *routes {
	r := &routes{Server: s, backend: b, mux: http.NewServeMux()}
	allowed := map[string][]string{}
	for _, route := range []struct {
		method, path string
		answer       func(*http.Request) (any, error)
		stream       http.HandlerFunc
	}{
		{method: "GET", path: "/v1/version", answer: r.version},
		{method: "GET", path: "/v1/status", answer: r.status},
		{method: "POST", path: "/v1/start", answer: r.order(b.Start)},
		{method: "POST", path: "/v1/stop", answer: r.order(b.Stop)},
		{method: "POST", path: "/v1/restart", answer: r.order(b.Restart)},
		{method: "POST", path: "/v1/instances/{id}/start", answer: r.orderOne(b.Start)},
		{method: "POST", path: "/v1/instances/{id}/stop", answer: r.orderOne(b.Stop)},
		{method: "POST", path: "/v1/instances/{id}/restart", answer: r.orderOne(b.Restart)},
		{method: "POST", path: "/v1/scale", answer: r.scale},
		{method: "POST", path: "/v1/down", answer: r.down},
		{method: "POST", path: "/v1/kill", answer: r.kill},
		{method: "GET", path: "/v1/events", stream: r.events},
		{method: "GET", path: "/v1/logs", stream: r.logs},
	} {
		h := route.stream
		if h == nil {
			h = r.unary(route.answer)
		}
		r.mux.HandleFunc(route.method+" "+route.path, h)
		allowed[route.path] = append(allowed[route.path], route.method)
	}
	for path, methods := range allowed {
		allow := strings.Join(methods, ", ")
		r.mux.HandleFunc(path, func(w http.ResponseWriter, req *http.Request) {
			w.Header().Set("Allow", allow)
			refuse(w, refusef(http.StatusMethodNotAllowed, "", "%s %s: the method must be %s", req.Method, req.URL.Path, allow))
		})
	}
	r.mux.HandleFunc("/", func(w http.ResponseWriter, req *http.Request) {
		refuse(w, refusef(http.StatusNotFound, "", "%s: no such route", req.URL.Path))
	})
	return r
}

// ServeHTTP implements [http.Handler].
func (r *routes) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mux.ServeHTTP(w, req)
}

// unary answers with the JSON of what answer returns: an order, which is a POST, with 202.
func (r *routes) unary(answer func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		req.Body = http.MaxBytesReader(w, req.Body, maxBody)
		body, err := answer(req)
		if err != nil {
			refuse(w, err)
			return
		}
		code := http.StatusOK
		if req.Method == http.MethodPost {
			code = http.StatusAccepted
		}
		reply(w, code, body)
	}
}

// About is what a supervisor says of itself.
type About struct {
	Fleet   string `json:"fleet"`
	Version string `json:"version"`
	PID     int    `json:"pid"`
	Schema  int    `json:"schema"` // of the status
}

func (r *routes) version(*http.Request) (any, error) {
	return About{Fleet: r.self.Fleet, Version: r.self.Version, PID: r.self.PID, Schema: supervisor.Schema}, nil
}

// status answers with all instances, or with those that are asked for.
func (r *routes) status(req *http.Request) (any, error) {
	q := query{Values: req.URL.Query()}
	words := q.words("id")
	err := q.fault()
	if err != nil || len(words) == 0 {
		return r.backend.Status(), err
	}
	ids, err := r.backend.Resolve(words)
	if err != nil {
		return nil, err
	}
	status := r.backend.Status()
	all := status.Instances
	status.Instances = make([]instance.Status, 0, len(ids))
	for _, id := range ids {
		if i := slices.IndexFunc(all, func(one instance.Status) bool { return one.ID == id }); i >= 0 {
			status.Instances = append(status.Instances, all[i])
		}
	}
	return status, nil
}

// Which says to which instances an order goes: to all, or to those that the words
// name. Neither is a fault.
type Which struct {
	IDs []string `json:"ids,omitempty"`
	All bool     `json:"all,omitempty"`
}

// Accepted says to which instances an order went, by their names.
type Accepted struct {
	IDs []string `json:"ids"`
}

type give func(ids []string, by supervisor.Actor) error

func (r *routes) order(give give) func(*http.Request) (any, error) {
	return func(req *http.Request) (any, error) {
		var which Which
		if err := parse(req, &which); err != nil {
			return nil, err
		}
		var ids []string
		switch {
		case which.All && len(which.IDs) > 0:
			return nil, refusef(http.StatusBadRequest, "", "ids and all: one or the other")
		case which.All:
			// Those beyond what is desired are on their way out and take no orders.
			status := r.backend.Status()
			for _, one := range status.Instances {
				if one.Index <= status.Desired {
					ids = append(ids, one.ID)
				}
			}
			return r.give(req, give, ids)
		case len(which.IDs) == 0:
			return nil, refusef(http.StatusBadRequest, `name some in "ids", or say "all": true`, "no instance is named")
		}
		ids, err := r.backend.Resolve(which.IDs)
		if err != nil {
			return nil, err
		}
		return r.give(req, give, ids)
	}
}

func (r *routes) orderOne(give give) func(*http.Request) (any, error) {
	return func(req *http.Request) (any, error) {
		if err := parse(req, &struct{}{}); err != nil {
			return nil, err
		}
		ids, err := r.backend.Resolve([]string{req.PathValue("id")})
		if err != nil {
			return nil, err
		}
		return r.give(req, give, ids)
	}
}

func (r *routes) give(req *http.Request, give give, ids []string) (any, error) {
	if err := give(ids, actor(req)); err != nil {
		return nil, err
	}
	return Accepted{IDs: append([]string{}, ids...)}, nil
}

func actor(req *http.Request) supervisor.Actor {
	if p := peerOf(req.Context()); p != nil {
		return p.actor
	}
	return supervisor.Actor{}
}

type scaleOrder struct {
	Instances *int `json:"instances"`
}

func (r *routes) scale(req *http.Request) (any, error) {
	var o scaleOrder
	if err := parse(req, &o); err != nil {
		return nil, err
	}
	if o.Instances == nil {
		return nil, refusef(http.StatusBadRequest, "", `"instances" is missing`)
	}
	if err := r.backend.Scale(*o.Instances, actor(req)); err != nil {
		return nil, err
	}
	return o, nil
}

type downOrder struct {
	Wait bool `json:"wait,omitempty"`
}

func (r *routes) down(req *http.Request) (any, error) {
	var o downOrder
	if err := parse(req, &o); err != nil {
		return nil, err
	}
	r.backend.Down(actor(req))
	if !o.Wait {
		return struct{}{}, nil
	}
	select {
	case <-r.ended:
		if r.outcome != nil {
			return nil, &refusal{code: http.StatusInternalServerError, err: r.outcome}
		}
		return struct{}{}, nil
	case <-req.Context().Done():
		return nil, req.Context().Err()
	}
}

func (r *routes) kill(req *http.Request) (any, error) {
	if err := parse(req, &struct{}{}); err != nil {
		return nil, err
	}
	r.backend.Kill(actor(req))
	return struct{}{}, nil
}

// parse reads the body of a request into v. No body is an empty object.
func parse(req *http.Request, v any) error {
	d := json.NewDecoder(req.Body)
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err == nil && d.Decode(&struct{}{}) != io.EOF {
		err = errors.New("more follows after the object")
	}
	var large *http.MaxBytesError
	switch {
	case err == nil, errors.Is(err, io.EOF):
		return nil
	case errors.As(err, &large):
		return refusef(http.StatusRequestEntityTooLarge, "", "body: more than %d bytes", large.Limit)
	}
	return refusef(http.StatusBadRequest, "", "body: %s", strings.TrimPrefix(err.Error(), "json: "))
}
