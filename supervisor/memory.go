package supervisor

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/miktos/miktosctl/configs"
	"github.com/miktos/miktosctl/instance"
)

// memory is what a fleet has learnt of its programs, in a file of its state folder, so
// that it is paid for once and not at every start.
type memory struct {
	Plain []string `json:"plain"` // programs that bind without SO_REUSEADDR
}

// maxRemembered bounds the file: a program that changes every day is another one each day.
const maxRemembered = 200

func memoryPath(d Dirs) string { return filepath.Join(d.State, "programs.json") }

// remember returns what the fleet knows of its programs and will write down what it
// learns. A file that cannot be read is as good as none: everything is learnt again.
func remember(d Dirs, log *slog.Logger) *instance.Programs {
	path := memoryPath(d)
	var m memory
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		log.Warn("what was learnt of programs cannot be read", "file", path, "err", err)
	}
	return instance.NewPrograms(m.Plain, func(plain []string) {
		if err := (memory{Plain: plain}).write(path); err != nil {
			log.Warn("what was learnt of a program cannot be written", "file", path, "err", err)
		}
	})
}

// write replaces the file in one step.
func (m memory) write(path string) error {
	if extra := len(m.Plain) - maxRemembered; extra > 0 {
		m.Plain = m.Plain[extra:]
	}
	text, err := json.MarshalIndent(m, "", "\t")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	draft := path + ".new"
	if err := os.WriteFile(draft, append(text, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(draft, path)
}

// programOf names what a place runs: its command as written, and the state of every
// file that stands in it. A program that was changed is another program, of which
// nothing is known.
func programOf(v configs.Viewer) string {
	if len(v.Command) == 0 {
		return "built-in viewer"
	}
	sum := sha256.New()
	fmt.Fprintf(sum, "%q", v.Command)
	for i, word := range v.Command {
		path := word
		if i == 0 && !strings.Contains(word, "/") {
			path, _ = exec.LookPath(word)
		}
		if !filepath.IsAbs(path) {
			path = filepath.Join(v.Dir, path)
		}
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			fmt.Fprintf(sum, " %q %d %d", path, info.Size(), info.ModTime().UnixNano())
		}
	}
	// The first word is for people who look into the file.
	return filepath.Base(v.Command[0]) + " " + hex.EncodeToString(sum.Sum(nil)[:16])
}
