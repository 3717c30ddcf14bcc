package cli

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/docker"
	"sdev/dev/git"
	"sdev/dev/handoff"
	"sdev/dev/plan"
)

// Labels of an image, by which it says where it comes from.
// Source: github.com/opencontainers/image-spec, annotations.md.
const (
	labelRevision = "org.opencontainers.image.revision"
	labelSource   = "org.opencontainers.image.source"
	labelVersion  = "org.opencontainers.image.version"
)

// dirtySuffix marks a revision that is not what was committed.
const dirtySuffix = "-dirty"

// buildRelease builds the image that is handed over: the service that ships, as its build section or
// the recipe of the project has it, from the working tree, with nothing of what sdev adds for
// development. It says of itself which commit it is, and whether files differ from that.
func (a *app) buildRelease(ctx context.Context, e *docker.Engine, p *config.Project, repo git.Repository, platform string, emit func(dev.Event)) (handoff.Image, error) {
	build, err := a.releaseBuild(ctx, p, repo)
	if err != nil {
		return handoff.Image{}, err
	}
	if build.Platform == "" {
		build.Platform = platform
	}
	if _, err := e.Build(ctx, build, emit); err != nil {
		return handoff.Image{}, err
	}
	return imageOn(ctx, e, build.Tag)
}

// imageOn is what is known of an image that an engine has.
func imageOn(ctx context.Context, e *docker.Engine, ref string) (handoff.Image, error) {
	s, err := e.Shipped(ctx, ref)
	return handoff.Image{Ref: ref, ID: s.ID, Digest: s.Digest, Platform: s.Platform, Size: s.Size, Revision: s.Labels[labelRevision]}, err
}

// releaseBuild says how the image that ships is built.
func (a *app) releaseBuild(ctx context.Context, p *config.Project, repo git.Repository) (plan.Build, error) {
	service, _ := p.ReleaseService()
	if service.Build == nil {
		return plan.Build{}, &dev.Error{Code: dev.CodeProjectInvalid, Exit: dev.ExitProject, Message: "service " + service.Name + " is not built here: it names the image " + service.Image,
			Hint: "hand over that image: --image " + service.Image + ", or say how it is built: build: . in the compose file"}
	}
	machine, _, err := config.ReadMachine(p, a.Getenv, a.now())
	if err != nil {
		return plan.Build{}, err
	}
	b := asBuild(p.Model, service, p.Name+"-release:"+releaseTag(repo))
	b.Tags = nil // those are of "docker compose build"
	b.Ships, b.CA, b.Proxy = true, machine.CA.PEM, machine.Proxy
	if _, own := b.Secrets["ca"]; !own && b.SecretEnv["ca"] == "" && len(machine.CA.PEM) > 0 {
		b.SecretEnv["ca"] = string(machine.CA.PEM) // for a Dockerfile that asks for it
	}
	b.Labels = maps.Clone(b.Labels)
	if b.Labels == nil {
		b.Labels = map[string]string{}
	}
	maps.Copy(b.Labels, releaseLabels(repo))
	if b.Epoch, err = a.epoch(repo); err != nil {
		return plan.Build{}, err
	}
	if len(p.Files) == 0 {
		err = a.ownRecipe(ctx, p.Dir, b)
	}
	return *b, err
}

// ownRecipe completes the build of a project that has neither compose file nor Dockerfile: what runs
// in development has the source mounted, and what ships holds it.
func (a *app) ownRecipe(ctx context.Context, dir string, b *plan.Build) error {
	if b.Inline == "" {
		return nil
	}
	found, err := look(dir)
	if err != nil {
		return err
	}
	if err := a.chooseEntry(ctx, dir, found, entryChoice{}); err != nil {
		return err
	}
	b.Inline = found.Ship()
	if _, err := os.Stat(filepath.Join(b.Context, ".dockerignore")); err != nil {
		b.Ignore = []byte(strings.Join(dockerIgnored(found.Dockerfiles), "\n") + "\n")
	}
	return nil
}

// releaseTag names a state of the project.
func releaseTag(repo git.Repository) string {
	const short = 12
	if repo.Commit == "" {
		return "latest"
	}
	tag := repo.Commit[:min(short, len(repo.Commit))]
	if len(repo.Modified) > 0 {
		tag += dirtySuffix
	}
	return tag
}

func releaseLabels(repo git.Repository) map[string]string {
	labels := map[string]string{}
	if repo.Commit != "" {
		labels[labelRevision], labels[labelVersion] = repo.Commit, releaseTag(repo)
		if len(repo.Modified) > 0 {
			labels[labelRevision] += dirtySuffix
		}
	}
	if repo.Remote != "" {
		labels[labelSource] = repo.Remote
	}
	return labels
}

// epoch is the time that an image gets: that of its commit, unless the environment says another, as
// builders agree on (reproducible-builds.org, "SOURCE_DATE_EPOCH"). It is zero where there is neither,
// and where files differ from the commit: then it is the time of the build.
func (a *app) epoch(repo git.Repository) (time.Time, error) {
	const variable = "SOURCE_DATE_EPOCH"
	text := a.Getenv(variable)
	switch {
	case text == "" && len(repo.Modified) > 0:
		return time.Time{}, nil
	case text == "":
		return repo.Time, nil
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil || seconds < 0 {
		return time.Time{}, usage(variable+" is "+quote(text), "seconds since 1970, or unset it")
	}
	return time.Unix(seconds, 0), nil
}
