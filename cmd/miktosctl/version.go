package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "version",
		Short:             "Say which version this is",
		Args:              noWords,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintf(a.stdout, "miktosctl %s %s %s/%s\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}

// version returns what this program was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "devel"
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	return versionOf(info.Main.Version, settings["vcs.revision"], settings["vcs.modified"] == "true")
}

// versionOf renders a version: the module's, where it has one, which names its commit
// where that is no release.
func versionOf(module, revision string, modified bool) string {
	switch {
	case module != "" && module != "(devel)":
		return module
	case revision == "":
		return "devel"
	}
	v := "devel-" + revision[:min(12, len(revision))]
	if modified {
		v += "+dirty"
	}
	return v
}
