package main

import (
	"log/slog"
	"os/signal"
	"strconv"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/miktos/miktosctl/instance/viewer"
)

// viewerCommand is what an instance runs where its fleet names no command.
func (a *app) viewerCommand() *cobra.Command {
	var o viewer.Options
	cmd := &cobra.Command{
		Use:    "viewer",
		Short:  "Run the built-in viewer, one instance of it",
		Hidden: true,
		Args:   noWords,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, v := range []struct {
				flag, name string
				to         *int
			}{
				{"http-port", "MIKTOS_HTTP_PORT", &o.HTTPPort},
				{"ws-port", "MIKTOS_WS_PORT", &o.WSPort},
				{"generation", "MIKTOS_GENERATION", &o.Generation},
			} {
				text := a.env(v.name)
				if cmd.Flags().Changed(v.flag) || text == "" {
					continue
				}
				n, err := strconv.Atoi(text)
				if err != nil || n < 0 {
					return usagef(cmd, "%s: %q is not a number", v.name, text)
				}
				*v.to = n
			}
			for _, v := range []struct {
				to   *string
				name string
			}{
				{&o.Host, "MIKTOS_HOST"}, {&o.Instance, "MIKTOS_INSTANCE"}, {&a.fleet, "MIKTOS_FLEET"},
			} {
				if *v.to == "" {
					*v.to = a.env(v.name)
				}
			}
			o.Fleet = a.fleet
			o.Log = slog.New(&logHandler{w: a.stderr, stamp: "15:04:05.000", paint: a.painter(a.stderr)})
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
			defer stop()
			return viewer.Run(ctx, o)
		},
	}
	cmd.Flags().IntVar(&o.HTTPPort, "http-port", 0, "port of the page (default $MIKTOS_HTTP_PORT)")
	cmd.Flags().IntVar(&o.WSPort, "ws-port", 0, "port of the WebSocket (default $MIKTOS_WS_PORT)")
	cmd.Flags().StringVar(&o.Host, "host", "", "address to listen on (default $MIKTOS_HOST)")
	cmd.Flags().StringVar(&o.Instance, "instance", "", "name of the instance (default $MIKTOS_INSTANCE)")
	cmd.Flags().IntVar(&o.Generation, "generation", 0, "which child of the instance it is (default $MIKTOS_GENERATION)")
	cmd.Flags().StringVar(&o.Scene, "scene", "", "a .glb or .json file to begin with")
	return cmd
}
