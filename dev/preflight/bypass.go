package preflight

import (
	"path"
	"slices"
	"strings"

	"sdev/dev"
	"sdev/dev/pattern"
	"sdev/dev/preflight/assign"
)

// bypassVariable switches the login off. Code that follows the usual article treats any value as yes.
const bypassVariable = "LOCAL_STREAMLIT"

func bypassRules() []Rule {
	const (
		fix  = "remove it: sdev up --local sets it on this machine only"
		docs = docsOAuth
	)
	return []Rule{
		{"bypass.image", dev.Blocks, "LOCAL_STREAMLIT is set in the environment or the labels of the image, which switches the login off wherever it runs", fix, docs},
		{"bypass.command", dev.Blocks, "the image's CMD, ENTRYPOINT or health check sets LOCAL_STREAMLIT", fix, docs},
		{"bypass.layer", dev.Blocks, "a file in the image that is read when it starts (.env, a script, a profile) sets LOCAL_STREAMLIT", "keep the file out of the image: list it in .dockerignore", docs},
		{"bypass.history", dev.Warns, "a build step in the image's history sets LOCAL_STREAMLIT", "build the image without it", docs},
		{"bypass.compose", dev.Blocks, "the compose file sets LOCAL_STREAMLIT for the service that ships", fix, docs},
		{"bypass.dockerfile", dev.Blocks, "a Dockerfile sets LOCAL_STREAMLIT", fix, docs},
		{"bypass.workflow", dev.Blocks, "a workflow that builds or deploys sets LOCAL_STREAMLIT", "remove it from the workflow", docs},
		{"bypass.task", dev.Blocks, "a task definition, or another file that a platform reads, sets LOCAL_STREAMLIT", "remove it from that file", docs},
		{"bypass.bundle", dev.Blocks, "a file of the bundle sets LOCAL_STREAMLIT", "remove it, or render the bundle again: sdev deploy TARGET", docs},
		{"bypass.code", dev.Blocks, "the app's own code sets LOCAL_STREAMLIT", "remove the statement: sdev up --local sets the variable from outside", docs},
		{"bypass.start", dev.Blocks, "a script or settings file that the image starts or contains sets LOCAL_STREAMLIT", "remove the setting: sdev up --local sets the variable from outside", docs},
		{"bypass.optional", dev.Informs, "REQUIRE_OAUTH_IN_LOCAL is False, so the code runs without a login if LOCAL_STREAMLIT is set; --local uses that", "no change is needed while nothing that ships sets LOCAL_STREAMLIT", docs},
	}
}

var (
	// bypassSet is an assignment of a value in a shell, a Dockerfile, YAML, TOML, HCL or JavaScript: no use
	// ($LOCAL_STREAMLIT), no comparison, no empty value before a shell command.
	bypassSet = pattern.New(`(?m)(?:^\{?|[^$\n]\{|[^\w${\n])["']?LOCAL_STREAMLIT["']?(?:=|[ \t]+=[ \t]*|[ \t]*:[ \t]*)["']?[^\s"',=}\])]`)
	// bypassLegacyENV is ENV in its first form, without an equals sign.
	bypassLegacyENV = pattern.New(`(?mi)^[ \t]*ENV[ \t]+LOCAL_STREAMLIT[ \t]+\S`)
	// bypassPair is the name in task definitions and in HCL's lists of environment variables.
	bypassPair = pattern.New(`(?i:\bname)["']?\s*[:=]\s*["']?LOCAL_STREAMLIT\b`)
)

// bypass looks for what switches the login off where the app runs for its users. The layers of an image are checked
// while they are read.
func (c *checker) bypass() {
	c.bypassInConfig()
	c.bypassInFiles()
	c.bypassInSteps()
	if service, ok := c.service(); ok {
		if v, set := service.Environment[bypassVariable]; set && (v == nil || *v != "") {
			c.add("bypass.compose", c.composePlace(bypassVariable), "service %s sets %s: any value switches the login off, even 0", c.Service, bypassVariable)
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
		c.add("bypass.optional", place{file: s.File, line: s.Line}, "this constant allows the app to run without a login if %s is set", bypassVariable)
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
		if occurs(bypassSet, h.CreatedBy) && !strings.Contains(h.CreatedBy, "ENV "+bypassVariable) {
			c.add("bypass.history", place{where: stepText(h.CreatedBy)}, "a build step sets %s", bypassVariable)
		}
	}
}

// scriptLines returns the lines of a Python script that set the variable, for the script itself or for the platform
// that it describes.
func scriptLines(name, text string) (out []int) {
	for _, f := range assign.Python(map[string]string{name: text}, bypassVariable) {
		if f.Kind != assign.Loads && (f.Kind != assign.EntryOther || occurs(infrastructureLibrary, text)) {
			out = append(out, f.Line)
		}
	}
	return out
}

// isDevelopmentName reports whether a base name marks a file for this machine: "Dockerfile.dev", "run-local.sh".
func isDevelopmentName(base string) bool {
	for _, word := range strings.FieldsFunc(strings.ReplaceAll(strings.ToLower(base), "dev-ops", "devops"), func(r rune) bool { return r == '.' || r == '-' || r == '_' }) {
		if slices.Contains([]string{"dev", "local", "test", "tests", "debug", "development"}, word) {
			return true
		}
	}
	return false
}
