package auth

import (
	"context"

	"github.com/spf13/cobra"

	"sdev/dev/config"
)

// usersRemoveOptions are the arguments and flags of "sdev auth users remove".
type usersRemoveOptions struct {
	email string
	json  bool
}

func (a *commands) newUsersRemoveCmd(run func(context.Context, usersRemoveOptions) error) *cobra.Command {
	var o usersRemoveOptions
	cmd := &cobra.Command{
		Use: "remove EMAIL", Short: "Remove a person", Args: oneEmail, ValidArgsFunction: a.completePeople,
		RunE: func(cmd *cobra.Command, args []string) error {
			a.JSON = o.json
			o.email = args[0]
			return run(cmd.Context(), o)
		},
	}
	cmd.Flags().BoolVar(&o.json, "json", false, "print the resulting list of people as one JSON array")
	return cmd
}

func (a *commands) runUsersRemove(ctx context.Context, o usersRemoveOptions) error {
	return a.editPeople(ctx, o.json, "removed "+o.email, func(p *config.Project) (config.PeopleEdit, error) { return p.RemovePerson(o.email) })
}
