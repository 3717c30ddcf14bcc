package auth

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"sdev/dev"
	"sdev/dev/oidc"
)

// newFaultGroup returns the command that holds those about faults.
func (a *commands) newFaultGroup() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "fault",
		Short: "Make the provider fail on purpose: list, set, clear",
		Long: `Makes the provider do something wrong: refuse a login, send a token that the app must not accept, answer
slowly or not at all. A fault stays until you clear it, or for a number of times. It affects everybody, or
one person or program. Each time it takes effect, "sdev up" and "sdev logs" report it.`,
		Example: `  sdev auth fault list
  sdev auth fault set deny --user alice@example.com
  sdev auth fault set wrong-aud --times 1
  sdev auth fault clear`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return dev.UsageError("unknown command "+strconv.Quote("auth fault "+args[0]), suggestionBelow(cmd, args[0]))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.SuggestionsMinimumDistance = 2
	cmd.AddCommand(a.newFaultListCmd(a.runFaultList), a.newFaultSetCmd(a.runFaultSet), a.newFaultClearCmd(a.runFaultClear))
	return cmd
}

// readFault parses the name and the parameters of a fault.
func readFault(f *oidc.Fault, args []string) error {
	const list = "see: sdev auth fault list"
	if len(args) == 0 {
		return dev.UsageError("sdev auth fault set needs the name of a fault", list)
	}
	known := oidc.Faults()
	i := slices.IndexFunc(known, func(d oidc.FaultDoc) bool { return d.Name == args[0] })
	if i < 0 {
		return dev.UsageError("unknown fault "+strconv.Quote(args[0]), list)
	}
	f.Name, f.Params = args[0], nil
	for _, pair := range args[1:] {
		name, value, ok := strings.Cut(pair, "=")
		if !ok {
			return dev.UsageError(strconv.Quote(pair)+" is not PARAM=VALUE", list)
		}
		is := func(param string) bool { return strings.HasPrefix(param, name+"=") } // the default follows
		if !slices.ContainsFunc(known[i].Params, is) {
			have := "it has none"
			if len(known[i].Params) > 0 {
				have = "it has: " + strings.Join(known[i].Params, ", ")
			}
			return dev.UsageError(fmt.Sprintf("fault %s has no parameter %q", f.Name, name), have)
		}
		if f.Params == nil {
			f.Params = map[string]string{}
		}
		f.Params[name] = value
	}
	return nil
}

// faultText describes an active fault.
func faultText(f oidc.Fault) string {
	text := f.Name
	for _, name := range slices.Sorted(maps.Keys(f.Params)) {
		text += " " + name + "=" + f.Params[name]
	}
	if f.User != "" {
		text += " for " + f.User
	}
	if f.Client != "" {
		text += " at client " + f.Client
	}
	switch f.Times {
	case 0:
		return text + " until it is cleared"
	case 1:
		return text + ", once"
	}
	return fmt.Sprintf("%s, %d times", text, f.Times)
}
