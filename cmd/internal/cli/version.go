package cli

import (
	"runtime"
	"strconv"

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

func (a *commands) newVersionCmd() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "version", Short: "Print version, commit and date", Args: console.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if !asJSON {
				err := a.Printf("sdev %s (commit %s, %s, %s/%s)\n", buildVersion, buildCommit, buildDate, runtime.GOOS, runtime.GOARCH)
				return err
			}
			return a.PrintJSON(map[string]any{"v": dev.WireVersion, "version": buildVersion, "commit": buildCommit, "date": buildDate})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

func (a *commands) newCompletionCmd() *cobra.Command {
	return &cobra.Command{
		Use:       "completion bash|zsh|fish|powershell",
		Short:     "Print a completion script for a shell",
		Example:   "  source <(sdev completion bash)",
		ValidArgs: []string{"bash", "zsh", "fish", "powershell"},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return dev.UsageError("sdev completion needs the name of a shell", "one of: bash, zsh, fish, powershell")
			}
			switch root := cmd.Root(); args[0] {
			case "bash":
				return root.GenBashCompletionV2(a.Stdout(), true)
			case "zsh":
				return root.GenZshCompletion(a.Stdout())
			case "fish":
				return root.GenFishCompletion(a.Stdout(), true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(a.Stdout())
			}
			return dev.UsageError("no completion for "+strconv.Quote(args[0]), "one of: bash, zsh, fish, powershell")
		},
	}
}
