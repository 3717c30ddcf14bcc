package docker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"sdev/dev"
	"sdev/dev/docker/dockerfile"
	"sdev/dev/plan"
)

// recipe is a build with its Dockerfile read and changed.
type recipe struct {
	plan.Build
	content []byte            // the Dockerfile; nil where it lies in a remote context
	ignore  []byte            // what the file beside it, DOCKERFILE.dockerignore, holds
	file    *dockerfile.File  // as the user has it; nil where it cannot be read
	fault   error             // why it cannot be read
	shown   *strings.Replacer // sdev's names of images to those in the Dockerfile
	made    []string          // images that stand for contexts, for this build alone
}

// prepare reads the Dockerfile and changes it as far as the build needs: contexts with names become
// images, base images learn of the extra certificates, and a frontend that would have to come from
// a registry is left out where the engine's own can do the work.
func (e *Engine) prepare(ctx context.Context, r *recipe, emit func(dev.Event)) error {
	if remote(r.Context) && r.Inline == "" {
		if len(r.CA) > 0 {
			emit(dev.Warning{Code: dev.CodeBuildCA, Message: "service " + r.Service + " is built from " + withoutPassword(r.Context) + ", so its steps do not know the extra CA of this machine",
				Hint: "build it from a checkout, or let its Dockerfile use the build secret \"ca\""})
		}
		return nil
	}
	if err := r.read(); err != nil {
		return err
	}
	if r.file, r.fault = dockerfile.Parse(r.content); r.fault != nil {
		return nil // the builder names the fault, in the words of its own version
	}
	return e.adapt(ctx, r, emit)
}

// read takes the Dockerfile from disk, or as the compose file has it.
func (r *recipe) read() error {
	if r.Inline != "" {
		r.content = []byte(r.Inline)
		return nil
	}
	path := r.path()
	var err error
	if r.content, err = os.ReadFile(path); err != nil {
		return &dev.Error{Code: dev.CodeProjectInvalid, Exit: dev.ExitProject, Cause: err,
			Message: fmt.Sprintf("service %s is built from %s, which cannot be read: %v", r.Service, path, errors.Unwrap(err)),
			Hint:    "correct build.context and build.dockerfile in the compose file"}
	}
	if r.ignore, err = os.ReadFile(path + ".dockerignore"); err != nil {
		r.ignore = nil // usual: the context's own .dockerignore counts then
	}
	return nil
}

// path is where the Dockerfile lies.
func (r *recipe) path() string {
	name := r.Dockerfile
	if name == "" {
		name = "Dockerfile"
	}
	if filepath.IsAbs(name) || remote(r.Context) {
		return name
	}
	return filepath.Join(r.Context, name)
}

// remote says whether a context is an address. Source: what "docker build" takes for one.
func remote(context string) bool {
	for _, prefix := range []string{"http://", "https://", "git://", "ssh://", "git@", "github.com/"} {
		if strings.HasPrefix(context, prefix) {
			return true
		}
	}
	return false
}

// adapt changes the Dockerfile in memory.
func (e *Engine) adapt(ctx context.Context, r *recipe, emit func(dev.Event)) error {
	change := dockerfile.Change{Bases: map[int]string{}, Sources: map[string]string{}}
	var names []string
	for name, context := range r.Contexts {
		image, err := e.contextImage(ctx, r.Build, name, context)
		if err != nil {
			return err
		}
		change.Sources[name] = image
		if strings.HasPrefix(image, contextName+":") {
			r.made = append(r.made, image)
		}
		names = append(names, "docker.io/library/"+image, name, image, name)
	}
	setting := dockerfile.Setting{Target: r.Target, Args: r.Args, Platform: r.Platform, Contexts: change.Sources}
	trust := len(r.CA) > 0 && !r.file.HasSecret("ca")
	syntax := dockerfile.Syntax(r.content)
	if trust || syntax != "" || len(r.Contexts) > 0 {
		version, err := e.api.ServerVersion(ctx)
		if err != nil {
			return refused("ask the engine for its version", err)
		}
		setting.Engine = version.Os + "/" + version.Arch
		change.Syntax = r.ownFrontend(syntax, version.Version, emit)
	}
	for _, base := range r.file.Bases(setting) {
		if base.Given {
			change.Bases[base.Line] = base.Ref
		}
		if !trust {
			continue
		}
		image, err := e.trusting(ctx, r, base, emit)
		if err != nil {
			return err
		}
		if image != "" {
			if base.Given && strings.HasPrefix(base.Ref, contextName+":") {
				r.made = append(r.made, image)
			}
			change.Bases[base.Line] = image
			names = append(names, "docker.io/library/"+image, base.Ref, image, base.Ref)
		}
	}
	change.Hidden = r.hiddenProxy(emit)
	r.content, r.shown = r.file.Rewrite(change), strings.NewReplacer(names...)
	return nil
}

// ownFrontend decides whether the line that names a frontend is left out: it makes the engine ask a
// registry at every build, and what it asks for is mostly what the engine has built in.
func (r *recipe) ownFrontend(syntax, engine string, emit func(dev.Event)) bool {
	name := strings.TrimPrefix(strings.TrimPrefix(syntax, "docker.io/"), "index.docker.io/")
	repository, tag, _ := strings.Cut(name, ":")
	if repository != "docker/dockerfile" || strings.Contains(tag, "labs") || strings.Contains(tag, "@") {
		return false
	}
	major, _, _ := strings.Cut(engine, ".")
	have, err := strconv.Atoi(major)
	if err != nil {
		return false
	}
	used, since := r.file.Newest()
	if since > have {
		emit(dev.BuildStep{Service: r.Service, Text: fmt.Sprintf("%s is asked of a registry: %s needs Docker %d, and this is %s", syntax, used, since, engine)})
		return false
	}
	emit(dev.BuildStep{Service: r.Service, Text: "# syntax=" + syntax + " is left out: the engine's own frontend can do it"})
	return true
}

// hiddenProxy gives the proxy variables that the Dockerfile need not declare: commands see them
// anyway, and what is declared stays in the image's history with its value. One that the Dockerfile
// puts into the image itself is said.
func (r *recipe) hiddenProxy(emit func(dev.Event)) map[string]bool {
	hidden := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(r.Proxy)) {
		if _, own := r.Args[name]; own {
			continue
		}
		if line := r.file.Bakes(name); line > 0 {
			emit(dev.Warning{Code: dev.CodeBuildProxy, Message: fmt.Sprintf("%s:%d puts this machine's %s into the image", r.displayed(), line, name),
				Hint: "take it away: builds and the app get the proxy without it"})
			continue
		}
		hidden[name] = true
	}
	return hidden
}
