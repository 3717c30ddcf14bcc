package preflight

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"sdev/dev"
	"sdev/dev/docker/dockerfile"
	"sdev/dev/pattern"
)

func serverRules() []Rule {
	return []Rule{
		{"server.xsrf", dev.Blocks, "server.enableXsrfProtection is off, so other sites can upload files in a user's name", "leave it on; an upload that fails with 403 has lost its cookie on the way", docsConfig},
		{"server.cors", dev.Warns, "server.enableCORS is off, so other sites may open the app's WebSocket", "leave it on, and list the other origins in server.corsAllowedOrigins", docsConfig},
		{"server.hosts", dev.Informs, "server.allowedHosts is not set, so the app answers requests for any host name", "set STREAMLIT_SERVER_ALLOWED_HOSTS to the app's host name (Streamlit 1.61 and newer)", docsConfig},
		{"server.health-script", dev.Warns, "server.scriptHealthCheckEnabled is on, so a request without a login can run the script", "leave it off; the platform should request /_stcore/health", docsConfig},
		{"server.agent", dev.Blocks, "server.enableAgentApi is on, so requests without a login can drive the script", "leave it off in what ships", docsConfig},
		{"server.headers", dev.Warns, "server.trustedUserHeaders is set; Streamlit does not verify who sent these headers", "verify the platform's signed token in the app instead", docsConfig},
	}
}

// option is a setting of Streamlit's server with its unsafe values.
type option struct {
	id          string
	name        string // as in config.toml, below [server]
	unsafeValue string // pattern of an unsafe value
	effect      string
}

func options() []option {
	return []option{
		{"server.xsrf", "enableXsrfProtection", `(?:false|0)`, "the protection against requests from other sites is off"},
		{"server.cors", "enableCORS", `(?:false|0)`, "the check of a request's origin is off"},
		{"server.health-script", "scriptHealthCheckEnabled", `(?:true|1)`, "a request without a login can run the script"},
		{"server.agent", "enableAgentApi", `(?:true|1)`, "a request without a login can run the script and read the page"},
		{"server.headers", "trustedUserHeaders", `[{\[]?[^\s}\]]`, "anyone who can reach the app can claim to be any user"},
	}
}

var camel = pattern.New(`([a-z0-9])([A-Z])`)

// variable is the option's environment variable: enableCORS is STREAMLIT_SERVER_ENABLE_CORS.
func (o option) variable() string {
	return "STREAMLIT_SERVER_" + strings.ToUpper(camel.ReplaceAllString(o.name, "${1}_${2}"))
}

// pattern matches an unsafe value that a flag or variable sets, in a script, a Dockerfile, YAML, JSON or HCL.
func (o option) pattern() *pattern.Pattern {
	return pattern.New(`(?i)(?:--server\.` + o.name + `["']?(?:[= ]|\s*,\s*)\s*["']?|` + o.variable() + `["']?\s*(?:[:=\s]|,\s*["']?value["']?\s*[:=])\s*["']?)` + o.unsafeValue)
}

// server checks the settings that ship: config.toml, Dockerfiles, start scripts, the compose service, the image and
// the bundle.
func (c *checker) server() {
	places := c.settings()
	for _, o := range options() {
		p := o.pattern()
		for _, s := range places {
			for _, m := range findAll(p, s.text) {
				at := s.at
				if at.file != "" && at.line == 0 {
					at.line = m.line
				}
				c.add(o.id, at, "server.%s: %s", o.name, o.effect)
			}
		}
	}
	for _, name := range c.configFiles() {
		c.checkConfig(name)
	}
	c.checkHosts(places)
}

// source is a text that may contain settings.
type source struct {
	at   place
	text string
}

func (c *checker) settings() []source {
	var out []source
	for _, name := range c.names() {
		base := path.Base(name)
		if isDevelopmentName(base) || isTest(name) {
			continue
		}
		if dockerfile.IsName(base) && c.App.Steps == nil || strings.HasSuffix(base, ".sh") || base == "Procfile" || strings.Contains(c.files[name], "containerDefinitions") {
			out = append(out, source{place{file: name}, c.files[name]})
		}
	}
	for _, s := range c.App.Steps {
		out = append(out, source{place{file: s.File, line: s.Line}, s.Value})
	}
	if s, ok := c.service(); ok {
		for k, v := range s.Environment {
			if v != nil && strings.HasPrefix(k, "STREAMLIT_") {
				out = append(out, source{c.composePlace(k), k + "=" + *v})
			}
		}
		if line := strings.Join(append(s.Entrypoint, s.Command...), " "); line != "" {
			at := c.composePlace("command")
			out = append(out, source{at, line})
		}
	}
	for k, v := range c.image.env {
		out = append(out, source{place{where: "environment of the image"}, k + "=" + v})
	}
	if c.image.config != nil {
		for what, words := range c.image.commands() {
			out = append(out, source{place{where: what + " of the image"}, strings.Join(words, " ")})
		}
	}
	c.eachBundleFile(func(name, text string) { out = append(out, source{place{file: name}, text}) })
	return out
}

// configFiles are the names of Streamlit's config.toml files in the project.
func (c *checker) configFiles() []string {
	return slices.DeleteFunc(c.names(), func(name string) bool { return !strings.HasSuffix(name, ".streamlit/config.toml") })
}

// serverTable is what such a file has below [server]. One that cannot be read has nothing: Streamlit reports it
// when it starts.
func (c *checker) serverTable(name string) map[string]any {
	var doc struct {
		Server map[string]any `toml:"server"`
	}
	if toml.Unmarshal([]byte(c.files[name]), &doc) != nil {
		return nil
	}
	return doc.Server
}

func (c *checker) checkConfig(name string) {
	table := c.serverTable(name)
	for _, o := range options() {
		value, set := table[o.name]
		if !set {
			continue
		}
		if regexp.MustCompile(`(?i)^`+o.unsafeValue).MatchString(strings.TrimPrefix(fmt.Sprint(value), "map")) && fmt.Sprint(value) != "map[]" {
			c.add(o.id, place{file: name, line: c.lineOf(name, o.name)}, "server.%s: %s", o.name, o.effect)
		}
	}
}

// checkHosts requires an allowed host if the bundle publishes the app under a host name.
func (c *checker) checkHosts(places []source) {
	v := versionOf(cmp.Or(c.image.packages.streamlit, c.App.Streamlit.Value))
	if !c.Hosting.OwnHost || len(c.Bundle) == 0 || v != nil && slices.Compare(v, []int{1, 61}) < 0 {
		return
	}
	for _, s := range places {
		if strings.Contains(s.text, "STREAMLIT_SERVER_ALLOWED_HOSTS") || strings.Contains(s.text, "server.allowedHosts") {
			return
		}
	}
	for _, name := range c.configFiles() {
		if _, set := c.serverTable(name)["allowedHosts"]; set {
			return
		}
	}
	c.add("server.hosts", c.bundleDir(), "no setting names the app's host")
}

// bundleDir is the directory of the bundle. Some of its files belong in the root of the repository instead.
func (c *checker) bundleDir() place {
	for _, f := range c.Bundle {
		if !strings.HasPrefix(f.Path, ".github/") && !strings.HasPrefix(f.Path, "../") {
			return place{file: path.Dir(f.Path)}
		}
	}
	return place{where: "bundle for " + c.Target}
}
