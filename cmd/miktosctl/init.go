package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/miktos/miktosctl/configs"
)

func (a *app) initCommand() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "init [path]",
		Short: "Write a fleet file with every key in it, explained",
		Long: `Write a fleet file with every key in it, explained and commented out with its default.
The path is ./fleet.toml unless another one is given. A file that is there already is
not touched.`,
		RunE: func(cmd *cobra.Command, words []string) error {
			path := fleetFile
			switch len(words) {
			case 0:
			case 1:
				path = words[0]
			default:
				return usagef(cmd, "init: one path, not %d", len(words))
			}
			if err := writeSample(path, force); err != nil {
				return err
			}
			_, err := fmt.Fprintln(a.stdout, path+": written")
			return err
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "replace a file that is there")
	return cmd
}

// writeSample writes the file whole or not at all.
func writeSample(path string, force bool) error {
	dir, name := filepath.Split(path)
	if dir == "" {
		dir = "."
	}
	f, err := os.CreateTemp(dir, "."+name+".*")
	if err != nil {
		return fmt.Errorf("%s: %w", path, systemError(err))
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(configs.Sample())
	err = errors.Join(err, f.Chmod(0o644), f.Close())
	switch {
	case err != nil:
	case force:
		err = os.Rename(f.Name(), path)
	default:
		// A link, unlike a rename, never replaces what is there.
		err = os.Link(f.Name(), path)
	}
	if errors.Is(err, fs.ErrExist) {
		return &failure{code: exitUsage, err: fmt.Errorf("%s: is there already", path), hint: "--force replaces it"}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, systemError(err))
	}
	return nil
}

// systemError returns what the system said, without the paths that the caller names
// anyway.
func systemError(err error) error {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		return path.Err
	case errors.As(err, &link):
		return link.Err
	}
	return err
}
