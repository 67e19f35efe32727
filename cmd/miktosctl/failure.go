package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/miktos/miktosctl/configs"
	"github.com/miktos/miktosctl/supervisor"
	"github.com/miktos/miktosctl/supervisor/control"
)

// What the exit code says. The numbers are a contract.
const (
	exitDone       = 0
	exitFailed     = 1
	exitUsage      = 2
	exitNotRunning = 3
	exitKilled     = 4
)

// failure is an error that knows its exit code.
type failure struct {
	code int
	err  error // nil: everything is said already
	hint string
}

func (f *failure) Error() string {
	if f.err == nil {
		return fmt.Sprintf("exit code %d", f.code)
	}
	return f.err.Error()
}

func (f *failure) Unwrap() error { return f.err }

// Hint returns the way out; its own, or the one of what it wraps.
func (f *failure) Hint() string {
	if f.hint != "" {
		return f.hint
	}
	return hintOf(f.err)
}

// failf returns an error that ends the program with code 1.
func failf(hint, format string, args ...any) *failure {
	return &failure{code: exitFailed, err: fmt.Errorf(format, args...), hint: hint}
}

// usagef returns an error about the words of a command line.
func usagef(cmd *cobra.Command, format string, args ...any) *failure {
	return &failure{
		code: exitUsage,
		err:  fmt.Errorf(format, args...),
		hint: cmd.CommandPath() + " --help shows how it is used",
	}
}

// flagMessage puts the subject of a flag's error first.
func flagMessage(err error) string {
	var unknown *pflag.NotExistError
	var missing *pflag.ValueRequiredError
	var invalid *pflag.InvalidValueError
	switch {
	case errors.As(err, &unknown):
		dashes := "--"
		if unknown.GetSpecifiedShortnames() != "" {
			dashes = "-"
		}
		return dashes + unknown.GetSpecifiedName() + ": no such flag"
	case errors.As(err, &missing):
		dashes := "--"
		if missing.GetSpecifiedShortnames() != "" {
			dashes = "-"
		}
		return dashes + missing.GetSpecifiedName() + ": a value is missing"
	case errors.As(err, &invalid):
		return fmt.Sprintf("--%s: %q is not a %s", invalid.GetFlag().Name, invalid.GetValue(), kindOf(invalid.GetFlag()))
	}
	return err.Error()
}

func kindOf(f *pflag.Flag) string {
	switch f.Value.Type() {
	case "int":
		return "number"
	case "duration":
		return "length of time, such as 30s"
	}
	return f.Value.Type()
}

func hintOf(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}

// exitCode returns what the program ends with after err.
func exitCode(err error) int {
	var f *failure
	var running *control.RunningError
	var capacity *supervisor.CapacityError
	switch _, faults := errors.AsType[configs.Faults](err); {
	case err == nil:
		return exitDone
	case errors.As(err, &f):
		return f.code
	case errors.Is(err, control.ErrNotRunning):
		return exitNotRunning
	case errors.As(err, &running), errors.As(err, &capacity), faults:
		return exitUsage
	}
	return exitFailed
}

// report says on stderr what went wrong, with the way out on the next line, and
// returns the exit code.
func (a *app) report(err error) int {
	if err == nil {
		return exitDone
	}
	var f *failure
	if errors.As(err, &f) && f.err == nil {
		return f.code
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		fmt.Fprintln(a.stderr, "miktosctl: "+line)
	}
	if hint := hintOf(err); hint != "" {
		fmt.Fprintln(a.stderr, "hint: "+hint)
	}
	return exitCode(err)
}
