package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/miktos/miktosctl/configs"
)

// source is the fleet file of up, read once: a pipe has its content only once, and a
// file may be another one the next time. The zero value is a fleet without a file.
type source struct {
	path string
	text []byte
}

// source reads the fleet file, or takes what another process has read from the
// descriptor from; 0: there is none.
func (a *app) source(from int) (source, error) {
	if from != 0 {
		unix.CloseOnExec(from)
		text, err := takeOver(os.NewFile(uintptr(from), "fleet file"))
		return source{path: a.file, text: text}, err
	}
	path := a.file
	if path == "" {
		if _, err := os.Lstat(fleetFile); err != nil {
			return source{}, nil
		}
		path = fleetFile
	}
	text, err := configs.Read(path)
	return source{path: path, text: text}, err
}

// absolute returns the path for a process that may be in another folder.
func (s source) absolute() (string, error) {
	if s.path == "" {
		return "", nil
	}
	return filepath.Abs(s.path)
}

// handOver writes the content for takeOver. It is a JSON value, which unlike a fleet
// file is not good any more when its end is missing: its writer may be killed.
func (s source) handOver(to io.WriteCloser) error {
	defer to.Close()
	return json.NewEncoder(to).Encode(s.text)
}

func takeOver(from io.ReadCloser) (text []byte, err error) {
	defer from.Close()
	if err := json.NewDecoder(from).Decode(&text); err != nil {
		return nil, fmt.Errorf("the fleet file from who started this process: %w", err)
	}
	return text, nil
}

// fleetOf returns the fleet that up is to run. Env looks up the environment; flags may
// stand in for it.
func (a *app) fleetOf(s source, env func(string) string) (*configs.Fleet, error) {
	f, err := configs.Parse(s.path, s.text, env)
	if err != nil {
		return nil, err
	}
	switch name := a.env("MIKTOS_FLEET"); {
	case a.fleet != "":
		f.Name, err = a.fleet, checkName("--fleet", a.fleet)
	case s.path == "" && name != "":
		f.Name, err = name, checkName("MIKTOS_FLEET", name)
	}
	return f, err
}
