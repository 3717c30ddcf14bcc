package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sdev/dev"
	"sdev/dev/oidc"
	"sdev/dev/session"
)

// completer says what may stand at a place of the command line, for shells.
type completer = func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective)

// completePeople offers the project's people, by e-mail address, with their names.
func (a *app) completePeople(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.peopleOffered(cmd, nil, "")
}

func (a *app) peopleOffered(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	var out []string
	if p, err := a.load(cmd.Context(), session.Options{}); err == nil { // nothing can be offered for a project that cannot be read
		for _, who := range p.Settings.Auth.People() {
			if safe := dev.Inline(who.Email); safe == who.Email { // what cannot be typed as it is shown is not offered
				out = append(out, who.Email+"\t"+dev.Inline(who.Name))
			}
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

// completeFault offers the names of faults, and then what can be said of one.
func completeFault(params bool) completer {
	return func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		var out []string
		all := oidc.Faults()
		if len(args) == 0 {
			for _, f := range all {
				out = append(out, f.Name+"\t"+f.About)
			}
			return out, cobra.ShellCompDirectiveNoFileComp
		}
		if i := slices.IndexFunc(all, func(f oidc.FaultDoc) bool { return f.Name == args[0] }); i >= 0 && params {
			for _, p := range all[i].Params {
				name, _, _ := strings.Cut(p, "=")
				out = append(out, name+"=")
			}
		}
		return out, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
}

// offer completes the value of a flag.
func offer(cmd *cobra.Command, flag string, with completer) {
	if err := cmd.RegisterFlagCompletionFunc(flag, with); err != nil {
		panic(err) // the flag was declared beside the call
	}
}
