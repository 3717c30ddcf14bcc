package auth

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"sdev/cmd/internal/console"
	"sdev/dev/oidc"
)

// faultListOptions are the flags of "sdev auth fault list".
type faultListOptions struct {
	json bool
}

func (a *commands) newFaultListCmd(run func(context.Context, faultListOptions) error) *cobra.Command {
	var o faultListOptions
	cmd := &cobra.Command{
		Use: "list", Short: "List all faults, and those that are active", Args: console.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a.JSON = o.json
			return run(cmd.Context(), o)
		},
	}
	cmd.Flags().BoolVar(&o.json, "json", false, "print one JSON array")
	return cmd
}

func (a *commands) runFaultList(ctx context.Context, o faultListOptions) error {
	if o.json {
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
