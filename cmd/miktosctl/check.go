package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/miktos/miktosctl/configs"
)

func (a *app) checkCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check [fleet.toml]",
		Short: "Name everything that is wrong with a fleet file",
		RunE: func(cmd *cobra.Command, words []string) error {
			path := a.file
			switch {
			case len(words) > 1, len(words) == 1 && path != "":
				return usagef(cmd, "check: one file at a time")
			case len(words) == 1:
				path = words[0]
			case path == "":
				path = fleetFile
			}
			f, err := configs.Load(path, a.env)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(a.stdout, "%s: fleet %s, %s, nothing wrong\n", path, f.Name, plural(len(f.Places(0)), "instance"))
			return err
		},
	}
	a.fileFlag(cmd, "f")
	return cmd
}
