package preflight

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"sdev/dev"
	"sdev/dev/pattern"
)

func imageRules() []Rule {
	return []Rule{
		{"image.arch", dev.Blocks, "the image has a different architecture from the platform's", "build it for the platform: docker build --platform linux/amd64", "https://docs.docker.com/build/building/multi-platform/"},
		{"image.command", dev.Blocks, "the image has neither CMD nor ENTRYPOINT, and the platform gets no command", `add to the Dockerfile: CMD ["streamlit", "run", "SCRIPT"]`, docsDockerfile + "#cmd"},
		{"image.port", dev.Blocks, "Streamlit does not listen on the port that the platform connects to", "use the same port in the command, in EXPOSE and for the platform", docsConfig},
		{"image.expose", dev.Warns, "EXPOSE does not name the port that Streamlit listens on", "EXPOSE the port of --server.port", docsDockerfile + "#expose"},
		{"image.user", dev.Warns, "the image runs as root", "create a user in the Dockerfile, and end it with USER", docsDockerfile + "#user"},
		{"image.health", dev.Informs, "the image has no health check", "add a HEALTHCHECK that requests /_stcore/health", docsDockerfile + "#healthcheck"},
		{"image.size", dev.Warns, "the image is larger than 2 GiB, so it starts slowly on a platform that pulls it each time", "use a slim base image, a build stage, and pip without a cache", "https://docs.docker.com/build/building/best-practices/"},
		{"image.git", dev.Warns, "the image contains the .git directory, or the Dockerfile copies it", "list .git in .dockerignore", docsIgnore},
		{"image.ca", dev.Warns, "the image trusts an additional certificate authority", "if only the build needs it, pass it as a secret: RUN --mount=type=secret,id=ca", docsBuildKeys},
		{"image.writable", dev.Informs, "the user that the image runs as can overwrite the app's source", "COPY without --chown, so that root owns the source, or run the image with a read-only root", docsDockerfile + "#copy"},
	}
}

// imageFacts is what configuration and layers of an image say. The zero value means that there is no image.
type imageFacts struct {
	config   *v1.ConfigFile
	env      map[string]string
	layers   []layer
	packages packages
	users    map[string]int // ids by name
}

func newImageFacts(config *v1.ConfigFile) imageFacts {
	b := imageFacts{config: config, env: map[string]string{}}
	for _, pair := range config.Config.Env {
		k, v, _ := strings.Cut(pair, "=")
		b.env[k] = v
	}
	return b
}

// commands returns what the image runs by itself.
func (b imageFacts) commands() map[string][]string {
	out := map[string][]string{"command": b.config.Config.Cmd, "entry point": b.config.Config.Entrypoint}
	if h := b.config.Config.Healthcheck; h != nil {
		out["health check"] = h.Test
	}
	return out
}

// layerSteps returns the build step that made each layer.
func layerSteps(config *v1.ConfigFile, layers int) []string {
	var out []string
	for _, h := range config.History {
		if !h.EmptyLayer {
			out = append(out, stepText(h.CreatedBy))
		}
	}
	for len(out) < layers {
		out = append(out, "made by an unknown step")
	}
	return out
}

var shellPrefix = pattern.New(`^(?:RUN )?(?:\|\d+ .*?)?/bin/sh -c (?:#\(nop\)\s*)?`)

// stepText returns a line of the image's history as its author wrote it, without values of build arguments and
// variables that may be secret.
func stepText(createdBy string) string {
	text := strings.TrimSuffix(createdBy, " # buildkit")
	if m := shellPrefix.FindString(text); m != "" {
		text = strings.TrimPrefix(text, m)
		if !strings.Contains(m, "#(nop)") {
			text = "RUN " + text
		}
	}
	words := strings.Fields(text)
	for i, word := range words {
		if name, value, ok := strings.Cut(word, "="); ok && dev.HoldsSecret(name, value) {
			words = append(words[:i:i], name+"=…") // the rest may belong to the value
			break
		}
	}
	text = strings.Join(words, " ")
	if len(credentialsIn(text)) > 0 {
		text = words[0] + " …"
	}
	const most = 60
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return cmp.Or(dev.Sanitize(text), "a step without a name")
}

// checkImage checks the image's configuration.
func (c *checker) checkImage() {
	conf := c.image.config
	at := place{where: "configuration of the image"}
	if have := conf.OS + "/" + conf.Architecture; c.Platform != "" && have != "/" && !strings.HasPrefix(c.Platform+"/", have+"/") {
		c.addWithFix("image.arch", at, "build it with --platform "+c.Platform, "the image is for %s, but the platform needs %s", have, c.Platform)
	}
	name, _, _ := strings.Cut(conf.Config.User, ":")
	if id, known := c.image.users[name]; isRoot(name) || known && id == 0 {
		if s, ok := c.service(); !ok || isRoot(s.User) {
			c.add("image.user", at, "the image runs as root")
		}
	}
	if h := conf.Config.Healthcheck; h == nil || len(h.Test) == 0 || h.Test[0] == "NONE" {
		c.add("image.health", at, "the image has no health check, so only the platform can check whether the app answers")
	}
	if len(conf.Config.Cmd) == 0 && len(conf.Config.Entrypoint) == 0 && len(c.App.Command) == 0 {
		c.add("image.command", at, "the image has neither CMD nor ENTRYPOINT")
	}
	c.checkPorts(at)
	c.checkSize()
	c.checkImageSecrets()
}

// streamlitPort returns the port that Streamlit will listen on, from flags, environment or default.
func (c *checker) streamlitPort() int {
	words := c.App.Command
	if len(words) == 0 {
		words = slices.Concat(c.image.config.Config.Entrypoint, c.image.config.Config.Cmd)
	}
	if m := findAll(portFlag, strings.Join(words, " ")); len(m) > 0 {
		port, _ := strconv.Atoi(m[len(m)-1].groups[1])
		return port
	}
	if port, err := strconv.Atoi(c.image.env["STREAMLIT_SERVER_PORT"]); err == nil {
		return port
	}
	const usual = 8501
	return usual
}

var portFlag = pattern.New(`--server\.port[= ]\s*["']?(\d+)`)

func (c *checker) checkPorts(at place) {
	// A script in the command may choose the port by itself.
	line := strings.Join(slices.Concat(c.App.Command, imageConfig(c).Entrypoint, imageConfig(c).Cmd), " ")
	known := len(findAll(portFlag, line)) > 0 || c.image.env["STREAMLIT_SERVER_PORT"] != ""
	port := c.streamlitPort()
	if known && c.App.Port != 0 && port != c.App.Port {
		c.add("image.port", at, "Streamlit listens on port %d, but the platform connects to %d", port, c.App.Port)
		return
	}
	var exposed []string
	for p := range imageConfig(c).ExposedPorts {
		number, _, _ := strings.Cut(p, "/")
		exposed = append(exposed, number)
	}
	slices.Sort(exposed)
	if c.App.Port != 0 && !known {
		port = c.App.Port
	}
	certain := known || c.App.Port != 0 || strings.Contains(line, "streamlit run")
	if certain && len(exposed) > 0 && !slices.Contains(exposed, strconv.Itoa(port)) {
		c.add("image.expose", at, "EXPOSE names %s, but Streamlit listens on port %d", strings.Join(exposed, ", "), port)
	}
}

func imageConfig(c *checker) v1.Config { return c.image.config.Config }

func (c *checker) checkSize() {
	const large = 2 << 30
	var total int64
	for _, l := range c.image.layers {
		total += l.size
	}
	if total <= large {
		return
	}
	top := slices.Clone(c.image.layers)
	slices.SortStableFunc(top, func(a, b layer) int { return cmp.Compare(b.size, a.size) })
	var parts []string
	for _, l := range top[:min(3, len(top))] {
		parts = append(parts, fmt.Sprintf("%s (%s)", megabytes(l.size), l.step))
	}
	c.add("image.size", place{where: "layers of the image"}, "the image has %s; its largest layers: %s", megabytes(total), strings.Join(parts, ", "))
}

func megabytes(n int64) string {
	if n >= 10_000_000_000 {
		return fmt.Sprintf("%.0f GB", float64(n)/1e9)
	}
	return fmt.Sprintf("%d MB", n/1_000_000)
}

// checkImageSecrets looks for secrets in the image's environment, labels, commands and history.
func (c *checker) checkImageSecrets() {
	for _, name := range slices.Sorted(maps.Keys(c.image.env)) {
		value := c.image.env[name]
		switch found := credentialsIn(name + "=" + value); {
		case len(found) > 0:
			c.add("secret.image", place{where: "environment of the image"}, "%s contains %s", name, found[0].what)
		case dev.HoldsSecret(name, value):
			c.add("secret.variable", place{where: "environment of the image"}, "%s has a value", name)
		}
	}
	for name, value := range imageConfig(c).Labels {
		for _, h := range credentialsIn(value) {
			c.add("secret.image", place{where: "label " + name}, "it contains %s", h.what)
		}
	}
	for what, words := range c.image.commands() {
		for _, h := range credentialsIn(strings.Join(words, " ")) {
			c.add("secret.image", place{where: what + " of the image"}, "it contains %s", h.what)
		}
	}
	for _, h := range c.image.config.History {
		for _, found := range credentialsIn(h.CreatedBy) {
			c.add("secret.image", place{where: "history: " + stepText(h.CreatedBy)}, "it contains %s", found.what)
		}
		for _, name := range argumentsWith(h.CreatedBy) {
			c.add("secret.image", place{where: "history: " + stepText(h.CreatedBy)}, "it contains the value of the build argument %s", name)
		}
	}
}

// argumentsWith returns the build arguments whose values, in a line of the history, look like secrets. Builders write
// them before the command: "|1 NAME=value /bin/sh -c …".
func argumentsWith(createdBy string) []string {
	var out []string
	text, declared := strings.CutPrefix(createdBy, "ARG ")
	if !declared {
		head, _, ok := strings.Cut(strings.TrimPrefix(createdBy, "RUN "), " /bin/sh -c ")
		if !ok || !strings.HasPrefix(head, "|") {
			return nil
		}
		text = head
	}
	for _, word := range strings.Fields(text) {
		if name, value, ok := strings.Cut(word, "="); ok && dev.HoldsSecret(name, value) {
			out = append(out, name)
		}
	}
	return out
}

// packages are the versions of installed software that rules are about.
type packages struct {
	streamlit string
	python    string // of the environment that contains streamlit
}

var streamlitInfo = pattern.New(`/(?:lib/)?python3?\.?(\d*)/(?:site|dist)-packages/streamlit-(\d[\w.]*)\.dist-info/METADATA$`)

// record takes the versions from the name of a file in the image.
func (p *packages) record(name string) {
	if path.Base(name) != "METADATA" {
		return
	}
	if m := streamlitInfo.FindStringSubmatch(name); m != nil {
		p.streamlit = m[2]
		if m[1] != "" {
			p.python = "3." + m[1]
		}
	}
}
