package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

// app is one run of the program.
type app struct {
	stdout, stderr *os.File
	env            func(string) string

	fleet string // --fleet: the name of the fleet that is meant
	file  string // -f: its file
}

// run carries out the words of a command line and returns the exit code.
func (a *app) run(words []string) int {
	root := a.rootCommand()
	root.SetArgs(words)
	return a.report(root.Execute())
}

const longHelp = `miktosctl runs any number of viewers at once on one machine: each on a pair of
ports (HTTP and WebSocket) that nobody else has, restarted on a fresh pair when
it fails.

  miktosctl up -n 3             three viewers, three links
  miktosctl status
  miktosctl restart viewer-2    comes back on another pair
  miktosctl down

An <id> is the name of an instance, its index, or the beginning of its name.

Which fleet a command means: --fleet; else the name in the file of -f; else in
./fleet.toml; else the one that runs, if there is only one; else MIKTOS_FLEET;
else "default".

Exit codes: 0 done; 1 it did not work (status: not all are ready); 2 usage or
fleet file; 3 no supervisor is running; 4 ended by a second signal.`

func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "miktosctl",
		Short:         "Run viewers side by side, each on its own pair of ports",
		Long:          longHelp,
		SilenceUsage:  true,
		SilenceErrors: true,

		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, words []string) error {
			if len(words) == 0 {
				return cmd.Help()
			}
			return unknownCommand(cmd, words[0])
		},
	}
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef(cmd, "%s", flagMessage(err))
	})
	root.CompletionOptions.HiddenDefaultCmd = false
	root.PersistentFlags().StringVar(&a.fleet, "fleet", "", "name of the fleet that is meant")
	must(root.RegisterFlagCompletionFunc("fleet", a.completeFleets))
	root.AddCommand(
		a.upCommand(), a.downCommand(),
		a.orderCommand("start"), a.orderCommand("stop"), a.orderCommand("restart"), a.scaleCommand(),
		a.statusCommand(), a.waitCommand(), a.logsCommand(),
		a.initCommand(), a.checkCommand(), a.versionCommand(), a.viewerCommand(),
	)
	completionCommand(root)
	return root
}

// completionCommand lets cobra's own command refuse what it does not know.
func completionCommand(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		if cmd.Name() != "completion" {
			continue
		}
		var shells []string
		for _, shell := range cmd.Commands() {
			shell.Args = noWords
			shells = append(shells, shell.Name())
		}
		cmd.Args = cobra.ArbitraryArgs
		cmd.RunE = func(cmd *cobra.Command, words []string) error {
			if len(words) == 0 {
				return cmd.Help()
			}
			return usagef(cmd, "completion: %q is none of %s", words[0], strings.Join(shells, ", "))
		}
	}
}

// fileFlag gives a command the flag that names a fleet file. Short is its letter, or
// empty where that means something else.
func (a *app) fileFlag(cmd *cobra.Command, short string) {
	cmd.Flags().StringVarP(&a.file, "file", short, "", "fleet file (default ./fleet.toml, where there is one)")
	must(cmd.MarkFlagFilename("file", "toml"))
}

func unknownCommand(root *cobra.Command, word string) error {
	err := usagef(root, "%s: no such command", word)
	var names []string
	for _, cmd := range root.Commands() {
		if cmd.IsAvailableCommand() {
			names = append(names, cmd.Name())
		}
	}
	if near := similar(word, names); len(near) > 0 {
		err.hint = fmt.Sprintf("did you mean %s?", strings.Join(near, " or "))
	}
	return err
}

// must is for errors that only a mistake in this program can cause.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
