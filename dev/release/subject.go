package release

import (
	"context"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/detect"
	"sdev/dev/git"
	"sdev/dev/preflight"
)

// Preflight checks a project without a target. image is an image to check as well, a reference on the engine or a file;
// "" is none. If c is nil, it checks only the image.
func (r *Releaser) Preflight(ctx context.Context, c *config.Project, found *detect.Findings, image string) ([]dev.Finding, error) {
	s := preflight.Subject{Now: r.Now()}
	if c != nil {
		repo, unreadable := git.Read(ctx, c.Dir, r.Env)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		chooseEntry(c, found)
		var err error
		if s, err = r.subject(ctx, c, found, repo, unreadable); err != nil {
			return nil, err
		}
	}
	if image != "" {
		img, done, err := r.openImage(ctx, image, s.Platform)
		if err != nil {
			return nil, err
		}
		defer done()
		s.Image = img
	}
	return preflight.Run(ctx, s)
}

// check checks everything that a hand-off would ship. own are the findings of the target and of the hand-off itself,
// which suppressions may suppress as well.
func (r *Release) check(ctx context.Context, own []dev.Finding) ([]dev.Finding, error) {
	p := r.project
	s, err := p.releaser.subject(ctx, p.config, p.found, p.Repository, nil)
	if err != nil {
		return nil, err
	}
	s.Target, s.Hosting, s.Platform, s.Built = r.options.Target.Name, r.options.Target.Hosting, r.platform(), r.options.Build
	s.App.Port, s.App.BasePath = r.facts.App.Port, r.facts.App.BasePath
	s.Repository.Modified = nil
	for _, name := range p.modified(r.Bundle) {
		s.Repository.Modified = append(s.Repository.Modified, inProject(p.config, p.Repository.Root, name))
	}
	for _, c := range r.Bundle.Changes {
		if c.Content != nil {
			s.Bundle = append(s.Bundle, preflight.File{Path: r.DisplayPath(c.Path), Data: c.Content})
		}
	}
	s.Others = own
	switch {
	case r.archive != nil:
		s.Image = r.archive
	case r.options.Image != "" || r.options.Build:
		img, done, err := p.releaser.openImage(ctx, r.facts.Image.Ref, s.Platform)
		if err != nil {
			return nil, err
		}
		defer done()
		s.Image = img
	}
	return preflight.Run(ctx, s)
}

// subject is what the checks look at in a project: its files, the conclusions from them, the service that ships, and
// the repository. unreadable is why git cannot read the repository; nil if it can. The caller adds image and bundle.
func (r *Releaser) subject(ctx context.Context, c *config.Project, found *detect.Findings, repo git.Repository, unreadable error) (preflight.Subject, error) {
	service, _ := c.ReleaseService()
	s := preflight.Subject{Now: r.Now(), Project: dev.FilesOf(c.Dir), App: appOf(c, found, service), Compose: c.Model, ComposeFiles: composeFiles(c), Service: service.Name,
		Platform: service.Platform, Suppress: c.Settings.Deploy.Suppress}
	var files, tracked []string
	if repo.Found && unreadable == nil {
		files, tracked, unreadable = repo.Files(ctx)
		if ctx.Err() != nil {
			return preflight.Subject{}, ctx.Err()
		}
	}
	switch {
	case unreadable != nil:
		s.Repository.Unreadable = unreadable.Error()
	case repo.Found:
		s.Repository = preflight.Repository{Found: true, Branch: repo.Branch, Commit: repo.Commit, Files: files, Tracked: tracked, Shallow: repo.Shallow(ctx)}
		s.Repository.Dir, _ = repo.Inside(c.Dir)
		for _, name := range repo.Modified {
			s.Repository.Modified = append(s.Repository.Modified, inProject(c, repo.Root, name))
		}
		s.History = repo
	}
	return s, nil
}

// appOf is what the checks look at in the app.
func appOf(c *config.Project, found *detect.Findings, service types.ServiceConfig) preflight.App {
	app := preflight.App{Modules: found.Modules, Port: servicePort(service), Command: slices.Concat(service.Entrypoint, service.Command),
		Streamlit: setting(found.Streamlit), Python: setting(found.Python)}
	if e, ok := found.Entry(); ok {
		app.Entry = e.Path
	}
	for _, d := range found.Defects {
		if d.ID == "jwt.unverified" {
			d.ID = "code.unverified"
		}
		app.Defects = append(app.Defects, preflight.Defect{ID: d.ID, File: d.File, Line: d.Line, What: d.What, Fix: d.Fix})
	}
	for _, f := range found.Login.Bypassed {
		app.Bypassed = append(app.Bypassed, setting(f))
	}
	for _, f := range found.Login.Optional {
		app.Optional = append(app.Optional, setting(f))
	}
	if b := service.Build; b != nil && b.DockerfileInline == "" {
		addCopies(&app, c, found, b)
	}
	return app
}

// addCopies adds the instructions of the Dockerfile, and separately those that copy files of the build context into the
// image that ships.
func addCopies(app *preflight.App, c *config.Project, found *detect.Findings, b *types.BuildConfig) {
	rel, err := filepath.Rel(c.Dir, b.Context)
	if err != nil || strings.HasPrefix(rel, "..") {
		return
	}
	dockerfile := b.Dockerfile
	if dockerfile == "" {
		dockerfile = "Dockerfile"
	}
	app.Context = filepath.ToSlash(rel)
	d, ok := found.Image(app.Context, filepath.ToSlash(dockerfile), b.Target)
	if !ok {
		return
	}
	for _, step := range d.Steps {
		app.Steps = append(app.Steps, setting(step))
	}
	for _, c := range d.Copies {
		app.Copies = append(app.Copies, preflight.Copy{From: c.From, To: c.To, File: path.Clean(d.Path), Line: c.Line})
	}
}

// servicePort is the container port that the service publishes or exposes; 0 if there is none.
func servicePort(s types.ServiceConfig) int {
	for _, p := range s.Ports {
		return int(p.Target)
	}
	for _, text := range s.Expose {
		if n, err := strconv.Atoi(strings.TrimSuffix(text, "/tcp")); err == nil {
			return n
		}
	}
	return 0
}

func setting(f detect.Fact) preflight.Setting {
	return preflight.Setting{Value: f.Value, File: f.File, Line: f.Line}
}

// composeFiles are the compose files of the project's directory, relative to it.
func composeFiles(c *config.Project) []string {
	var out []string
	for _, name := range c.Files {
		if rel, err := filepath.Rel(c.Dir, name); err == nil && filepath.IsLocal(rel) {
			out = append(out, filepath.ToSlash(rel))
		}
	}
	return out
}

// inProject is a path of the repository, relative to the project.
func inProject(c *config.Project, root, name string) string {
	dir := c.Dir
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	rel, err := filepath.Rel(dir, filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		return name
	}
	return filepath.ToSlash(rel)
}
