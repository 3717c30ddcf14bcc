package preflight

import (
	"path"
	"slices"
	"strings"

	"sdev/dev"
)

// isDevelopmentPath reports whether a file, or a directory that it is in, is named as one for development.
func isDevelopmentPath(name string) bool {
	return slices.ContainsFunc(strings.Split(name, "/"), func(part string) bool {
		return isDevelopmentName(part) || slices.Contains([]string{".devcontainer", ".vscode", ".idea"}, part)
	})
}

func isComposeFile(base string) bool {
	ext := path.Ext(base)
	return (ext == ".yml" || ext == ".yaml") && (strings.HasPrefix(base, "docker-compose") || strings.HasPrefix(base, "compose"))
}

// isDeploymentName reports whether the base name of a compose file marks it for a server.
func isDeploymentName(base string) bool {
	return slices.ContainsFunc(strings.FieldsFunc(strings.ToLower(base), func(r rune) bool { return r == '.' || r == '-' || r == '_' }), func(word string) bool {
		return slices.Contains([]string{"prod", "production", "staging", "release", "deploy", "live"}, word)
	})
}

// bypassCopied checks settings and scripts that the image contains but does not start.
func (c *checker) bypassCopied(name, text string) {
	switch path.Base(name) {
	case "pytest.ini", "tox.ini", "setup.cfg": // for tests
		return
	}
	if path.Ext(name) == ".py" || !startsApp("/"+name) || isSampleFile(name) || isToolConfig(name) || isDevelopmentPath(name) || isTest(name) || !c.isCopied(name) {
		return
	}
	lines, _ := assigned(name, text)
	for _, n := range lines {
		c.addAs("bypass.start", dev.Warns, place{file: name, line: n}, "list it in .dockerignore", "the image contains %s, which sets %s for whatever reads it", path.Base(name), bypassVariable)
	}
}

// isCopied reports whether the Dockerfile copies a file of the project.
func (c *checker) isCopied(name string) bool {
	inner := name
	if dir := path.Clean(c.App.Context); dir != "." {
		var ok bool
		if inner, ok = strings.CutPrefix(name, dir+"/"); !ok {
			return false
		}
	}
	return slices.ContainsFunc(c.App.Copies, func(cp Copy) bool { return copyIncludes(cp.From, inner) }) && !c.dockerIgnored()(inner)
}

// isSampleFile reports whether a file only shows how settings are written.
func isSampleFile(name string) bool {
	return slices.Contains([]string{".example", ".sample", ".template", ".dist", ".tmpl"}, path.Ext(name))
}
