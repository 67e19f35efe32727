package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/miktos/miktosctl/supervisor"
)

// refusal is an error that knows how it is answered.
type refusal struct {
	code int
	err  error
	hint string
}

func refusef(code int, hint, format string, args ...any) error {
	return &refusal{code: code, err: fmt.Errorf(format, args...), hint: hint}
}

func (r *refusal) Error() string { return r.err.Error() }
func (r *refusal) Unwrap() error { return r.err }
func (r *refusal) Hint() string  { return hint(r.err) + r.hint }

// hint returns what an error advises; "" if it does not.
func hint(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}

// fault is the body of every answer that is none.
type fault struct {
	Error string `json:"error"`
	Hint  string `json:"hint,omitempty"`
}

// refuse answers with an error. What a backend refuses without saying why by a type
// is a conflict with how things are.
func refuse(w http.ResponseWriter, err error) {
	var known *refusal
	var unknown *supervisor.UnknownInstanceError
	code := http.StatusConflict
	switch {
	case errors.As(err, &known):
		code = known.code
	case errors.As(err, &unknown):
		code = http.StatusNotFound
	case errors.Is(err, supervisor.ErrEnding):
		code = http.StatusServiceUnavailable
	}
	reply(w, code, fault{Error: err.Error(), Hint: hint(err)})
}

func reply(w http.ResponseWriter, code int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		code, text = http.StatusInternalServerError, []byte(`{"error":"the answer cannot be written as JSON"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	w.Write(append(text, '\n'))
}
