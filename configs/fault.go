package configs

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// What a fault can be asked for with [errors.Is]. A value that is not allowed
// has no name of its own; a file that cannot be read keeps the error of the
// system, such as fs.ErrNotExist.
var (
	ErrSyntax       = errors.New("not TOML")
	ErrUnknownKey   = errors.New("unknown key")
	ErrNotAvailable = errors.New("not available yet")
)

// FieldError is one fault of a fleet file or of a variable that overrides it.
type FieldError struct {
	File  string // as it was named to Load or Parse; "": the fault is not in the file
	Line  int    // from 1; 0: no line
	Key   string // full name such as ports.http or instance[2].env.QUALITY (counted from 1), or a variable's; "": the whole file
	Value string // what was written, as TOML and shortened; "": does not matter
	Err   error
	Hint  string // the way out, in the imperative or as a question; may be ""

	at int // offset in the file, for the order within a line
}

// Error returns the fault as one line.
func (e *FieldError) Error() string {
	var b strings.Builder
	if e.File != "" {
		b.WriteString(e.File)
		if e.Line > 0 {
			fmt.Fprintf(&b, ":%d", e.Line)
		}
		b.WriteString(": ")
	}
	if e.Key != "" {
		b.WriteString(e.Key)
		if e.Value != "" {
			b.WriteString(" = " + e.Value)
		}
		b.WriteString(": ")
	}
	b.WriteString(e.Err.Error())
	if e.Hint != "" {
		b.WriteString("; " + e.Hint)
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *FieldError) Unwrap() error { return e.Err }

// Faults is everything that is wrong with a fleet: first the file's in the order
// of its lines, then the variables'. It is never empty.
type Faults []*FieldError

// Error returns each fault on a line of its own.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, e := range f {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns the faults, so that [errors.Is] and [errors.As] see each.
func (f Faults) Unwrap() []error {
	errs := make([]error, len(f))
	for i, e := range f {
		errs[i] = e
	}
	return errs
}

func (f Faults) sort() {
	slices.SortStableFunc(f, func(a, b *FieldError) int {
		if (a.Line == 0) != (b.Line == 0) {
			return b.Line - a.Line
		}
		return a.at - b.at
	})
}

// wrong is why a value is refused, and what to write instead.
type wrong struct {
	err  error
	hint string
}

// wrongf returns a *wrong with the error that format describes, as by
// [fmt.Errorf].
func wrongf(hint, format string, args ...any) error {
	return &wrong{fmt.Errorf(format, args...), hint}
}

func (w *wrong) Error() string { return w.err.Error() }
func (w *wrong) Unwrap() error { return w.err }
