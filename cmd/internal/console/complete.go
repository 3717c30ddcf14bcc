package console

import (
	"github.com/spf13/cobra"

	"sdev/dev"
	"sdev/dev/session"
)

// Completer says what may stand at a place of the command line, for shells.
type Completer = func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective)

// OfferPeople offers the project's people, by e-mail address, with their names.
func (c *Console) OfferPeople(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	var out []string
	if p, err := c.Load(cmd.Context(), session.Options{}); err == nil { // nothing can be offered for a project that cannot be read
		for _, who := range p.Settings.Auth.People() {
			if safe := dev.Inline(who.Email); safe == who.Email { // what cannot be typed as it is shown is not offered
				out = append(out, who.Email+"\t"+dev.Inline(who.Name))
			}
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

// CompleteFlag completes the value of a flag.
func CompleteFlag(cmd *cobra.Command, flag string, with Completer) {
	if err := cmd.RegisterFlagCompletionFunc(flag, with); err != nil {
		panic(err) // the flag was declared beside the call
	}
}
