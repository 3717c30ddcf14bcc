package auth

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sdev/cmd/internal/console"
	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/oidc"
	"sdev/dev/session"
)

// personFlags are the flags that describe a person.
type personFlags struct {
	email  string
	name   string
	groups []string
	claims []string // NAME=VALUE
	unset  []string
	none   bool // no groups
	json   bool
}

func (a *commands) newAuthUsersCmd() *cobra.Command {
	var asJSON bool
	list := func(use string) *cobra.Command {
		cmd := &cobra.Command{
			Use: use, Short: "List the people who can sign in", Args: console.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				a.JSON = asJSON
				return a.runAuthUsers(cmd.Context(), asJSON)
			},
		}
		cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON array")
		return cmd
	}
	cmd := list("users")
	cmd.Short = "The people who can sign in: list, add, edit, remove"
	cmd.Long = `Lists the people on the sign-in page. They are defined in the compose file, under x-sdev.auth.users.
If there are none, sdev uses two example people: an admin and a plain user. "add", "edit" and "remove" change only
that part of the file. A running project uses the change at once.`
	cmd.Example = `  sdev auth users
  sdev auth users add dora@example.com --name Dora --group sales --claim hd=example.com
  sdev auth users edit dora@example.com --group sales --group admin
  sdev auth users remove dora@example.com`
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return dev.UsageError("unknown command "+strconv.Quote("auth users "+args[0]), suggestionBelow(cmd, args[0]))
		}
		return nil
	}
	cmd.SuggestionsMinimumDistance = 2
	cmd.AddCommand(list("list"), a.newAuthUsersAddCmd(), a.newAuthUsersEditCmd(), a.newAuthUsersRemoveCmd())
	return cmd
}

func (a *commands) newAuthUsersAddCmd() *cobra.Command {
	var o personFlags
	cmd := &cobra.Command{
		Use: "add EMAIL", Short: "Add a person", Args: oneEmail,
		RunE: func(cmd *cobra.Command, args []string) error {
			a.JSON = o.json
			claims, err := readClaims(o.claims)
			if err != nil {
				return err
			}
			who := dev.Person{Email: args[0], Name: o.name, Groups: o.groups, Claims: claims}
			return a.editPeople(cmd.Context(), o.json, "added "+args[0], func(p *config.Project) (config.PeopleEdit, error) { return p.AddPerson(who) })
		},
	}
	o.declare(cmd)
	return cmd
}

func (a *commands) newAuthUsersEditCmd() *cobra.Command {
	var o personFlags
	cmd := &cobra.Command{
		Use: "edit EMAIL", Short: "Change a person", Args: oneEmail, ValidArgsFunction: a.completePeople,
		Long: "Changes what the flags name, and nothing else about the person. The groups that you give replace the earlier groups.",
		RunE: func(cmd *cobra.Command, args []string) error {
			a.JSON = o.json
			change, err := o.change()
			if err != nil {
				return err
			}
			return a.editPeople(cmd.Context(), o.json, "changed "+args[0], func(p *config.Project) (config.PeopleEdit, error) { return p.ChangePerson(args[0], change) })
		},
	}
	o.declare(cmd)
	f := cmd.Flags()
	f.StringVar(&o.email, "email", "", "the new e-mail address: `EMAIL`")
	f.BoolVar(&o.none, "no-groups", false, "remove the person from every group")
	f.StringArrayVar(&o.unset, "no-claim", nil, "remove the claim `NAME` (repeatable)")
	return cmd
}

func (a *commands) newAuthUsersRemoveCmd() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "remove EMAIL", Short: "Remove a person", Args: oneEmail, ValidArgsFunction: a.completePeople,
		RunE: func(cmd *cobra.Command, args []string) error {
			a.JSON = asJSON
			return a.editPeople(cmd.Context(), asJSON, "removed "+args[0], func(p *config.Project) (config.PeopleEdit, error) { return p.RemovePerson(args[0]) })
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the resulting list of people as one JSON array")
	return cmd
}

func (o *personFlags) declare(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.name, "name", "", "full `NAME`")
	f.StringArrayVar(&o.groups, "group", nil, "a `GROUP` that the person is in (repeatable)")
	f.StringArrayVar(&o.claims, "claim", nil, "a claim as `NAME=VALUE`, where VALUE is JSON or text (repeatable)")
	f.BoolVar(&o.json, "json", false, "print the resulting list of people as one JSON array")
}

func (o *personFlags) change() (config.PersonChange, error) {
	c := config.PersonChange{Email: o.email, Name: o.name, Unset: o.unset}
	var err error
	if c.Set, err = readClaims(o.claims); err != nil {
		return c, err
	}
	switch {
	case o.none && len(o.groups) > 0:
		return c, dev.UsageError("--group and --no-groups cannot be combined", "use one of them")
	case o.none || len(o.groups) > 0:
		c.Groups = &o.groups
	}
	if c.Email == "" && c.Name == "" && c.Groups == nil && len(c.Set)+len(c.Unset) == 0 {
		return c, dev.UsageError("no change given", "for example: --name NAME, --group GROUP, --claim NAME=VALUE")
	}
	return c, nil
}

// oneEmail is the check of arguments of commands about one person.
func oneEmail(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return dev.UsageError(fmt.Sprintf("%s takes one e-mail address, but got %d arguments", cmd.CommandPath(), len(args)), "for example: "+cmd.CommandPath()+" alice@example.com")
	}
	return nil
}

func readClaims(pairs []string) (map[string]any, error) {
	var claims map[string]any
	for _, pair := range pairs {
		name, text, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			return nil, dev.UsageError("--claim is "+strconv.Quote(pair), "write it as NAME=VALUE, for example: --claim hd=example.com")
		}
		var value any
		if json.Unmarshal([]byte(text), &value) != nil {
			value = text
		}
		if claims == nil {
			claims = map[string]any{}
		}
		claims[name] = value
	}
	return claims, nil
}

func (a *commands) runAuthUsers(ctx context.Context, asJSON bool) error {
	p, err := a.Load(ctx, session.Options{})
	if err != nil {
		return err
	}
	people := p.Settings.Auth.People()
	if asJSON {
		return a.PrintJSON(peopleJSON(people))
	}
	rows := [][]string{{"E-MAIL", "NAME", "GROUPS", "CLAIMS"}}
	for _, who := range people {
		rows = append(rows, []string{who.Email, who.Name, strings.Join(who.Groups, ", "), claimsText(who.Claims)})
	}
	if err := a.Table(rows); err != nil || len(p.Settings.Auth.Users) > 0 {
		return err
	}
	err = a.Printf("\n%s\n", a.Wrapped("These people are examples, because x-sdev.auth.users is empty. To add your own: sdev auth users add EMAIL", 0))
	return err
}

func claimsText(claims map[string]any) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(claims)) {
		text, ok := claims[name].(string)
		if b, err := json.Marshal(claims[name]); !ok && err == nil {
			text = string(b)
		}
		parts = append(parts, name+"="+text)
	}
	return strings.Join(parts, ", ")
}

// peopleJSON makes JSON write empty lists and objects instead of null.
func peopleJSON(people []dev.Person) []dev.Person {
	out := slices.Clone(people)
	for i := range out {
		if out[i].Groups == nil {
			out[i].Groups = []string{}
		}
		if out[i].Claims == nil {
			out[i].Claims = map[string]any{}
		}
	}
	return out
}

// editPeople changes the compose file, and sends the people to a running provider.
func (a *commands) editPeople(ctx context.Context, asJSON bool, done string, change func(*config.Project) (config.PeopleEdit, error)) error {
	p, err := a.Load(ctx, session.Options{})
	if err != nil {
		return err
	}
	edit, err := change(p)
	if err != nil {
		return err
	}
	if err := edit.Write(); err != nil {
		return err
	}
	now := config.AuthSettings{Users: edit.People}
	running := a.sendPeople(ctx, now.People())
	if asJSON {
		return a.PrintJSON(peopleJSON(now.People()))
	}
	if a.Quiet {
		return nil
	}
	text := done + " in " + edit.File
	switch {
	case len(p.Settings.Auth.Users) == 0:
		text += "; it replaces the example people"
	case len(edit.People) == 0:
		text += "; it was the last person, so sdev uses the example people again"
	}
	if running {
		text += "; the sign-in page already shows it"
	}
	err = a.Printf("%s\n", text)
	return err
}

// steerTimeout limits a command to a provider that need not be running. Its answer is not essential: the next "sdev
// up" reads the people from the file.
const steerTimeout = 5 * time.Second

// sendPeople sends the people to the provider, and reports whether one is running.
func (a *commands) sendPeople(ctx context.Context, people []dev.Person) bool {
	ctx, cancel := context.WithTimeout(ctx, steerTimeout)
	defer cancel()
	_, err := a.steer(ctx, oidc.Command{Do: oidc.DoPeople, People: people})
	return err == nil
}
