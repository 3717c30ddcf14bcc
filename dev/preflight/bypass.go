package preflight

import (
	"path"
	"slices"
	"strings"

	"sdev/dev"
	"sdev/dev/preflight/assign"
)

// bypassVariable switches the login off. Code that follows the usual article takes any value for yes.
const bypassVariable = "LOCAL_STREAMLIT"

func bypassRules() []Rule {
	const (
		fix  = "remove it: sdev up --local sets it, on this machine only"
		docs = docsOAuth
	)
	return []Rule{
		{"bypass.image", dev.Blocks, "LOCAL_STREAMLIT is in the environment or labels of the image: the login is off wherever it runs", fix, docs},
		{"bypass.command", dev.Blocks, "the image's command, entry point or health check sets LOCAL_STREAMLIT", fix, docs},
		{"bypass.layer", dev.Blocks, "a file in the image that is read at the start (.env, a script, a profile) sets LOCAL_STREAMLIT", "keep that file out of the image: name it in .dockerignore", docs},
		{"bypass.history", dev.Warns, "a step of the image's build mentions a value of LOCAL_STREAMLIT", "build without it", docs},
		{"bypass.compose", dev.Blocks, "the service that ships has LOCAL_STREAMLIT in the compose file", fix, docs},
		{"bypass.dockerfile", dev.Blocks, "a Dockerfile sets LOCAL_STREAMLIT", fix, docs},
		{"bypass.workflow", dev.Blocks, "a workflow that builds or deploys sets LOCAL_STREAMLIT", "remove it from the workflow", docs},
		{"bypass.task", dev.Blocks, "a task definition sets LOCAL_STREAMLIT", "remove it from the task definition", docs},
		{"bypass.bundle", dev.Blocks, "a file of the bundle sets LOCAL_STREAMLIT", "remove it, or render the bundle again: sdev deploy TARGET", docs},
		{"bypass.code", dev.Blocks, "the app's own code sets LOCAL_STREAMLIT", "remove the statement: sdev up --local sets it from outside", docs},
		{"bypass.start", dev.Blocks, "a script or settings file that the image starts, or takes in, sets LOCAL_STREAMLIT", "remove it: sdev up --local sets it from outside", docs},
		{"bypass.optional", dev.Informs, "REQUIRE_OAUTH_IN_LOCAL = False: the code can be run without a login, which is what --local uses", "nothing, as long as nothing that ships sets LOCAL_STREAMLIT", docs},
	}
}

var (
	// bypassSet is an assignment in a shell, a Dockerfile, YAML, TOML, HCL or JavaScript, with a value;
	// neither a use ($LOCAL_STREAMLIT) nor a comparison, nor the empty value before a command of a shell.
	bypassSet = lazyPattern(`(?m)(?:^\{?|[^$\n]\{|[^\w${\n])["']?LOCAL_STREAMLIT["']?(?:=|[ \t]+=[ \t]*|[ \t]*:[ \t]*)["']?[^\s"',=}\])]`)
	// bypassOld is the form that ENV had first, without an equals sign.
	bypassLegacyENV = lazyPattern(`(?mi)^[ \t]*ENV[ \t]+LOCAL_STREAMLIT[ \t]+\S`)
	// bypassPair is the form of task definitions, and of lists of environment variables in HCL.
	bypassPair = lazyPattern(`(?i:\bname)["']?\s*[:=]\s*["']?LOCAL_STREAMLIT\b`)
)

// bypass looks for what would switch the login off where the app runs for its users. What the layers
// of an image say is looked at while they are walked.
func (c *checker) bypass() {
	c.bypassInConfig()
	c.bypassInFiles()
	c.bypassInSteps()
	if service, ok := c.service(); ok {
		if v, set := service.Environment[bypassVariable]; set && (v == nil || *v != "") {
			c.add("bypass.compose", c.composePlace(bypassVariable), "service %s ships with %s: any value switches the login off, even 0", c.Service, bypassVariable)
		}
		c.bypassInService(service)
	}
	c.eachBundleFile(func(name, text string) {
		lines, _ := assigned(name, text)
		if path.Ext(name) == ".py" {
			lines = scriptLines(name, text)
		}
		for _, n := range lines {
			c.add("bypass.bundle", place{file: name, line: n}, "%s is set: any value switches the login off, even 0", bypassVariable)
		}
	})
	for _, s := range c.App.Bypassed {
		c.add("bypass.code", place{file: s.File, line: s.Line}, "the code switches its own login off, wherever it runs")
	}
	for _, s := range c.App.Optional {
		c.add("bypass.optional", place{file: s.File, line: s.Line}, "with %s the login is left out, as this constant says", bypassVariable)
	}
}

func (c *checker) bypassInConfig() {
	b := c.image
	if b.config == nil {
		return
	}
	if v, ok := b.env[bypassVariable]; ok && v != "" {
		c.add("bypass.image", place{where: "environment of the image"}, "%s is set in the image: any value switches the login off, even 0", bypassVariable)
	}
	for k, v := range b.config.Config.Labels {
		if k == bypassVariable || strings.Contains(v, bypassVariable+"=") {
			c.add("bypass.image", place{where: "label " + k}, "a label of the image sets %s", bypassVariable)
		}
	}
	for what, words := range b.commands() {
		if constants(b.env).wordsSet(words) {
			c.add("bypass.command", place{where: what}, "the %s sets %s", what, bypassVariable)
		}
	}
	for _, h := range b.config.History {
		if bypassSet.in(h.CreatedBy) && !strings.Contains(h.CreatedBy, "ENV "+bypassVariable) {
			c.add("bypass.history", place{where: stepText(h.CreatedBy)}, "a step of the build sets %s", bypassVariable)
		}
	}
}

// scriptLines are the lines of a script that set the bypass for it, or for what it describes.
func scriptLines(name, text string) (out []int) {
	for _, f := range assign.Python(map[string]string{name: text}, bypassVariable) {
		if f.Kind != assign.Loads && (f.Kind != assign.EntryOther || infrastructureLibrary.in(text)) {
			out = append(out, f.Line)
		}
	}
	return out
}

// isForDevelopment tells by the base name that a file is for this machine: "Dockerfile.dev", "run-local.sh".
func isDevelopmentName(base string) bool {
	for _, word := range strings.FieldsFunc(strings.ReplaceAll(strings.ToLower(base), "dev-ops", "devops"), func(r rune) bool { return r == '.' || r == '-' || r == '_' }) {
		if slices.Contains([]string{"dev", "local", "test", "tests", "debug", "development"}, word) {
			return true
		}
	}
	return false
}

// isDockerfile tells by the base name.
func isDockerfile(base string) bool {
	return base == "Dockerfile" || base == "Containerfile" || strings.HasPrefix(base, "Dockerfile.") && !strings.HasSuffix(base, ".dockerignore") || strings.HasSuffix(strings.ToLower(base), ".dockerfile")
}
