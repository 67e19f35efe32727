package configs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/BurntSushi/toml"
)

// Load reads the fleet file at path. The preferred ports are replaced by those
// in the environment, which env looks up ([os.Getenv]; nil: there is none). A
// flag that wins over the environment is best passed as such a function.
//
// Every error is a [Faults]. A file that cannot be read keeps its cause: a
// missing one is [fs.ErrNotExist].
func Load(path string, env func(string) string) (*Fleet, error) {
	data, err := Read(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, data, env)
}

// Read returns the content of the fleet file at path, for [Parse]: a pipe has it only
// once. Its errors are those of [Load].
func Read(path string) ([]byte, error) {
	data, err := read(path)
	if err != nil {
		f := fieldError(err)
		f.File = path
		return nil, Faults{f}
	}
	return data, nil
}

// Parse is [Load] for a file whose content is data already. The name stands in
// messages, and relative folders and sources in the data start from its folder.
// With an empty name and no data it returns what a fleet without a file is: the
// defaults, and the ports of the environment.
func Parse(name string, data []byte, env func(string) string) (*Fleet, error) {
	fleet := Default()
	base, err := filepath.Abs(filepath.Dir(name))
	if err != nil {
		return nil, Faults{{File: name, Err: err}}
	}
	if name != "" {
		fleet.Path = filepath.Join(base, filepath.Base(name))
	}
	text := strings.TrimPrefix(string(data), "\ufeff")
	r := newReader(name, base, text)
	table, root, fault := decode(text)
	if fault != nil {
		fault.File, fault.Line = name, r.line(&node{at: fault.at})
		if errors.Is(fault, errTooLarge) {
			fault.Line = 0
		}
		return nil, Faults{fault}
	}

	fleet.Instances = 0 // to see whether the file says it
	r.table(reflect.ValueOf(fleet).Elem(), "", table, root)
	r.resolve(fleet, root, env)
	r.refuseUnavailable(fleet, root)
	if len(r.faults) > 0 {
		r.faults.sort()
		return nil, r.faults
	}
	return fleet, nil
}

// read returns the content of the fleet file. It may be a pipe, such as a
// shell's <(…).
func read(path string) ([]byte, error) {
	const hint = `"miktosctl init" writes one`
	f, err := os.Open(path)
	switch {
	case path == "":
		return nil, wrongf(hint, "no fleet file is named")
	case errors.Is(err, fs.ErrNotExist):
		return nil, &wrong{fs.ErrNotExist, hint}
	case err != nil:
		return nil, systemError(err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxText+1))
	switch {
	case errors.Is(err, syscall.EISDIR):
		hint := hint
		if _, err := os.Stat(filepath.Join(path, "fleet.toml")); err == nil {
			hint = "name the file in it: " + filepath.Join(path, "fleet.toml")
		}
		return nil, wrongf(hint, "a folder, not a fleet file")
	case err != nil:
		return nil, systemError(err)
	case len(data) > maxText:
		return nil, errTooLarge
	}
	return data, nil
}

// decode returns the values of a file and where they stand, or why it is not
// TOML. The toml package stops at the first such fault.
func decode(text string) (map[string]any, *node, *FieldError) {
	if len(text) > maxText {
		return nil, nil, &FieldError{Err: errTooLarge}
	}
	root, deep := scan(text)
	if deep > 0 {
		return nil, nil, &FieldError{at: deep, Err: fmt.Errorf("goes deeper than %d levels", maxDepth)}
	}
	table := make(map[string]any)
	_, err := toml.Decode(text, &table)
	if err == nil {
		return table, root, nil
	}
	pe, ok := errors.AsType[toml.ParseError](err)
	if !ok {
		return nil, nil, &FieldError{Err: fmt.Errorf("%w: %w", ErrSyntax, err)}
	}
	// Its line is the next one if the fault ends a line, and its start can be -1.
	at := max(0, min(pe.Position.Start, len(text)))
	column := utf8.RuneCountInString(text[strings.LastIndexByte(text[:at], '\n')+1:at]) + 1
	message := strings.ReplaceAll(strings.TrimSuffix(pe.Message, "."), "\n", " ")
	return nil, nil, &FieldError{
		Key:  pe.LastKey,
		Err:  fmt.Errorf("%w: column %d: %s", ErrSyntax, column, message),
		Hint: syntaxHint(message),
		at:   at,
	}
}

// syntaxHint helps where the message of the toml package is about characters and
// the mistake about values.
func syntaxHint(message string) string {
	switch {
	case strings.HasPrefix(message, "expected value"), strings.HasPrefix(message, "expected a top-level item to end"):
		return `text stands in quotes, also with a unit: "5s"`
	case strings.HasSuffix(message, "but got ':' instead"):
		return "write key = value"
	}
	return ""
}
