// Package auth holds the commands below "sdev auth". They control the local provider of a project that runs with its
// login, edit the people of the project, and find out why a login does not work.
//
// Goroutines: only "sdev auth check" starts some, for its requests, and it waits for them.
package auth

import (
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"sdev/cmd/internal/console"
	"sdev/dev"
)

// NewCmd makes "sdev auth".
func NewCmd(c *console.Console) *cobra.Command {
	a := &commands{c}
	cmd := &cobra.Command{
		Use:   "auth",
		Short: "People, faults and clock of the local login",
		Long: `Controls the local provider that people sign in with while the project runs with its login
("sdev up --with-auth"): people, who signs in, faults, clock. Changes take effect at once.
"sdev help auth" explains how the local login works.`,
		Example: `  sdev auth users add dora@example.com --name Dora --group sales
  sdev auth fault set deny --times 1
  sdev auth explain /marketing/q3 --as dora@example.com`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return dev.UsageError("unknown command "+strconv.Quote("auth "+args[0]), suggestionBelow(cmd, args[0]))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.SuggestionsMinimumDistance = 2
	cmd.AddCommand(
		a.newUsersCmd(a.runUsers),
		a.newUseCmd(a.runUse),
		a.newFaultGroup(),
		a.newClockCmd(a.runClock),
		a.newRotateKeysCmd(a.runRotateKeys),
		a.newCheckCmd(a.runCheck),
		a.newExplainCmd(a.runExplain),
		a.newEnvCmd(a.runEnv),
	)
	a.addProjectFlagsBelow(cmd)
	return cmd
}

// addProjectFlagsBelow adds --app, --entry and --file to every command below one.
func (a *commands) addProjectFlagsBelow(cmd *cobra.Command) {
	for _, c := range cmd.Commands() {
		a.AddProjectFlags(c)
		a.addProjectFlagsBelow(c)
	}
}

func suggestionBelow(cmd *cobra.Command, arg string) string {
	if near := cmd.SuggestionsFor(arg); len(near) > 0 {
		return "did you mean: " + cmd.CommandPath() + " " + strings.Join(near, ", "+cmd.CommandPath()+" ")
	}
	return "see: " + cmd.CommandPath() + " --help"
}
