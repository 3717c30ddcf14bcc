package cli

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

// subject is what the checks look at of a project: its files, what is concluded from them, the
// service that ships, and the repository. Image and bundle are the caller's to add.
func (a *app) subject(ctx context.Context, p *config.Project, found *detect.Findings, repo git.Repository) (preflight.Subject, error) {
	service, _ := p.ReleaseService()
	s := preflight.Subject{Now: a.now(), Project: dev.FilesOf(p.Dir), App: appOf(p, found, service), Compose: p.Model, ComposeFiles: composeFiles(p), Service: service.Name,
		Platform: service.Platform, Suppress: p.Settings.Deploy.Suppress}
	if repo.Found {
		files, tracked, err := repo.Files(ctx)
		if err != nil {
			return preflight.Subject{}, err
		}
		s.Repository = preflight.Repository{Found: true, Branch: repo.Branch, Commit: repo.Commit, Files: files, Tracked: tracked, Shallow: repo.Shallow(ctx)}
		s.Repository.Dir, _ = repo.Inside(p.Dir)
		for _, name := range repo.Modified {
			s.Repository.Modified = append(s.Repository.Modified, inProject(p, repo.Root, name))
		}
		s.History = repo
	}
	return s, nil
}

func appOf(p *config.Project, found *detect.Findings, service types.ServiceConfig) preflight.App {
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
		copies(&app, p, found, b)
	}
	return app
}

// copies are the instructions that take files of the build context into the image that ships.
func copies(app *preflight.App, p *config.Project, found *detect.Findings, b *types.BuildConfig) {
	rel, err := filepath.Rel(p.Dir, b.Context)
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

// servicePort is the port in the container that the service publishes or exposes; 0 where it says none.
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

// composeFiles are the compose files relative to the project; one that lies elsewhere is left out.
func composeFiles(p *config.Project) []string {
	var out []string
	for _, name := range p.Files {
		if rel, err := filepath.Rel(p.Dir, name); err == nil && filepath.IsLocal(rel) {
			out = append(out, filepath.ToSlash(rel))
		}
	}
	return out
}
