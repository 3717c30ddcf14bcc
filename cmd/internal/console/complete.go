package console

import (
	"github.com/spf13/cobra"

	"sdev/dev"
	"sdev/dev/session"
)

// Completer returns the possible values at a place of the command line, for a shell's completion.
type Completer = func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective)

// OfferPeople offers the project's people, by e-mail address, with their names.
func (c *Console) OfferPeople(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	var out []string
	if p, err := c.Load(cmd.Context(), session.Options{}); err == nil { // without a project that can be read it offers nothing
		for _, who := range p.Settings.Auth.People() {
			if safe := dev.Inline(who.Email); safe == who.Email { // an address that looks different from what must be typed is left out
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
