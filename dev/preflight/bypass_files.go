package preflight

import (
	"path"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"sdev/dev"
	"sdev/dev/docker/dockerfile"
	"sdev/dev/preflight/assign"
)

// bypassPlace is a line that sets the variable, with the finding that it makes.
type bypassPlace struct {
	id       string
	line     int
	severity dev.Severity
	message  string // "": the usual one, that the variable is set
}

// bypassInFiles checks the project's files, each by what it does for the app that ships.
func (c *checker) bypassInFiles() {
	for _, name := range c.names() {
		text := c.files[name]
		found := c.bypassIn(name, text)
		for _, b := range found {
			if b.message == "" {
				b.message = bypassVariable + " is set: any value switches the login off, even 0"
			}
			c.addAs(b.id, b.severity, place{file: name, line: b.line}, "", "%s", b.message)
		}
		if len(found) == 0 && strings.Contains(text, bypassVariable) {
			c.bypassCopied(name, text)
		}
	}
	c.bypassInSecrets()
	c.bypassInScripts()
}

func blocking(id string, lines []int) (out []bypassPlace) {
	for _, n := range lines {
		out = append(out, bypassPlace{id: id, line: n, severity: dev.Blocks})
	}
	return out
}

// mayContainName reports whether a text may contain the variable's name, whole or in parts.
func mayContainName(text string) bool {
	return strings.Contains(text, bypassVariable) || strings.Contains(text, "STREAM") && strings.Contains(text, "LOCAL")
}

// bypassIn returns the lines that set the variable in a file that ships, or that something is shipped with.
// bypassInScripts checks all Python scripts together.
func (c *checker) bypassIn(name, text string) []bypassPlace {
	base := path.Base(name)
	if !isTest(name) && !isProse(name) && !isDevelopmentPath(name) && !isToolConfig(name) && (isPipeline(name) || isComposeFile(base) && isDeploymentName(base) || languageOf(name) != asScript && !isComposeFile(base) && isPlatform(name, text)) {
		c.bypassInEnvFiles(name, text)
	}
	switch {
	case base == bypassVariable:
		return c.bypassInEnvdir(name, text)
	case path.Ext(base) == ".py" || path.Ext(base) == ".pth" || isSecretsOfStreamlit(name) || !mayContainName(text):
		return nil
	case slices.Contains(c.started(), name):
		lines, _ := assigned(name, text)
		return blocking("bypass.start", lines)
	case isTest(name), isProse(name), isDevelopmentPath(name):
		return nil
	case dockerfile.IsName(base):
		if c.App.Steps == nil {
			return blocking("bypass.dockerfile", linesOf(findAll(bypassSet, text), findAll(bypassLegacyENV, text)))
		}
		return nil
	case isPipeline(name):
		lines, _ := assigned(name, text)
		return blocking("bypass.workflow", inDeployJobs(text, lines))
	case isComposeFile(base):
		if isDeploymentName(base) && !slices.Contains(c.ComposeFiles, name) {
			lines, _ := assigned(name, text)
			return blocking("bypass.compose", lines)
		}
		return nil
	}
	return c.bypassInOther(name, text)
}

// bypassInOther checks a file of a platform, of data, or one that nothing starts.
func (c *checker) bypassInOther(name, text string) []bypassPlace {
	lines, settings := assigned(name, text)
	switch {
	case isToolConfig(name):
		return nil
	case isPlatform(name, text):
		return blocking("bypass.task", lines)
	case languageOf(name) == asScript:
		return blocking("bypass.workflow", slices.DeleteFunc(lines, func(n int) bool { return !occurs(deploys, continuedLine(text, n)) }))
	case len(bypassPaired(text)) > 0 && len(settings) > 0: // a pair of name and value, as platforms read them
		return blocking("bypass.task", lines)
	}
	var out []bypassPlace
	for _, n := range lines {
		out = append(out, bypassPlace{"bypass.task", n, dev.Warns, "a value of " + bypassVariable + " is set here: if a platform or the app reads this file, the login is off"})
	}
	return out
}

// bypassInEnvdir checks a file that has the variable's name: envdir, s6 and others set a variable from it.
func (c *checker) bypassInEnvdir(name, text string) []bypassPlace {
	if strings.TrimSpace(text) == "" || isTest(name) || isDevelopmentPath(path.Dir(name)) || len(c.App.Copies) > 0 && !c.isCopied(name) {
		return nil
	}
	return []bypassPlace{{"bypass.start", 1, dev.Blocks, "a file with this name sets " + bypassVariable + " if envdir or s6 reads its directory at the start"}}
}

func isSecretsOfStreamlit(name string) bool {
	return path.Base(name) == "secrets.toml" && path.Base(path.Dir(name)) == ".streamlit"
}

// bypassInSecrets checks the Streamlit secrets that ship: Streamlit sets environment variables from their top-level
// strings and numbers.
// Source: Streamlit, runtime/secrets.py, _maybe_set_environment_variable.
func (c *checker) bypassInSecrets() {
	names := c.secretsFiles()
	for _, name := range names {
		body, ok := readText(c.Project, name)
		if !ok || !c.inApp(name) {
			continue
		}
		if n := secretsBypass(string(body)); n > 0 {
			c.add("bypass.start", place{file: name, line: n}, "Streamlit sets environment variables from the top level of its secrets: %s is set", bypassVariable)
		}
	}
}

// secretsFiles returns the files where Streamlit looks for secrets, and those that its configuration names.
func (c *checker) secretsFiles() []string {
	if c.Project == nil {
		return nil
	}
	names := []string{".streamlit/secrets.toml", path.Join(path.Dir(c.App.Entry), ".streamlit/secrets.toml")}
	for _, name := range c.names() {
		if isSecretsOfStreamlit(name) {
			names = append(names, name)
		}
	}
	for _, name := range c.configFiles() {
		var config struct {
			Secrets struct {
				Files []string `toml:"files"`
			} `toml:"secrets"`
		}
		if toml.Unmarshal([]byte(c.files[name]), &config) == nil {
			names = append(names, config.Secrets.Files...)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// secretsBypass returns the line where Streamlit secrets set the variable; 0 if none does.
func secretsBypass(text string) int {
	var top map[string]any
	if toml.Unmarshal([]byte(text), &top) != nil {
		return 0
	}
	switch v := top[bypassVariable].(type) {
	case string:
		if v == "" {
			return 0
		}
	case int64, float64:
	default: // a table, or a value that Streamlit sets no variable from
		return 0
	}
	settings, _ := assign.TOML(text, bypassVariable)
	for _, s := range settings {
		if len(s.Path) == 0 {
			return s.Line
		}
	}
	return 1
}

// inApp reports whether a file is present where the app runs, as far as that is known: the image copies it, or, if
// nobody knows what the image copies, git does not ignore it.
func (c *checker) inApp(name string) bool {
	if len(c.App.Copies) > 0 {
		return c.isCopied(name)
	}
	return c.listed[name]
}
