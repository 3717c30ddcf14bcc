package cli

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"sdev/cmd/internal/console"
	"sdev/dev/config"
	"sdev/dev/session"
)

func (a *commands) newConfigCmd() *cobra.Command {
	var asJSON bool
	var o session.Options
	var auth string
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Print the compose model that runs, each derived value with its source",
		Long: `Prints what "sdev up --local" runs, as a compose file: your own model plus what sdev derives from
it. A comment on each derived value says where it comes from. Once sdev has run the project in
that mode, "docker compose" alone can run the file too. The file contains no secrets: it names the
files that hold them, and has a variable in place of a password in an address (of a proxy, an
index, a repository or a database).`,
		Args: console.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a.JSON = asJSON
			if o.Auth = auth; !slices.Contains(append(config.LoginModes(), session.DetectAuth, ""), auth) {
				return wrongMode(auth)
			}
			return a.runConfig(cmd.Context(), asJSON, o)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the model as JSON, without comments")
	cmd.Flags().StringVar(&auth, "with-auth", "", "print what \"sdev up --with-auth\" runs; `MODE` is app or native; without MODE sdev detects it")
	cmd.Flags().Lookup("with-auth").NoOptDefVal = session.DetectAuth
	cmd.Flags().StringArrayVar(&o.Profiles, "profile", nil, "activate a compose `PROFILE` (may be given several times)")
	return cmd
}

func (a *commands) runConfig(ctx context.Context, asJSON bool, o session.Options) error {
	s, err := session.New(ctx, a.Host(), o)
	if err != nil {
		return err
	}
	var containers *session.Containers
	if runtime, err := a.Open(ctx); err == nil { // without an engine, ports and image have defaults
		defer runtime.Close() //nolint:errcheck // the connection is only read from
		containers = &runtime.Containers
	}
	e, err := s.Effective(ctx, containers)
	if err != nil {
		return err
	}
	if asJSON {
		b, err := e.JSON()
		if err != nil {
			return err
		}
		err = a.Printf("%s\n", b)
		return err
	}
	b, err := e.YAML()
	if err != nil {
		return err
	}
	_, err = a.Stdout().Write(b)
	return err
}
