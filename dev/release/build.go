package release

import (
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/git"
	"sdev/dev/plan"
)

// Labels that say where an image comes from.
// Source: github.com/opencontainers/image-spec, annotations.md.
const (
	labelRevision = "org.opencontainers.image.revision"
	labelSource   = "org.opencontainers.image.source"
	labelVersion  = "org.opencontainers.image.version"
)

// dirtySuffix marks a revision with uncommitted changes.
const dirtySuffix = "-dirty"

// releaseBuild says how to build the image that ships: from the working tree, by the build section of the service or
// the recipe that sdev derived, without anything that sdev adds for development. Labels name the commit, and say
// whether there are uncommitted changes.
func (p *Project) releaseBuild(repo git.Repository) (plan.Build, error) {
	c, service := p.config, p.service
	if service.Build == nil {
		return plan.Build{}, &dev.Error{Code: dev.CodeProjectInvalid, Exit: dev.ExitProject, Message: "service " + service.Name + " has no build section: it names the image " + service.Image,
			Hint: "hand over that image with --image " + service.Image + ", or add a build section to the compose file: build: ."}
	}
	machine, _, err := config.ReadMachine(c, p.releaser.Getenv, p.releaser.Now())
	if err != nil {
		return plan.Build{}, err
	}
	b := plan.BuildOf(c.Model, service, c.Name+"-release:"+releaseTag(repo))
	b.Tags = nil // the compose file's tags are for "docker compose build"
	b.Ships, b.CA, b.Proxy = true, machine.CA.PEM, machine.Proxy
	if _, own := b.Secrets["ca"]; !own && b.SecretEnv["ca"] == "" && len(machine.CA.PEM) > 0 {
		b.SecretEnv["ca"] = string(machine.CA.PEM) // for a Dockerfile that mounts this secret
	}
	b.Labels = maps.Clone(b.Labels)
	if b.Labels == nil {
		b.Labels = map[string]string{}
	}
	maps.Copy(b.Labels, releaseLabels(repo))
	if b.Epoch, err = epoch(repo, p.releaser.Getenv); err != nil {
		return plan.Build{}, err
	}
	if len(c.Files) == 0 {
		p.completeRecipe(b)
	}
	return *b, nil
}

// completeRecipe completes the build of a project without compose file and Dockerfile: the image that ships contains
// the source, which development mounts.
func (p *Project) completeRecipe(b *plan.Build) {
	if b.Inline == "" {
		return
	}
	b.Inline = p.found.Ship()
	if _, err := os.Stat(filepath.Join(b.Context, ".dockerignore")); err != nil {
		b.Ignore = []byte(strings.Join(p.found.DockerIgnore(), "\n") + "\n")
	}
}

// releaseTag is the image's tag: the short commit, with a suffix for uncommitted changes.
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

// epoch is the creation time of the image: SOURCE_DATE_EPOCH, if that is set (reproducible-builds.org), else the time
// of the commit. It is zero, which means the time of the build, without a commit or with uncommitted changes.
func epoch(repo git.Repository, getenv func(string) string) (time.Time, error) {
	const variable = "SOURCE_DATE_EPOCH"
	text := getenv(variable)
	switch {
	case text == "" && len(repo.Modified) > 0:
		return time.Time{}, nil
	case text == "":
		return repo.Time, nil
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil || seconds < 0 {
		return time.Time{}, &dev.Error{Code: dev.CodeUsage, Exit: dev.ExitUsage, Message: variable + " is " + strconv.Quote(text), Hint: "set it to seconds since 1970, or unset it"}
	}
	return time.Unix(seconds, 0), nil
}
