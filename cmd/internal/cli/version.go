package cli

import (
	"context"
	"runtime"

	"github.com/spf13/cobra"

	"sdev/cmd/internal/console"
	"sdev/dev"
)

// The linker sets these (see the Makefile).
var (
	buildVersion = "dev"
	buildCommit  = "unknown"
	buildDate    = "unknown" // of the commit, RFC 3339
)

// versionOptions are the flags of "sdev version".
type versionOptions struct {
	json bool
}

func (a *commands) newVersionCmd(run func(context.Context, versionOptions) error) *cobra.Command {
	var o versionOptions
	cmd := &cobra.Command{
		Use: "version", Short: "Print version, commit and date", Args: console.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return run(cmd.Context(), o)
		},
	}
	cmd.Flags().BoolVar(&o.json, "json", false, "print one JSON object")
	return cmd
}

func (a *commands) runVersion(_ context.Context, o versionOptions) error {
	if !o.json {
		err := a.Printf("sdev %s (commit %s, %s, %s/%s)\n", buildVersion, buildCommit, buildDate, runtime.GOOS, runtime.GOARCH)
		return err
	}
	return a.PrintJSON(map[string]any{"v": dev.WireVersion, "version": buildVersion, "commit": buildCommit, "date": buildDate})
}
