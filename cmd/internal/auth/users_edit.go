package auth

import (
	"context"

	"github.com/spf13/cobra"

	"sdev/dev"
	"sdev/dev/config"
)

// usersEditOptions are the arguments and flags of "sdev auth users edit".
type usersEditOptions struct {
	person
	email    string
	newEmail string // --email
	noGroups bool
	noClaims []string // --no-claim
	json     bool
}

func (a *commands) newUsersEditCmd(run func(context.Context, usersEditOptions) error) *cobra.Command {
	var o usersEditOptions
	var claims []string
	cmd := &cobra.Command{
		Use: "edit EMAIL", Short: "Change a person", Args: oneEmail, ValidArgsFunction: a.completePeople,
		Long: "Changes what the flags name, and nothing else about the person. The groups that you give replace the earlier groups.",
		RunE: func(cmd *cobra.Command, args []string) error {
			a.JSON = o.json
			o.email = args[0]
			var err error
			if o.claims, err = readClaims(claims); err != nil {
				return err
			}
			if err := o.validate(); err != nil {
				return err
			}
			return run(cmd.Context(), o)
		},
	}
	o.declare(cmd, &claims)
	f := cmd.Flags()
	f.BoolVar(&o.json, "json", false, "print the resulting list of people as one JSON array")
	f.StringVar(&o.newEmail, "email", "", "the new e-mail address: `EMAIL`")
	f.BoolVar(&o.noGroups, "no-groups", false, "remove the person from every group")
	f.StringArrayVar(&o.noClaims, "no-claim", nil, "remove the claim `NAME` (repeatable)")
	return cmd
}

func (o usersEditOptions) validate() error {
	switch {
	case o.noGroups && len(o.groups) > 0:
		return dev.UsageError("--group and --no-groups cannot be combined", "use one of them")
	case o.newEmail == "" && o.name == "" && !o.noGroups && len(o.groups)+len(o.claims)+len(o.noClaims) == 0:
		return dev.UsageError("no change given", "for example: --name NAME, --group GROUP, --claim NAME=VALUE")
	}
	return nil
}

func (a *commands) runUsersEdit(ctx context.Context, o usersEditOptions) error {
	change := config.PersonChange{Email: o.newEmail, Name: o.name, Set: o.claims, Unset: o.noClaims}
	if o.noGroups || len(o.groups) > 0 {
		change.Groups = &o.groups
	}
	return a.editPeople(ctx, o.json, "changed "+o.email, func(p *config.Project) (config.PeopleEdit, error) { return p.ChangePerson(o.email, change) })
}
