package auth

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sdev/cmd/internal/console"
	"sdev/dev/oidc"
	"sdev/dev/session"
)

// envOptions are the flags of "sdev auth env".
type envOptions struct {
	json bool
}

func (a *commands) newEnvCmd(run func(context.Context, envOptions) error) *cobra.Command {
	var o envOptions
	cmd := &cobra.Command{
		Use:   "env",
		Short: "Print settings with which another program can use the provider",
		Long: `Prints what a program on this machine needs to use the local provider: issuer, client and secret.
Every address on localhost is allowed as its redirect address. The secret is not valid elsewhere. With a
front door it also prints the variables that the app's verification code gets.`,
		Example: "  eval \"$(sdev auth env)\" && python tool.py\n  sdev auth env --json",
		Args:    console.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a.JSON = o.json
			return run(cmd.Context(), o)
		},
	}
	cmd.Flags().BoolVar(&o.json, "json", false, "print one JSON object")
	return cmd
}

func (a *commands) runEnv(ctx context.Context, o envOptions) error {
	r, err := a.RequireRunning(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	state, err := r.Steer(ctx, r.Engine.Exec, oidc.Command{Do: oidc.DoState})
	if err != nil {
		return err
	}
	keys, err := r.Project.LoginKeys()
	if err != nil {
		return err
	}
	env := map[string]string{
		"OIDC_ISSUER": state.Issuer, "OIDC_CLIENT_ID": session.OutsideClient, "OIDC_CLIENT_SECRET": keys.Outside,
		"OIDC_DISCOVERY_URL": state.Issuer + "/.well-known/openid-configuration", "OIDC_SCOPES": "openid email profile",
	}
	maps.Copy(env, session.DoorEnvironment(r.Project, r.Mode()))
	if o.json {
		return a.PrintJSON(env)
	}
	var b console.Page
	for _, name := range slices.Sorted(maps.Keys(env)) {
		b.Add("export %s='%s'\n", name, strings.ReplaceAll(env[name], "'", `'\''`))
	}
	return a.Print(&b)
}
