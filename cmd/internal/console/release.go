package console

import (
	"context"
	"errors"
	"io"

	"sdev/dev"
	"sdev/dev/docker"
	"sdev/dev/handoff"
	"sdev/dev/plan"
	"sdev/dev/release"
	"sdev/dev/session"
	"sdev/templates"
)

// targetParams are the names that x-sdev.deploy can set, by target.
func targetParams() map[string][]string {
	out := map[string][]string{}
	for _, t := range handoff.Targets() {
		out[t.Name] = t.ParamNames()
	}
	return out
}

// Gather reads the project, finds the script that is the app, and collects the facts that a hand-off needs.
func (c *Console) Gather(ctx context.Context, choice session.EntryChoice) (*release.Project, error) {
	p, err := c.Load(ctx, session.Options{Entry: choice, Shipped: true})
	if err != nil {
		return nil, err
	}
	found, err := session.Inspect(ctx, p, choice)
	if err != nil {
		return nil, err
	}
	return c.Releaser().Gather(ctx, p, found)
}

// Releaser prepares hand-offs on this machine. It prints the steps of a build, unless the output is JSON.
func (c *Console) Releaser() *release.Releaser {
	progress := c.Printer(View{})
	return &release.Releaser{Dir: c.Dir, Guard: c.Guard(), Env: c.Env, Getenv: c.Getenv, Now: c.Now, Version: c.Version,
		Templates: templates.Targets(), TemplatesVersion: templates.TargetsVersion, CacheDir: c.CacheDir,
		OpenEngine: func(ctx context.Context) (release.Engine, error) {
			e, err := c.Open(ctx)
			return releaseEngine{e, c.Host()}, err
		},
		Emit: func(e dev.Event) {
			if !c.JSON {
				_ = progress.Print(dev.Stamped{Time: c.Now(), Event: e}) // fails only if nobody reads the output any more
			}
		}}
}

// releaseEngine is the container engine as package release sees it.
type releaseEngine struct {
	Engine
	host session.Host
}

func (e releaseEngine) Inspect(ctx context.Context, ref string) (release.Image, error) {
	s, err := e.Release.IdentifyImage(ctx, ref)
	return release.Image(s), err
}

func (e releaseEngine) Build(ctx context.Context, b plan.Build, emit func(dev.Event)) (string, error) {
	return e.Images.Build(ctx, b, emit)
}

func (e releaseEngine) Save(ctx context.Context, ref string) (io.ReadCloser, error) {
	return e.Release.Save(ctx, ref)
}

func (e releaseEngine) Start(ctx context.Context, t release.SmokeTest) (release.Container, error) {
	gateway, err := session.GatewayProgram(ctx, e.host, e.Containers)
	if err != nil {
		return nil, err
	}
	tried, err := e.Release.StartSmokeTest(ctx, docker.SmokeTest{Project: t.Project, Image: t.Image, Command: t.Command, Env: t.Env, Scratch: t.Scratch, Port: t.Port, Gateway: gateway.Ref})
	if failure, ok := errors.AsType[*dev.Error](err); ok && failure.Code == dev.CodeEngine {
		return nil, &release.StartError{Message: failure.Message}
	}
	return releaseContainer{tried}, err
}

// releaseContainer is a container as package release sees it.
type releaseContainer struct{ *docker.SmokeTestRun }

func (c releaseContainer) User() string { return c.SmokeTestRun.User }

// CheckTarget runs the preflight for a hand-off to a target.
func (c *Console) CheckTarget(ctx context.Context, name, image string) ([]dev.Finding, error) {
	target, err := handoff.Find(handoff.Targets(), name)
	if err != nil {
		return nil, err
	}
	p, err := c.Gather(ctx, session.EntryChoice{Required: true, Keep: true})
	if err != nil {
		return nil, err
	}
	return p.Check(ctx, release.Options{Target: target, Image: image})
}

// Silent is a copy of the console that prints nothing, for use while the dashboard owns the screen.
func (c *Console) Silent() *Console {
	b := *c
	b.Out, b.Err, b.Quiet = io.Discard, io.Discard, true
	return &b
}
