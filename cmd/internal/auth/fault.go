package auth

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"sdev/cmd/internal/console"
	"sdev/dev"
	"sdev/dev/oidc"
)

func (a *commands) newAuthFaultCmd() *cobra.Command {
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
	cmd.AddCommand(a.newAuthFaultListCmd(), a.newAuthFaultSetCmd(), a.newAuthFaultClearCmd())
	return cmd
}

// faultDoc is a fault as "sdev auth fault list --json" prints it.
type faultDoc struct {
	Name     string            `json:"name"`
	About    string            `json:"about"`
	Params   []string          `json:"params"`   // their names
	Defaults map[string]string `json:"defaults"` // values of parameters that are not given
}

func faultDocs() []faultDoc {
	out := []faultDoc{}
	for _, f := range oidc.Faults() {
		doc := faultDoc{Name: f.Name, About: f.About, Params: []string{}, Defaults: map[string]string{}}
		for _, p := range f.Params {
			name, value, _ := strings.Cut(p, "=")
			doc.Params, doc.Defaults[name] = append(doc.Params, name), value
		}
		out = append(out, doc)
	}
	return out
}

func (a *commands) newAuthFaultListCmd() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Short: "List all faults, and those that are active", Args: console.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a.JSON = asJSON
			return a.runAuthFaultList(cmd.Context(), asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON array")
	return cmd
}

func (a *commands) runAuthFaultList(ctx context.Context, asJSON bool) error {
	if asJSON {
		return a.PrintJSON(faultDocs())
	}
	if err := a.Table(FaultRows(oidc.Faults())); err != nil {
		return err
	}
	// The active faults are extra: the list itself needs no running project.
	ctx, cancel := context.WithTimeout(ctx, steerTimeout)
	defer cancel()
	state, err := a.steer(ctx, oidc.Command{Do: oidc.DoState})
	if err != nil || len(state.Faults) == 0 {
		return nil
	}
	var b console.Page
	b.Add("\nActive now:\n")
	for _, f := range state.Faults {
		b.Add("  %s\n", faultText(f))
	}
	return a.Print(&b)
}

// FaultRows are the rows of a table of faults, parameters included.
func FaultRows(all []oidc.FaultDoc) [][]string {
	rows := [][]string{{"NAME", "ABOUT"}}
	for _, f := range all {
		rows = append(rows, []string{f.Name, f.About})
		if len(f.Params) > 0 {
			rows = append(rows, []string{"", strings.Join(f.Params, "  ")})
		}
	}
	return rows
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

func (a *commands) newAuthFaultSetCmd() *cobra.Command {
	var f oidc.Fault
	var asJSON bool
	cmd := &cobra.Command{
		Use:               "set NAME [PARAM=VALUE…]",
		Short:             "Set a fault",
		Long:              `Sets a fault. "sdev auth fault list" prints all faults with their parameters.`,
		Example:           "  sdev auth fault set deny --times 1\n  sdev auth fault set expired --user alice@example.com",
		ValidArgsFunction: completeFault(true),
		RunE: func(cmd *cobra.Command, args []string) error {
			a.JSON = asJSON
			if f.Times < 0 {
				return dev.UsageError("--times must be a number from 1", "leave it out to keep the fault until it is cleared")
			}
			if err := readFault(&f, args); err != nil {
				return err
			}
			state, err := a.steer(cmd.Context(), oidc.Command{Do: oidc.DoFault, Fault: f})
			if err != nil {
				return err
			}
			return a.printState(state, asJSON, "set: "+faultText(f))
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&f.Times, "times", 0, "clear the fault after `N` times (default: keep it until you clear it)")
	flags.StringVar(&f.User, "user", "", "only for the person with this `EMAIL`")
	flags.StringVar(&f.Client, "client", "", "only for the program with the client `ID`")
	console.CompleteFlag(cmd, "user", a.OfferPeople)
	flags.BoolVar(&asJSON, "json", false, "print the provider's state as one JSON object")
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

func (a *commands) newAuthFaultClearCmd() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "clear [NAME]",
		Short: "Clear one fault, or all of them",

		ValidArgsFunction: completeFault(false),
		RunE: func(cmd *cobra.Command, args []string) error {
			a.JSON = asJSON
			if len(args) > 1 {
				return dev.UsageError(fmt.Sprintf("sdev auth fault clear takes at most one name, but got %d", len(args)), "without a name it clears all of them")
			}
			name, text := strings.Join(args, ""), "no fault is set"
			if name != "" {
				if err := readFault(&oidc.Fault{}, args); err != nil {
					return err
				}
				text = "cleared: " + name
			}
			state, err := a.steer(cmd.Context(), oidc.Command{Do: oidc.DoClear, Fault: oidc.Fault{Name: name}})
			if err != nil {
				return err
			}
			return a.printState(state, asJSON, text)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the provider's state as one JSON object")
	return cmd
}
