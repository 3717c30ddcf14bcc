package auth

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"sdev/cmd/internal/console"
	"sdev/cmd/internal/render"
	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/session"
)

// explainOptions are the arguments and flags of "sdev auth explain".
type explainOptions struct {
	paths  []string // one; with --matrix also none
	as     string
	matrix bool
	door   string // a mode with a front door; "" is the project's
	expect string // file with the expected decisions
	host   string // "" is the app's main host name
	from   string // IP address
	json   bool
}

func (a *commands) newExplainCmd(run func(context.Context, explainOptions) error) *cobra.Command {
	var o explainOptions
	cmd := &cobra.Command{
		Use:   "explain PATH",
		Short: "Explain who may reach a path, and which policy decides",
		Long: `Says what happens to a request for a path: allow, deny, or login if nobody is signed in. No engine is needed.

If the project's login is an identity proxy in front of the app, it says what that proxy does, by which rule, and
which identity headers the app gets; --door asks about another one. For other logins it says what the policies of
the compose file (x-sdev.auth.policies) decide. If several policies cover the path, the most specific one decides.
If none does, everybody who signs in may reach it.

With --matrix it prints the decision for each person; without PATH also for every path that a policy names.

With --expect it compares the decisions with those in a file, and fails if one differs. To write the file:
  sdev auth explain --matrix --json >access.json
Each entry needs path, user ("" is nobody) and decision; headers are compared if they are there.`,
		Example: `  sdev auth explain /marketing/q3 --as alice@example.com
  sdev auth explain --matrix --door alb
  sdev auth explain --expect access.json`,
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
	f.StringVar(&o.door, "door", "", "decide as this front door: `NAME` is "+strings.Join(doors(), ", "))
	f.StringVar(&o.expect, "expect", "", "compare with the decisions in `FILE`; exit 1 if one differs")
	f.StringVar(&o.from, "from", "", "decide for a request from this `IP` address")
	f.StringVar(&o.host, "host", "", "decide for a request to this host `NAME`, if the front door has several")
	f.BoolVar(&o.json, "json", false, "print one JSON object, with --matrix an array of them")
	return cmd
}

// doors are the modes with a front door.
func doors() []string {
	return slices.DeleteFunc(config.LoginModes(), func(name string) bool { return !dev.Mode(name).HasDoor() })
}

func isAddress(text string) bool {
	_, err := netip.ParseAddr(text)
	return err == nil
}

func (o explainOptions) validate() error {
	switch {
	case o.door != "" && !slices.Contains(doors(), o.door):
		return dev.UsageError("--door is "+strconv.Quote(o.door), "one of: "+strings.Join(doors(), ", "))
	case o.expect != "" && (len(o.paths) > 0 || o.matrix || o.as != "" || o.json):
		return dev.UsageError("--expect cannot be combined with a path, --as, --matrix or --json", "the file names the paths and the people")
	case o.from != "" && !isAddress(o.from):
		return dev.UsageError("--from: "+strconv.Quote(o.from)+" is not an IP address", "for example: --from 203.0.113.7")
	case o.expect != "":
		return nil
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
	explain, mode := session.NewExplainer(p, dev.Mode(o.door), a.Now)
	decide := func(path string, who *dev.Person) (verdict, error) {
		return newVerdict(explain, session.Visit{Path: path, Who: who, Host: o.host, From: o.from})
	}
	switch {
	case o.expect != "":
		return a.compareExpected(p.Settings.Auth, decide, o.expect)
	case o.matrix:
		return a.explainAll(p.Settings.Auth, decide, path, o.json)
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
	v, err := decide(path, who)
	if err != nil {
		return err
	}
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
	if mode.HasDoor() {
		row("door", render.Door(mode))
	}
	if err := addHeaders(&b, v.Headers); err != nil {
		return err
	}
	return a.Print(&b)
}

// addHeaders adds a line for each identity header, and for each claim of a token. They are not wrapped, so that they can be
// copied.
func addHeaders(b *console.Page, headers map[string]any) error {
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		claims, isToken := headers[name].(map[string]any)
		if !isToken {
			b.Add("header    %s: %v\n", name, headers[name])
			continue
		}
		b.Add("header    %s: a token with\n", name)
		for _, claim := range slices.Sorted(maps.Keys(claims)) {
			text, err := json.Marshal(claims[claim])
			if err != nil {
				return err
			}
			b.Add("            %s: %s\n", claim, text)
		}
	}
	return nil
}

// verdict is the object that "sdev auth explain --json" prints.
type verdict struct {
	Decision dev.Decision `json:"decision"`
	Rule     string       `json:"rule"` // "" if no policy covers the path
	// Headers are the identity headers that the app gets from a front door; a token's claims in place of the token.
	Headers map[string]any `json:"headers"`
	Path    string         `json:"path"`
	User    string         `json:"user"` // "" if nobody is signed in
	Why     string         `json:"why"`
}

func newVerdict(explain session.Explainer, visit session.Visit) (verdict, error) {
	found, err := explain(visit)
	v := verdict{Decision: found.Decision, Rule: found.Rule, Headers: found.Headers, Path: found.Path, Why: found.Why}
	if visit.Who != nil {
		v.User = visit.Who.Email
	}
	return v, err
}

// decider decides about a request of somebody for a path; a nil person has not signed in.
type decider func(path string, who *dev.Person) (verdict, error)

// explainAll prints the decision for each person and path. Without a path it takes those of the policies.
func (a *commands) explainAll(auth config.AuthSettings, decide decider, path string, asJSON bool) error {
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
			v, err := decide(path, person)
			if err != nil {
				return err
			}
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
