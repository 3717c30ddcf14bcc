package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/build"
	"github.com/docker/docker/api/types/registry"

	"sdev/dev"
)

// buildClassic builds with the classic builder. Docker's supports no mounts, no secrets and no SSH: buildClassic
// refuses a build that needs them before it sends anything. Podman's supports them.
func (e *Engine) buildClassic(ctx context.Context, r *recipe, emit func(dev.Event)) error {
	if err := r.checkClassicShip(); err != nil {
		return err
	}
	if podman, err := e.podman(ctx); err != nil {
		return err
	} else if err := r.checkClassic(); err != nil && !podman {
		return err
	}
	options, err := e.classicOptions(ctx, r)
	if err != nil {
		return err
	}
	var body io.Reader
	if options.RemoteContext == "" {
		dir, err := r.pack(ctx)
		if err != nil {
			return err
		}
		defer dir.Close()
		body = dir
	}
	response, err := e.api.ImageBuild(ctx, body, options)
	if err != nil {
		return r.failed(errors.New(engineText(err)), "", nil)
	}
	defer response.Body.Close()
	steps := &classicSteps{service: r.Service, names: r.displayNames(), emit: emit, now: time.Now}
	if err := steps.read(response.Body); err != nil {
		name, tail := steps.failure()
		return r.failed(err, name, tail)
	}
	return nil
}

// podman reports whether the engine is podman, whose builder has the classic API and BuildKit's features.
func (e *Engine) podman(ctx context.Context) (bool, error) {
	version, err := e.api.ServerVersion(ctx)
	if err != nil {
		return false, engineError("read the engine's version", err)
	}
	return slices.ContainsFunc(version.Components, func(c types.ComponentVersion) bool { return strings.HasPrefix(c.Name, "Podman") }), nil
}

// checkClassic refuses a build that needs a feature of BuildKit. The error names the line of the Dockerfile.
func (r *recipe) checkClassic() error {
	const hint = "enable BuildKit: unset DOCKER_BUILDKIT, or set \"features\": {\"buildkit\": true} in the engine's daemon.json"
	refuse := func(line int, what string) error {
		return &dev.Error{Code: dev.CodeBuildFailed, Exit: dev.ExitFailed, File: r.dockerfilePath(), Line: line,
			Message: what + " needs BuildKit, but the engine builds service " + r.Service + " with its classic builder", Hint: hint}
	}
	if r.file != nil {
		for kind, line := range r.file.Mounts() {
			return refuse(line, "RUN --mount=type="+kind)
		}
		if what, since := r.file.Newest(); since > 0 {
			return refuse(0, what)
		}
	}
	if len(r.SSH) > 0 {
		return refuse(0, "build.ssh")
	}
	if remote(r.Context) && r.content != nil {
		return refuse(0, "dockerfile_inline with a remote context")
	}
	return nil
}

func (e *Engine) classicOptions(ctx context.Context, r *recipe) (build.ImageBuildOptions, error) {
	o := build.ImageBuildOptions{Version: build.BuilderV1, Tags: append([]string{r.Tag}, r.Tags...), Dockerfile: packedName, Target: r.Target,
		NoCache: r.NoCache, PullParent: r.Pull && !r.replacesBases(), Platform: r.Platform, NetworkMode: r.Network, Labels: r.Labels,
		Remove: true, ForceRemove: true, BuildArgs: map[string]*string{}, AuthConfigs: map[string]registry.AuthConfig{}}
	if remote(r.Context) {
		o.RemoteContext, o.Dockerfile = r.Context, r.path()
	}
	for _, args := range []map[string]string{r.Proxy, r.Args} {
		for k, v := range maps.All(args) {
			o.BuildArgs[k] = &v
		}
	}
	for _, from := range r.CacheFrom {
		if entry := cacheImport(from); entry.Type == "registry" {
			o.CacheFrom = append(o.CacheFrom, entry.Attrs["ref"])
		}
	}
	logins, err := dockerLogins().GetAllCredentials()
	if err != nil {
		logins = nil // a broken credential store must not fail a build that needs no login
	}
	for host, l := range logins {
		o.AuthConfigs[host] = registry.AuthConfig{Username: l.Username, Password: l.Password, ServerAddress: l.ServerAddress, IdentityToken: l.IdentityToken, RegistryToken: l.RegistryToken}
	}
	hosts, err := e.hosts(ctx, r.ExtraHosts)
	for _, h := range hosts {
		o.ExtraHosts = append(o.ExtraHosts, strings.Replace(h, "=", ":", 1))
	}
	return o, err
}

// classicSteps turns the classic builder's output into build steps.
type classicSteps struct {
	service string
	names   *strings.Replacer
	emit    func(dev.Event)
	now     func() time.Time

	at     dev.BuildStep // the current step; zero between steps
	since  time.Time     // when it began
	lines  tail
	failed bool
}

// classicStep matches the line with which a classic builder announces a step: "Step 2/3 : RUN make" from Docker's,
// "[1/2] STEP 2/3: RUN make" from podman's, which counts the steps of each stage.
var classicStep = regexp.MustCompile(`^(?:\[\d+/\d+\] )?(?:Step|STEP) (\d+)/(\d+) ?: (.*)`)

// classicCached matches the line with which a classic builder says that it has the step's result. Podman's adds the id.
var classicCached = regexp.MustCompile(`^-+> Using cache\b`)

// read reads the builder's output to its end. It returns the error that the builder reports there.
func (c *classicSteps) read(stream io.Reader) error {
	for decoder := json.NewDecoder(stream); ; {
		var m struct {
			Stream string `json:"stream"`
			Error  string `json:"error"`
		}
		switch err := decoder.Decode(&m); {
		case errors.Is(err, io.EOF):
			c.end()
			return nil
		case err != nil:
			return fmt.Errorf("read the builder's output: %w", err)
		case m.Error != "":
			c.failed = true
			return errors.New(m.Error)
		}
		c.line(m.Stream)
	}
}

func (c *classicSteps) line(text string) {
	if m := classicStep.FindStringSubmatch(text); m != nil {
		c.end()
		number, _ := strconv.Atoi(m[1]) // the expression matches only digits
		total, _ := strconv.Atoi(m[2])
		c.at = dev.BuildStep{Service: c.service, Step: number, Total: total, Text: c.names.Replace(strings.TrimSpace(m[3]))}
		c.since, c.lines = c.now(), tail{}
		c.emit(c.at)
		return
	}
	switch word := strings.TrimSpace(text); {
	case classicCached.MatchString(word):
		c.at.Cached = true
	case strings.HasPrefix(word, "---> "), strings.HasPrefix(word, "--> "), strings.HasPrefix(word, "Removing intermediate container "),
		strings.HasPrefix(word, "COMMIT "), strings.HasPrefix(word, "Successfully built "), strings.HasPrefix(word, "Successfully tagged "):
		// messages of the builder itself
	default:
		c.lines.add(text)
	}
}

// end reports the end of the current step.
func (c *classicSteps) end() {
	if c.at.Step == 0 {
		return
	}
	c.at.MS = max(c.now().Sub(c.since).Milliseconds(), 1)
	c.emit(c.at)
	c.at = dev.BuildStep{}
}

// failure returns the step that failed and the end of its output; "" if no step failed.
func (c *classicSteps) failure() (name string, output []string) {
	if !c.failed || c.at.Step == 0 {
		return "", nil
	}
	return strconv.Itoa(c.at.Step) + ", " + c.at.Text, c.lines.all()
}
