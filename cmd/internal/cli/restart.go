package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"sdev/dev"
	"sdev/dev/engine"
)

// oneService is the check of arguments of commands that work on the app where no service is named.
func oneService(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return usage(fmt.Sprintf("sdev %s takes one service at most, and got %d", cmd.Name(), len(args)), "see: sdev "+cmd.Name()+" --help")
	}
	return nil
}

func (a *app) newRestartCmd() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "restart [SERVICE]",
		Short: "Restart the app, or another service",
		Long:  "Restarts the app's container, or another service's, and waits until the page answers. Open tabs show the new page by themselves.",
		Args:  oneService,
		RunE: func(cmd *cobra.Command, args []string) error {
			a.json = asJSON
			return a.runRestart(cmd.Context(), strings.Join(args, ""), asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per event")
	return cmd
}

func (a *app) runRestart(ctx context.Context, service string, asJSON bool) error {
	r, err := a.find(ctx)
	if err != nil {
		return err
	}
	defer r.close()
	if service == "" {
		service = r.project.App
	}
	if _, err := r.must(service); err != nil {
		return err
	}
	return a.withEngine(ctx, runOptions{}, view{json: asJSON}, func(_ context.Context, e *engine.Engine) error {
		return a.restart(ctx, e, r, service)
	})
}

// restart restarts a service of what runs.
func (a *app) restart(ctx context.Context, e *engine.Engine, r running, service string) error {
	p, err := e.Source(ctx)
	if err != nil {
		return err
	}
	s, _ := r.sidecar()
	run := engine.Running{Project: p, URL: r.url(), Port: s.Port, Mode: r.mode()}
	if run.Mode.SignsIn() {
		run.Issuer = dev.Issuer(s.Identity)
	}
	return e.Restart(ctx, run, service)
}

func (a *app) newRebuildCmd() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "rebuild [SERVICE]",
		Short: "Rebuild the app's image, and replace the app if it changed",
		Long: `Builds the app's image, or another service's, with the engine's cache. If the result differs the
service is replaced; while that is the app, the gateway keeps the browser's page.`,
		Args: oneService,
		RunE: func(cmd *cobra.Command, args []string) error {
			a.json = asJSON
			return a.runRebuild(cmd.Context(), strings.Join(args, ""), asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per event")
	return cmd
}

func (a *app) runRebuild(ctx context.Context, service string, asJSON bool) error {
	r, err := a.find(ctx)
	if err != nil {
		return err
	}
	defer r.close()
	if service == "" {
		service = r.project.App
	}
	want, err := rebuildOf(r, service)
	if err != nil {
		return err
	}
	return a.withEngine(ctx, a.asItRuns(r), view{json: asJSON}, func(_ context.Context, e *engine.Engine) error {
		_, err := e.Up(ctx, want)
		return err
	})
}

// rebuildOf is what brings a service that runs up to date with a new build of its image.
func rebuildOf(r running, service string) (engine.Want, error) {
	want := engine.Want{Build: true, Service: service, Keep: true}
	if service == r.project.App {
		want.How = "rebuild"
	}
	if _, err := r.must(service); err != nil {
		return want, err
	}
	if r.project.Model.Services[service].Build == nil {
		return want, &dev.Error{Code: dev.CodeProjectInvalid, Exit: dev.ExitProject, Message: "service " + service + " has no build section: there is nothing to rebuild", Hint: "add build: to it in the compose file"}
	}
	return want, nil
}

// asItRuns are the options by which a project goes on as it runs now.
func (a *app) asItRuns(r running) runOptions {
	var o runOptions
	if s, ok := r.sidecar(); ok {
		o.sync, o.mount = s.Root == "", s.Root != ""
		o.aws = a.awsStatus(r).Source
		o.auth, o.as = r.login()
	}
	return o
}
