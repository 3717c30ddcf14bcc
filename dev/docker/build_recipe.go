package docker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"sdev/dev"
	"sdev/dev/docker/dockerfile"
	"sdev/dev/plan"
)

// recipe is a build with its parsed and changed Dockerfile.
type recipe struct {
	plan.Build
	content      []byte           // the Dockerfile; nil if it lies in a remote context
	ignore       []byte           // content of DOCKERFILE.dockerignore
	file         *dockerfile.File // the user's Dockerfile; nil if it cannot be parsed
	parseErr     error            // why it cannot be parsed
	newerFeature string           // why the engine's own frontend is too old for the Dockerfile; "" if it is not
	replacements []string         // pairs for strings.NewReplacer: sdev's image, the Dockerfile's name for it
	tempImages   []string         // images of named contexts, removed after the build
	runs         bool             // the build runs commands
}

// prepare reads the Dockerfile and changes it as the build needs: named contexts become images, base images get
// the extra CA, and the line # syntax= is dropped if the engine's own frontend supports the Dockerfile.
func (e *Engine) prepare(ctx context.Context, r *recipe, emit func(dev.Event)) error {
	if remote(r.Context) && r.Inline == "" {
		if len(r.CA) > 0 {
			emit(dev.Warning{Code: dev.CodeBuildCA, Message: "service " + r.Service + " is built from " + withoutPassword(r.Context) + ", so its steps do not trust this machine's extra CA",
				Hint: "build it from a checkout, or let its Dockerfile use the build secret \"ca\""})
		}
		return nil
	}
	if err := r.read(); err != nil {
		return err
	}
	if r.file, r.parseErr = dockerfile.Parse(r.content); r.parseErr != nil {
		return nil // the builder reports the error
	}
	if !r.Ships && len(r.file.Mounts()) > 0 {
		if err := e.dropMounts(ctx, r); err != nil {
			return err
		}
	}
	return e.adapt(ctx, r, emit)
}

// dropMounts rewrites a Dockerfile whose mounts only make a build faster, if Docker's classic builder builds it.
func (e *Engine) dropMounts(ctx context.Context, r *recipe) error {
	classic, err := e.classic(ctx)
	if err != nil || !classic {
		return err
	}
	podman, err := e.podman(ctx)
	if err != nil || podman {
		return err
	}
	if plain, err := dockerfile.Parse(r.file.Classic()); err == nil {
		r.content, r.file = r.file.Classic(), plain
	}
	return nil
}

// read reads the Dockerfile from disk, or from the compose file.
func (r *recipe) read() error {
	if r.Inline != "" {
		r.content, r.ignore = []byte(r.Inline), r.Ignore
		return nil
	}
	path := r.path()
	var err error
	if r.content, err = dev.ReadFile(path); err != nil {
		return &dev.Error{Code: dev.CodeProjectInvalid, Exit: dev.ExitProject, Cause: err,
			Message: fmt.Sprintf("service %s is built from %s, which cannot be read: %v", r.Service, path, errors.Unwrap(err)),
			Hint:    "correct build.context and build.dockerfile in the compose file"}
	}
	if r.ignore, err = dev.ReadFile(path + ".dockerignore"); err != nil {
		r.ignore = nil // usually it does not exist, and the context's .dockerignore applies
	}
	return nil
}

// path is the path of the Dockerfile.
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

// remote reports whether a context is a URL, by the same rule as "docker build".
func remote(context string) bool {
	for _, prefix := range []string{"http://", "https://", "git://", "ssh://", "git@", "github.com/"} {
		if strings.HasPrefix(context, prefix) {
			return true
		}
	}
	return false
}

// adapt rewrites the Dockerfile in memory: base images, named contexts, proxy variables and the line # syntax=.
func (e *Engine) adapt(ctx context.Context, r *recipe, emit func(dev.Event)) error {
	images, err := e.contextImages(ctx, r)
	if err != nil {
		return err
	}
	version, err := e.version(ctx)
	if err != nil {
		return err
	}
	if used, since := r.file.Newest(); since > major(version.Version) {
		r.newerFeature = fmt.Sprintf("%s needs Docker %d, but the engine is %s", used, since, version.Version)
	}
	if r.Ships {
		r.Platform = cmp.Or(r.Platform, version.Os+"/"+version.Arch) // the frontend runs in this process, but must not use this machine's platform
	}
	change := dockerfile.Change{Sources: images, Hidden: r.hiddenProxy(emit), Syntax: r.dropSyntax(emit)}
	setting := dockerfile.Setting{Target: r.Target, Args: r.Args, Platform: r.Platform, Engine: version.Os + "/" + version.Arch, Contexts: images}
	bases := r.file.Bases(setting)
	r.runs = slices.ContainsFunc(bases, func(b dockerfile.Base) bool { return b.Runs })
	if change.Bases, err = e.bases(ctx, r, bases, emit); err != nil {
		return err
	}
	var refs []string
	for _, b := range bases {
		refs = append(refs, b.Ref)
	}
	if line, image := e.continueFrom(ctx, r, refs); line > 0 {
		change.Bases[line] = image
		emit(dev.BuildStep{Service: r.Service, Text: "continue from the image of the last build: only its packages may differ"})
	}
	r.content = r.file.Rewrite(change)
	if r.Ships && r.lacksCA() && r.runs && !r.shipped() {
		emit(dev.Warning{Code: dev.CodeBuildCA, Message: fmt.Sprintf("the Dockerfile of service %s uses the frontend %s, so its steps do not trust this machine's extra CA", r.Service, dockerfile.Syntax(r.content)),
			Hint: "remove the line # syntax=, or let the Dockerfile use the build secret \"ca\""})
	}
	return nil
}

// contextImages builds the images of named contexts and returns their names.
func (e *Engine) contextImages(ctx context.Context, r *recipe) (map[string]string, error) {
	images := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(r.Contexts)) {
		image, err := e.contextImage(ctx, r.Build, name, r.Contexts[name])
		if err != nil {
			return nil, err
		}
		images[name] = image
		r.recordReplacement(image, name)
	}
	return images, nil
}

// bases returns the replacements of base images, by the line of their FROM.
func (e *Engine) bases(ctx context.Context, r *recipe, bases []dockerfile.Base, emit func(dev.Event)) (map[int]string, error) {
	out := map[int]string{}
	for _, base := range bases {
		if base.Given {
			out[base.Line] = base.Ref
		}
		if !r.replacesBases() {
			continue
		}
		image, err := e.baseWithCA(ctx, r, base, emit)
		if err != nil {
			return nil, err
		}
		if image != "" {
			out[base.Line] = image
			r.recordReplacement(image, base.Ref)
		}
	}
	return out, nil
}

// recordReplacement records that an image of sdev's replaces a name in the Dockerfile. Images of named contexts, and
// those derived from them, are removed after the build.
func (r *recipe) recordReplacement(image, name string) {
	if strings.HasPrefix(image, contextName+":") || strings.HasPrefix(name, contextName+":") {
		r.tempImages = append(r.tempImages, image)
	}
	r.replacements = append(r.replacements, "docker.io/library/"+image, name, image, name)
}

// displayNames returns a replacer of sdev's image names by those of the Dockerfile, for messages.
func (r *recipe) displayNames() *strings.Replacer { return strings.NewReplacer(r.replacements...) }

// major returns the first number of a version; 0 if there is none.
func major(version string) int {
	first, _, _ := strings.Cut(version, ".")
	n, err := strconv.Atoi(first)
	if err != nil {
		return 0
	}
	return n
}

// dropSyntax decides whether to drop the line # syntax=: it makes the engine contact a registry at every build,
// mostly for a frontend that the engine has built in.
func (r *recipe) dropSyntax(emit func(dev.Event)) bool {
	syntax := dockerfile.Syntax(r.content)
	name := strings.TrimPrefix(strings.TrimPrefix(syntax, "docker.io/"), "index.docker.io/")
	repository, tag, _ := strings.Cut(name, ":")
	if repository != "docker/dockerfile" || strings.Contains(tag, "labs") || strings.Contains(tag, "@") {
		return false
	}
	if r.newerFeature != "" && !r.Ships {
		emit(dev.BuildStep{Service: r.Service, Text: "the registry provides " + syntax + ": " + r.newerFeature})
		return false
	}
	owner := "the engine's own"
	if r.Ships {
		owner = "sdev's own"
	}
	emit(dev.BuildStep{Service: r.Service, Text: "# syntax=" + syntax + " is ignored: " + owner + " frontend supports the Dockerfile"})
	return true
}

// hiddenProxy returns the proxy variables whose ARG lines are dropped: commands see the variables anyway, and a
// declared one would leave its value in the image's history. It warns about a variable that the Dockerfile itself
// puts into the image, and keeps it from a build that ships.
func (r *recipe) hiddenProxy(emit func(dev.Event)) map[string]bool {
	hidden := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(r.Proxy)) {
		if _, own := r.Args[name]; own {
			continue
		}
		if line := r.file.Bakes(name); line > 0 && r.Ships {
			r.Proxy = maps.Clone(r.Proxy)
			delete(r.Proxy, name)
			emit(dev.Warning{Code: dev.CodeBuildProxy, Message: fmt.Sprintf("%s:%d would put this machine's %s into the image that ships, so the build does not get it", r.dockerfilePath(), line, name),
				Hint: "remove the line: builds and the app get the proxy without it"})
			continue
		} else if line > 0 {
			emit(dev.Warning{Code: dev.CodeBuildProxy, Message: fmt.Sprintf("%s:%d puts this machine's %s into the image", r.dockerfilePath(), line, name),
				Hint: "remove the line: builds and the app get the proxy without it"})
			continue
		}
		hidden[name] = true
	}
	return hidden
}
