package cli

import (
	"cmp"
	"context"
	"slices"

	"github.com/spf13/cobra"

	"sdev/dev/config"
	"sdev/dev/engine"
	"sdev/dev/plan"
)

func (a *app) newConfigCmd() *cobra.Command {
	var asJSON bool
	var o runOptions
	var auth string
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Print the effective compose model, each derived value with its source",
		Long: `Prints what "sdev up --local" runs, as a compose file: your own model, and what sdev
derives from it, each such value with a comment that says where it comes from. The
file can be run by "docker compose" alone, once sdev has run the project in that mode.
It holds no secrets: those are in files that it names, and where an address has a password
in it (of a proxy, an index, a repository, a database) a variable stands for that.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a.json = asJSON
			if o.auth = auth; !slices.Contains(append(config.LoginModes(), detected, ""), auth) {
				return wrongMode(auth)
			}
			return a.runConfig(cmd.Context(), asJSON, o)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the model as JSON, without comments")
	cmd.Flags().StringVar(&auth, "with-auth", "", "print what \"sdev up --with-auth\" runs; `MODE` is app or native, and else found out")
	cmd.Flags().Lookup("with-auth").NoOptDefVal = detected
	cmd.Flags().StringArrayVar(&o.profiles, "profile", nil, "activate a compose `PROFILE` (may be given several times)")
	return cmd
}

func (a *app) runConfig(ctx context.Context, asJSON bool, o runOptions) error {
	p, err := a.load(ctx, o)
	if err != nil {
		return err
	}
	e, err := a.effective(ctx, p, o)
	if err != nil {
		return err
	}
	if asJSON {
		b, err := e.JSON()
		if err != nil {
			return err
		}
		err = a.printf("%s\n", b)
		return err
	}
	b, err := e.YAML()
	if err != nil {
		return err
	}
	_, err = a.out().Write(b)
	return err
}

// effective derives the model without touching anything. What only the engine knows (the image,
// the port in use) is asked where one answers, and assumed where none does.
func (a *app) effective(ctx context.Context, p *config.Project, o runOptions) (*config.Effective, error) {
	parts, _, err := a.parts(p)
	if err != nil {
		return nil, err
	}
	login, err := newSignIn(p, o)
	if err != nil {
		return nil, err
	}
	parts.Mode = login.mode
	// The secrets that were written name the ports of the run they were written for.
	last := engine.LastPorts(p.StatePath(), p.WantedPort())
	parts.Port, parts.Identity = cmp.Or(last.App, parts.Port), cmp.Or(last.Identity, parts.Identity)
	if r, err := a.seek(ctx); err == nil {
		defer r.close()
		if s, ok := r.sidecar(); ok {
			parts.Port, parts.Identity, parts.Sync = s.Port, s.Identity, s.Root == ""
		}
		if info, found, err := r.engine.Image(ctx, plan.ImageName(p.Name, p.Model.Services[p.App])); err == nil && found {
			parts.Image = imageFacts(info)
		}
	}
	parts.Login = login.surroundings(p, engine.Ports{App: parts.Port, Identity: parts.Identity})
	return config.Overlay(p, parts)
}
