package cli

import (
	"context"

	"github.com/spf13/cobra"

	"sdev/cmd/internal/console"
	"sdev/dev/session"
)

// configOptions are the flags of "sdev config".
type configOptions struct {
	session.Options
	json bool
}

func (a *commands) newConfigCmd(run func(context.Context, configOptions) error) *cobra.Command {
	var o configOptions
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
			a.JSON = o.json
			if err := o.validate(); err != nil {
				return err
			}
			return run(cmd.Context(), o)
		},
	}
	cmd.Flags().BoolVar(&o.json, "json", false, "print the model as JSON, without comments")
	cmd.Flags().StringVar(&o.Auth, "with-auth", "", "print what \"sdev up --with-auth\" runs; `MODE` is app or native; without MODE sdev detects it")
	cmd.Flags().Lookup("with-auth").NoOptDefVal = session.DetectAuth
	cmd.Flags().StringArrayVar(&o.Profiles, "profile", nil, "activate a compose `PROFILE` (may be given several times)")
	return cmd
}

func (o configOptions) validate() error {
	return validateLoginMode(o.Auth)
}

func (a *commands) runConfig(ctx context.Context, o configOptions) error {
	s, err := session.New(ctx, a.Host(), o.Options)
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
	if o.json {
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
