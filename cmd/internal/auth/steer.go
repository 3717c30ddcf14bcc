package auth

// How a command reaches the provider of a project that runs.

import (
	"context"

	"sdev/dev/oidc"
)

// steer sends one command to the provider of the project here. The caller closes what runs.
func (a *commands) steer(ctx context.Context, c oidc.Command) (oidc.State, error) {
	r, err := a.RequireRunning(ctx)
	if err != nil {
		return oidc.State{}, err
	}
	defer r.Close()
	return r.Steer(ctx, r.Engine.Exec, c)
}

// told prints what a command has changed.
func (a *commands) told(state oidc.State, asJSON bool, text string) error {
	if asJSON {
		return a.PrintJSON(state)
	}
	if a.Quiet {
		return nil
	}
	err := a.Printf("%s\n", text)
	return err
}
