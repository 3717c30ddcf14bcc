package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sdev/cmd/internal/console"
	"sdev/dev"
	"sdev/dev/handoff"
	"sdev/dev/secrets"
	"sdev/dev/session"
)

// secretsOptions are the flags of "sdev secrets".
type secretsOptions struct {
	targets []string
	json    bool
}

func (a *commands) newSecretsCmd(run func(context.Context, secretsOptions) error) *cobra.Command {
	var o secretsOptions
	cmd := &cobra.Command{
		Use:   "secrets",
		Short: "Show which secrets and variables the code reads, and where each comes from",
		Long: `Lists what the app's code reads from outside: environment variables, Streamlit's secrets and
connections, parameters and secrets of AWS. It says where each comes from on this machine, with the
bypass and with the login, and with --target also on a platform; what is missing there; and what the
project sets although no code reads it. It never shows a value.

A dash marks an input that is not set and that the code goes on without: it gives a default, asks
before it reads, or catches the error. Names that the program computes are listed by their place.

With --json it prints one object: v, type ("secrets"), views (local, then the login modes, the
project's own first, then the targets), inputs (kind, name, optional, places, sources by view: state
and from), unread, computed. A state is set, empty, missing, or unknown: it is in AWS, or in a store
where sdev does not look.`,
		Example: `  sdev secrets
  sdev secrets --target ecs`,
		Args: console.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a.JSON = o.json
			for _, name := range o.targets {
				if _, err := handoff.Find(handoff.Targets(), name); err != nil {
					return err
				}
			}
			return run(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&o.targets, "target", nil, "also say what the platform `TARGET` gives the app (may be given several times)")
	f.BoolVar(&o.json, "json", false, "print one object")
	_ = cmd.RegisterFlagCompletionFunc("target", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) { // fails only for flags that do not exist
		return targetNames(), cobra.ShellCompDirectiveNoFileComp
	})
	return cmd
}

func (a *commands) runSecrets(ctx context.Context, o secretsOptions) error {
	in, err := session.ReadInputs(ctx, a.Host(), session.Options{}, o.json)
	if err != nil {
		return err
	}
	targets, err := a.targetViews(ctx, o.targets)
	if err != nil {
		return err
	}
	t := secrets.Compute(in.Reads, slices.Concat(in.Views, targets), in.Unread)
	if o.json {
		return a.PrintJSON(secretsReport{V: dev.WireVersion, Type: "secrets", Table: t})
	}
	return a.printSecrets(t)
}

// targetViews are what the targets give the app.
func (a *commands) targetViews(ctx context.Context, names []string) ([]secrets.View, error) {
	if len(names) == 0 {
		return nil, nil
	}
	p, err := a.Gather(ctx, session.EntryChoice{})
	if err != nil {
		return nil, err
	}
	var list []secrets.View
	for _, name := range names {
		target, err := handoff.Find(handoff.Targets(), name)
		if err != nil {
			return nil, err
		}
		v, err := p.View(ctx, target)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

// secretsReport is what "sdev secrets --json" prints.
type secretsReport struct {
	V    int    `json:"v"`
	Type string `json:"type"`
	secrets.Table
}

func (a *commands) printSecrets(t secrets.Table) error {
	if len(t.Rows)+len(t.Computed) == 0 {
		if err := a.Printf("the app's code reads no secret, no environment variable and no parameter\n"); err != nil {
			return err
		}
	}
	header := []string{"KIND", "NAME"}
	for _, view := range t.Views {
		header = append(header, strings.ToUpper(view))
	}
	rows := [][]string{append(header, "READ AT")}
	for _, r := range t.Rows {
		row := []string{kindName(r.Kind), r.Name}
		for _, view := range t.Views {
			row = append(row, sourceText(r.Sources[view], r.Optional))
		}
		rows = append(rows, append(row, readAt(r.Places)))
	}
	if len(t.Rows) > 0 {
		if err := a.Table(rows); err != nil {
			return err
		}
	}
	var b console.Page
	for _, m := range missing(t) {
		b.Add("missing in %s: %s (%s): %s\n", strings.Join(m.views, ", "), m.row.Name, readAt(m.row.Places[:1]), m.how)
	}
	for _, u := range t.Unread {
		b.Add("no code reads the %s %s (%s)\n", kindName(u.Kind), u.Name, u.From)
	}
	for _, p := range t.Computed {
		b.Add("%s reads a name that the program computes\n", p)
	}
	return a.Print(&b)
}

// missingIn is an input that is missing in some views, and one thing to do about it.
type missingIn struct {
	row   secrets.Row
	views []string
	how   string
}

// missing are the missing inputs in the order of the table.
func missing(t secrets.Table) []missingIn {
	var list []missingIn
	for _, r := range t.Rows {
		for _, view := range t.Views {
			if !r.IsMissing(view) {
				continue
			}
			how := howToSet(r, view)
			if n := len(list) - 1; n >= 0 && list[n].row.Kind == r.Kind && list[n].row.Name == r.Name && list[n].how == how {
				list[n].views = append(list[n].views, view)
				continue
			}
			list = append(list, missingIn{r, []string{view}, how})
		}
	}
	return list
}

func kindName(k dev.InputKind) string {
	if k == dev.InputManagedSecret {
		return "AWS secret"
	}
	return string(k)
}

func readAt(places []dev.Place) string {
	s := places[0].String()
	if n := len(places) - 1; n > 0 {
		s += fmt.Sprintf(" +%d", n)
	}
	return s
}

// sourceText is a source in a cell of the table.
func sourceText(s secrets.Source, optional bool) string {
	from := s.From
	if strings.HasPrefix(from, "sdev") {
		from = "sdev" // and not why
	}
	switch s.State {
	case secrets.Set, secrets.Unknown:
		return from
	case secrets.Empty:
		return from + " (empty)"
	case secrets.Missing:
		if optional {
			return "-"
		}
	}
	return "missing"
}

// howToSet says what sets a missing input.
func howToSet(r secrets.Row, view string) string {
	_, err := handoff.Find(handoff.Targets(), view)
	switch isTarget := err == nil; {
	case isTarget && r.Kind == dev.InputSecret:
		return "the platform gives the app no secrets.toml"
	case isTarget:
		return "set it on the platform, or in the compose file if it is no secret"
	case r.Kind == dev.InputSecret:
		return "write it into .streamlit/secrets.toml"
	case r.Kind == dev.InputParameter && view == string(dev.AppLogin):
		return "add it to x-sdev.aws.parameters"
	case r.Kind == dev.InputVariable:
		return "set it in the compose file, or in a file that its env_file names"
	}
	return "x-sdev.aws.mode is none"
}
