package auth

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sdev/cmd/internal/console"
	"sdev/dev/oidc"
)

// completePeople offers the e-mail addresses of the project's people as the first argument.
func (a *commands) completePeople(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.OfferPeople(cmd, nil, "")
}

// completeFault offers the names of faults, and with params the parameters of the fault that was named.
func completeFault(params bool) console.Completer {
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
