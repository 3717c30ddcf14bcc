package cli

// How a command reaches the provider of a project that runs.

import (
	"context"

	"sdev/dev/oidc"
)

// steer sends one command to the provider of the project here. The caller closes what runs.
func (a *app) steer(ctx context.Context, c oidc.Command) (oidc.State, error) {
	r, err := a.find(ctx)
	if err != nil {
		return oidc.State{}, err
	}
	defer r.close()
	return r.Steer(ctx, r.engine, c)
}

// told prints what a command has changed.
func (a *app) told(state oidc.State, asJSON bool, text string) error {
	if asJSON {
		return a.printJSON(state)
	}
	if a.quiet {
		return nil
	}
	err := a.printf("%s\n", text)
	return err
}
