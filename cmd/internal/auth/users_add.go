package auth

import (
	"context"

	"github.com/spf13/cobra"

	"sdev/dev"
	"sdev/dev/config"
)

// usersAddOptions are the arguments and flags of "sdev auth users add".
type usersAddOptions struct {
	person
	email string
	json  bool
}

func (a *commands) newUsersAddCmd(run func(context.Context, usersAddOptions) error) *cobra.Command {
	var o usersAddOptions
	var claims []string
	cmd := &cobra.Command{
		Use: "add EMAIL", Short: "Add a person", Args: oneEmail,
		RunE: func(cmd *cobra.Command, args []string) error {
			a.JSON = o.json
			o.email = args[0]
			var err error
			if o.claims, err = readClaims(claims); err != nil {
				return err
			}
			return run(cmd.Context(), o)
		},
	}
	o.declare(cmd, &claims)
	cmd.Flags().BoolVar(&o.json, "json", false, "print the resulting list of people as one JSON array")
	return cmd
}

func (a *commands) runUsersAdd(ctx context.Context, o usersAddOptions) error {
	who := dev.Person{Email: o.email, Name: o.name, Groups: o.groups, Claims: o.claims}
	return a.editPeople(ctx, o.json, "added "+o.email, func(p *config.Project) (config.PeopleEdit, error) { return p.AddPerson(who) })
}
