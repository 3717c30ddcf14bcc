package cli

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
	"github.com/spf13/cobra"

	"sdev/dev"
)

func (a *app) newAuthCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "auth",
		Short: "People, faults and clock of the local login",
		Long: `Steers the provider that people sign in at while the project runs with its login
("sdev up --with-auth"): who there is, who signs in, what goes wrong, what time it is.
What it changes takes effect at once. "sdev help auth" tells how it fits together.`,
		Example: `  sdev auth users add dora@example.com --name Dora --group sales
  sdev auth fault set deny --times 1
  sdev auth explain /marketing/q3 --as dora@example.com`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage("unknown command "+quote("auth "+args[0]), suggestionBelow(cmd, args[0]))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.SuggestionsMinimumDistance = 2
	cmd.AddCommand(a.newAuthUsersCmd(), a.newAuthUseCmd(), a.newAuthFaultCmd(), a.newAuthClockCmd(), a.newAuthRotateCmd(), a.newAuthCheckCmd(), a.newAuthExplainCmd(), a.newAuthEnvCmd())
	a.addFileFlagBelow(cmd)
	return cmd
}

// addFileFlagBelow adds --file to every command below one.
func (a *app) addFileFlagBelow(cmd *cobra.Command) {
	for _, c := range cmd.Commands() {
		a.addFileFlag(c)
		a.addFileFlagBelow(c)
	}
}

func suggestionBelow(cmd *cobra.Command, arg string) string {
	if near := cmd.SuggestionsFor(arg); len(near) > 0 {
		return "did you mean: " + cmd.CommandPath() + " " + strings.Join(near, ", "+cmd.CommandPath()+" ")
	}
	return "see: " + cmd.CommandPath() + " --help"
}

// table prints rows in aligned columns, the first row being the heading. The last column takes what
// is left of the line and is wrapped there, where a person reads it.
func (a *app) table(rows [][]string) error {
	rows = dev.Shown(rows)
	var widths []int
	for _, row := range rows {
		for i, cell := range row[:len(row)-1] {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], ansi.StringWidth(cell))
		}
	}
	var b page
	for _, row := range rows {
		var line strings.Builder
		at := 0
		for i, cell := range row[:len(row)-1] {
			line.WriteString(cell + strings.Repeat(" ", widths[i]-ansi.StringWidth(cell)+2))
			at += widths[i] + 2
		}
		line.WriteString(string(a.wrapped(row[len(row)-1], at)))
		b.add("%s\n", dev.Text(strings.TrimRight(line.String(), " ")))
	}
	return a.print(&b)
}
