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

	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/oidc"
	"sdev/dev/session"
)

// person is what the flags of "add" and "edit" say about a person.
type person struct {
	name   string
	groups []string
	claims map[string]any
}

// declare declares the flags of a person. The values of --claim, which are still to be parsed, go to claims.
func (p *person) declare(cmd *cobra.Command, claims *[]string) {
	f := cmd.Flags()
	f.StringVar(&p.name, "name", "", "full `NAME`")
	f.StringArrayVar(&p.groups, "group", nil, "a `GROUP` that the person is in (repeatable)")
	f.StringArrayVar(claims, "claim", nil, "a claim as `NAME=VALUE`, where VALUE is JSON or text (repeatable)")
}

// oneEmail is the check of arguments of commands about one person.
func oneEmail(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return dev.UsageError(fmt.Sprintf("%s takes one e-mail address, but got %d arguments", cmd.CommandPath(), len(args)), "for example: "+cmd.CommandPath()+" alice@example.com")
	}
	return nil
}

// readClaims parses the values of --claim.
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
