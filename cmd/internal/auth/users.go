package auth

import (
	"context"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"sdev/cmd/internal/console"
	"sdev/dev"
	"sdev/dev/session"
)

// usersOptions are the flags of "sdev auth users", and of "sdev auth users list", which does the same.
type usersOptions struct {
	json bool
}

func (a *commands) newUsersCmd(run func(context.Context, usersOptions) error) *cobra.Command {
	var o usersOptions
	list := func(use string) *cobra.Command {
		cmd := &cobra.Command{
			Use: use, Short: "List the people who can sign in", Args: console.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				a.JSON = o.json
				return run(cmd.Context(), o)
			},
		}
		cmd.Flags().BoolVar(&o.json, "json", false, "print one JSON array")
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
	cmd.AddCommand(list("list"), a.newUsersAddCmd(a.runUsersAdd), a.newUsersEditCmd(a.runUsersEdit), a.newUsersRemoveCmd(a.runUsersRemove))
	return cmd
}

func (a *commands) runUsers(ctx context.Context, o usersOptions) error {
	people, examples, err := People(ctx, a.Console)
	if err != nil {
		return err
	}
	if o.json {
		return a.PrintJSON(people)
	}
	rows := [][]string{{"E-MAIL", "NAME", "GROUPS", "CLAIMS"}}
	for _, who := range people {
		rows = append(rows, []string{who.Email, who.Name, strings.Join(who.Groups, ", "), claimsText(who.Claims)})
	}
	if err := a.Table(rows); err != nil || !examples {
		return err
	}
	err = a.Printf("\n%s\n", a.Wrapped("These people are examples, because x-sdev.auth.users is empty. To add your own: sdev auth users add EMAIL", 0))
	return err
}

// People returns the people who can sign in, and whether they are sdev's examples, because the project names none.
func People(ctx context.Context, c *console.Console) (people []dev.Person, examples bool, err error) {
	p, err := c.Load(ctx, session.Options{})
	if err != nil {
		return nil, false, err
	}
	return peopleJSON(p.Settings.Auth.People()), len(p.Settings.Auth.Users) == 0, nil
}
