package auth

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"sdev/cmd/internal/console"
	"sdev/dev"
	"sdev/dev/oidc"
)

// useOptions are the arguments and flags of "sdev auth use".
type useOptions struct {
	emails []string // one, or none with --ask
	ask    bool
	json   bool
}

func (a *commands) newUseCmd(run func(context.Context, useOptions) error) *cobra.Command {
	var o useOptions
	cmd := &cobra.Command{
		Use:   "use EMAIL",
		Short: "Sign in as one person from now on, without the sign-in page",
		Long: `From the next login on, the provider skips the sign-in page and signs EMAIL in. --ask shows the page
again. Whoever is signed in now stays signed in until they sign out.`,
		Example:           "  sdev auth use alice@example.com\n  sdev auth use --ask",
		ValidArgsFunction: a.completePeople,
		RunE: func(cmd *cobra.Command, args []string) error {
			a.JSON = o.json
			o.emails = args
			if err := o.validate(); err != nil {
				return err
			}
			return run(cmd.Context(), o)
		},
	}
	cmd.Flags().BoolVar(&o.ask, "ask", false, "show the sign-in page again")
	cmd.Flags().BoolVar(&o.json, "json", false, "print the provider's state as one JSON object")
	return cmd
}

func (o useOptions) validate() error {
	if o.ask == (len(o.emails) > 0) || len(o.emails) > 1 {
		return dev.UsageError("sdev auth use takes one e-mail address, or --ask", "for example: sdev auth use alice@example.com")
	}
	return nil
}

func (a *commands) runUse(ctx context.Context, o useOptions) error {
	who, state, err := Use(ctx, a.Console, strings.Join(o.emails, ""))
	if err != nil {
		return err
	}
	text := "the next login shows the sign-in page"
	if who.Email != "" {
		text = who.Email + " is signed in from the next login on, without the sign-in page"
	}
	return a.printState(state, o.json, text)
}

// Use makes the provider of the running project sign a person in from the next login on, or ask again if email is empty. It
// returns the person, and the provider's state.
func Use(ctx context.Context, c *console.Console, email string) (who dev.Person, state oidc.State, err error) {
	r, err := c.RequireRunning(ctx)
	if err != nil {
		return who, state, err
	}
	defer r.Close()
	if email != "" {
		auth := r.Project.Settings.Auth
		var ok bool
		if who, ok = auth.Person(email); !ok {
			var have []string
			for _, p := range auth.People() {
				have = append(have, p.Email)
			}
			return who, state, dev.UsageError(email+" is not one of the project's people", "one of: "+strings.Join(have, ", "))
		}
	}
	state, err = r.Steer(ctx, r.Engine.Exec, oidc.Command{Do: oidc.DoUse, Email: who.Email})
	return who, state, err
}
