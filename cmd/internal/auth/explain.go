package auth

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sdev/cmd/internal/console"
	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/session"
)

// explainOptions are the arguments and flags of "sdev auth explain".
type explainOptions struct {
	paths  []string // one; with --matrix also none
	as     string
	matrix bool
	json   bool
}

func (a *commands) newExplainCmd(run func(context.Context, explainOptions) error) *cobra.Command {
	var o explainOptions
	cmd := &cobra.Command{
		Use:   "explain PATH",
		Short: "Explain who may reach a path, and which policy decides",
		Long: `Says what the policies of the compose file (x-sdev.auth.policies) decide for a path: allow, deny, or
login if nobody is signed in. If several policies cover the path, the most specific one decides. If
none does, everybody who signs in may reach it. No engine is needed.

With --matrix it prints the decision for each person; without PATH also for every path that a policy names.`,
		Example: `  sdev auth explain /marketing/q3 --as alice@example.com
  sdev auth explain --matrix`,
		RunE: func(cmd *cobra.Command, args []string) error {
			a.JSON = o.json
			o.paths = args
			if err := o.validate(); err != nil {
				return err
			}
			return run(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.as, "as", "", "decide for the person with this `EMAIL` (default: nobody is signed in)")
	console.CompleteFlag(cmd, "as", a.OfferPeople)
	f.BoolVar(&o.matrix, "matrix", false, "print the decision for nobody and for each person")
	f.BoolVar(&o.json, "json", false, "print one JSON object, with --matrix an array of them")
	return cmd
}

func (o explainOptions) validate() error {
	switch {
	case len(o.paths) > 1:
		return dev.UsageError(fmt.Sprintf("sdev auth explain takes one path, but got %d", len(o.paths)), "quote a path with spaces in it")
	case len(o.paths) == 0 && !o.matrix:
		return dev.UsageError("sdev auth explain needs a path", "for example: sdev auth explain /marketing/q3, or --matrix for all of them")
	case o.matrix && o.as != "":
		return dev.UsageError("--as and --matrix cannot be combined", "use one of them")
	}
	return nil
}

func (a *commands) runExplain(ctx context.Context, o explainOptions) error {
	path := strings.Join(o.paths, "")
	p, err := a.Load(ctx, session.Options{})
	if err != nil {
		return err
	}
	if o.matrix {
		return a.explainAll(p.Settings.Auth, path, o.json)
	}
	var who *dev.Person
	note := ""
	if o.as != "" {
		if err := config.CheckEmail(o.as); err != nil {
			return dev.UsageError("--as: "+err.Error(), "for example: --as alice@example.com")
		}
		person, known := p.Settings.Auth.Person(o.as)
		if !known {
			person, note = dev.Person{Email: o.as}, " (not one of the project's people, so without groups)"
		}
		who = &person
	}
	v := explainPath(p.Settings.Auth.Policies, path, who)
	if o.json {
		return a.PrintJSON(v)
	}
	var b console.Page
	row := func(name, text string) {
		if text != "" {
			b.Add("%-9s %s\n", name, a.Wrapped(text, 10))
		}
	}
	row("path", v.Path)
	if v.User != "" {
		row("as", v.User+note)
	}
	row("decision", string(v.Decision)+": "+v.Why)
	row("rule", v.Rule)
	return a.Print(&b)
}

// verdict is the object that "sdev auth explain --json" prints.
type verdict struct {
	Decision dev.Decision      `json:"decision"`
	Rule     string            `json:"rule"`    // "" if no policy covers the path
	Headers  map[string]string `json:"headers"` // headers about the person that an identity proxy adds; empty without one
	Path     string            `json:"path"`
	User     string            `json:"user"` // "" if nobody is signed in
	Why      string            `json:"why"`
}

func explainPath(policies []dev.Policy, path string, who *dev.Person) verdict {
	found := dev.Decide(policies, path, who)
	v := verdict{Decision: found.Decision, Rule: found.Rule, Headers: map[string]string{}, Path: found.Path, Why: found.Why}
	if who != nil {
		v.User = who.Email
	}
	return v
}

// explainAll prints the decision for each person and path. Without a path it takes those of the policies.
func (a *commands) explainAll(auth config.AuthSettings, path string, asJSON bool) error {
	paths := []string{path}
	if path == "" {
		paths = []string{"/"}
		for _, p := range auth.Policies {
			if !slices.Contains(paths, p.Path) {
				paths = append(paths, p.Path)
			}
		}
		slices.Sort(paths)
	}
	who := []*dev.Person{nil}
	for _, p := range auth.People() {
		who = append(who, &p)
	}
	all := []verdict{}
	rows := [][]string{{"PATH", "WHO", "DECISION", "RULE"}}
	for _, path := range paths {
		for _, person := range who {
			v := explainPath(auth.Policies, path, person)
			all = append(all, v)
			shown, user := v.Path, v.User
			if person == nil {
				user = "nobody"
			} else {
				shown = "" // it is in the line of nobody
			}
			rows = append(rows, []string{shown, user, string(v.Decision), v.Rule})
		}
	}
	if asJSON {
		return a.PrintJSON(all)
	}
	return a.Table(rows)
}
