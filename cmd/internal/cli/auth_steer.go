package cli

// How a command reaches the provider of a project that runs.

import (
	"context"

	"sdev/dev"
	"sdev/dev/gateway"
	"sdev/dev/oidc"
)

// steer sends one command to the provider of the project here. The caller closes what runs.
func (a *app) steer(ctx context.Context, c oidc.Command) (oidc.State, error) {
	r, err := a.find(ctx)
	if err != nil {
		return oidc.State{}, err
	}
	defer r.close()
	return r.steer(ctx, c)
}

func (r running) steer(ctx context.Context, c oidc.Command) (oidc.State, error) {
	if err := r.signsIn(); err != nil {
		return oidc.State{}, err
	}
	status, err := r.ask(ctx, gateway.Request{Do: gateway.DoAuth, Auth: c})
	return status.Auth, err
}

// signsIn is an error that says what to do where nobody can sign in.
func (r running) signsIn() error {
	if _, ok := r.sidecar(); !ok {
		return &dev.Error{Code: dev.CodeNotRunning, Exit: dev.ExitFailed, Message: "project " + r.project.Name + " does not run", Hint: "run: sdev up --with-auth"}
	}
	if !r.mode().SignsIn() {
		return &dev.Error{Code: dev.CodeAuthOff, Exit: dev.ExitFailed, Message: "project " + r.project.Name + " runs with its login bypassed", Hint: "run: sdev up --with-auth"}
	}
	return nil
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
