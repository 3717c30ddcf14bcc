package auth

import (
	"context"

	"sdev/dev/oidc"
)

// steer sends a command to the provider of the running project, and returns the provider's state.
func (a *commands) steer(ctx context.Context, c oidc.Command) (oidc.State, error) {
	r, err := a.RequireRunning(ctx)
	if err != nil {
		return oidc.State{}, err
	}
	defer r.Close()
	return r.Steer(ctx, r.Engine.Exec, c)
}

// printState prints the state after a command: as JSON, or as the text.
func (a *commands) printState(state oidc.State, asJSON bool, text string) error {
	if asJSON {
		return a.PrintJSON(state)
	}
	if a.Quiet {
		return nil
	}
	err := a.Printf("%s\n", text)
	return err
}
