package cli

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"sdev/cmd/internal/console"
	"sdev/cmd/internal/mcp"
	"sdev/dev"
)

// mcpOptions are the flags of "sdev mcp".
type mcpOptions struct {
	allow []string // tools that change something, or allTools
}

// allTools is the value of --allow for every tool that changes something.
const allTools = "all"

func (a *commands) newMCPCmd(run func(context.Context, mcpOptions) error) *cobra.Command {
	var o mcpOptions
	cmd := &cobra.Command{
		Use:   "mcp",
		Short: "Serve agents: the Model Context Protocol on stdin and stdout",
		Long: `Lets a coding agent ask about this project: whether a save is live in the open tabs, with which
exception the app failed, what was logged, how long pages take, who can sign in, and what must not
ship. The agent starts this command itself, and ends it by closing its input. The project need not
run yet.

Tools that change something exist only if --allow names them: restart and sign_in_as, or all.`,
		Example: `  claude mcp add sdev -- sdev mcp
  sdev mcp --allow restart`,
		Args: console.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.validate(); err != nil {
				return err
			}
			return run(cmd.Context(), o)
		},
	}
	cmd.Flags().StringSliceVar(&o.allow, "allow", nil, "also offer `TOOLS` that change something: restart, sign_in_as (separated by commas), or all")
	return cmd
}

func (o mcpOptions) validate() error {
	for _, name := range o.allow {
		if name != allTools && !slices.Contains(mcp.Changing(), name) {
			return dev.UsageError("--allow names "+strconv.Quote(name)+", which is no tool that changes something", "one of: "+strings.Join(append(mcp.Changing(), allTools), ", "))
		}
	}
	return nil
}

func (a *commands) runMCP(ctx context.Context, o mcpOptions) error {
	if a.InTTY {
		a.Notef("sdev speaks the Model Context Protocol here, which is for agents. See: sdev mcp --help\n")
	}
	allow := o.allow
	if slices.Contains(allow, allTools) {
		allow = mcp.Changing()
	}
	p := agent{&commands{a.ForProtocol()}}
	return mcp.Serve(ctx, mcp.Options{Version: a.Version, Allow: allow}, mcp.Project{Observer: p, Reader: p, Changer: p}, a.In, a.Stdout())
}
