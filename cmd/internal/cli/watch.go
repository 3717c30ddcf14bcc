package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"sdev/cmd/internal/console"
	"sdev/dev"
	"sdev/dev/session"
)

// watchOptions are the flags of "sdev watch".
type watchOptions struct {
	path string // --explain
	sync bool
	json bool
}

func (a *commands) newWatchCmd(run func(context.Context, watchOptions) error) *cobra.Command {
	var o watchOptions
	cmd := &cobra.Command{
		Use:   "watch --explain PATH",
		Short: "Explain what saving a file, or files in a directory, would do",
		Long: `Says which rule applies to a path and what a save of it would do, or why nothing would happen. The
path does not have to exist, and no engine is needed. "sdev up" does the actual watching.`,
		Example: `  sdev watch --explain code_package/streamlit/Home.py
  sdev watch --explain .venv --json`,
		Args: console.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a.JSON = o.json
			if err := o.validate(); err != nil {
				return err
			}
			return run(cmd.Context(), o)
		},
	}
	cmd.Flags().StringVar(&o.path, "explain", "", "the `PATH` to explain")
	cmd.Flags().BoolVar(&o.sync, "sync", false, "explain it for sdev up --sync")
	cmd.Flags().BoolVar(&o.json, "json", false, "print one JSON object")
	return cmd
}

func (o watchOptions) validate() error {
	if o.path == "" {
		return dev.UsageError("sdev watch needs --explain PATH", "sdev up watches the project; for example: sdev watch --explain Home.py")
	}
	return nil
}

func (a *commands) runWatch(ctx context.Context, o watchOptions) error {
	e, err := session.Explain(ctx, a.Host(), o.path, o.sync)
	if err != nil {
		return err
	}
	return a.printExplanation(e, o.json)
}

func (a *commands) printExplanation(e session.Explanation, asJSON bool) error {
	if asJSON {
		return a.PrintJSON(e)
	}
	var b console.Page
	row := func(name, text string) {
		if text != "" {
			b.Add("%-7s %s\n", name, a.Wrapped(text, 8))
		}
	}
	row("path", e.Path+" ("+e.Kind+")")
	row("real", e.Real)
	row("action", string(e.Action)+": "+e.Why)
	row("rule", e.Rule)
	for _, t := range e.Targets {
		row("copy", t)
	}
	row("exec", e.Exec)
	for _, r := range e.Below {
		row("below", string(r.Action)+" by "+r.Rule)
	}
	passed := map[string][]string{} // rules by why they leave it out
	var whys []string
	for _, p := range e.Passed {
		if p.NotIncluded && strings.HasPrefix(p.Rule, "derived:") {
			continue // sdev's own rules name certain files; that they exclude others is no surprise
		}
		if passed[p.Why] == nil {
			whys = append(whys, p.Why)
		}
		passed[p.Why] = append(passed[p.Why], p.Rule)
	}
	for _, why := range whys {
		row("not by", strings.Join(passed[why], "; ")+": "+why)
	}
	for _, n := range e.Services {
		b.Add("\n")
		row("service", n.Service)
		row("action", string(n.Action)+": "+n.Why)
		row("rule", n.Rule)
		for _, t := range n.Targets {
			row("copy", t)
		}
		row("exec", n.Exec)
	}
	return a.Print(&b)
}
