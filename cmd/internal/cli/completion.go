package cli

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"sdev/dev"
)

// completionOptions are the arguments of "sdev completion".
type completionOptions struct {
	shell string
	root  *cobra.Command // whose commands the script completes
}

func (a *commands) newCompletionCmd(run func(context.Context, completionOptions) error) *cobra.Command {
	return &cobra.Command{
		Use:       "completion bash|zsh|fish|powershell",
		Short:     "Print a completion script for a shell",
		Example:   "  source <(sdev completion bash)",
		ValidArgs: []string{"bash", "zsh", "fish", "powershell"},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return dev.UsageError("sdev completion needs the name of a shell", "one of: bash, zsh, fish, powershell")
			}
			return run(cmd.Context(), completionOptions{shell: args[0], root: cmd.Root()})
		},
	}
}

func (a *commands) runCompletion(_ context.Context, o completionOptions) error {
	switch o.shell {
	case "bash":
		return o.root.GenBashCompletionV2(a.Stdout(), true)
	case "zsh":
		return o.root.GenZshCompletion(a.Stdout())
	case "fish":
		return o.root.GenFishCompletion(a.Stdout(), true)
	case "powershell":
		return o.root.GenPowerShellCompletionWithDesc(a.Stdout())
	}
	return dev.UsageError("no completion for "+strconv.Quote(o.shell), "one of: bash, zsh, fish, powershell")
}
