package preflight

import (
	"path"
	"slices"
	"strings"

	"sdev/dev"
)

// isAboutMachine says that a file is for development, by the name of it or of a directory that it is in.
func isDevelopmentPath(name string) bool {
	return slices.ContainsFunc(strings.Split(name, "/"), func(part string) bool {
		return isDevelopmentName(part) || slices.Contains([]string{".devcontainer", ".vscode", ".idea"}, part)
	})
}

func isComposeFile(base string) bool {
	ext := path.Ext(base)
	return (ext == ".yml" || ext == ".yaml") && (strings.HasPrefix(base, "docker-compose") || strings.HasPrefix(base, "compose"))
}

// isForPlatform tells by the base name that a compose file is for a machine of the app's users.
func isDeploymentName(base string) bool {
	return slices.ContainsFunc(strings.FieldsFunc(strings.ToLower(base), func(r rune) bool { return r == '.' || r == '-' || r == '_' }), func(word string) bool {
		return slices.Contains([]string{"prod", "production", "staging", "release", "deploy", "live"}, word)
	})
}

// bypassCopied looks at settings and scripts that the image takes in without starting them.
func (c *checker) bypassCopied(name, text string) {
	switch path.Base(name) {
	case "pytest.ini", "tox.ini", "setup.cfg": // of tests
		return
	}
	if path.Ext(name) == ".py" || !startsApp("/"+name) || isSampleFile(name) || isToolConfig(name) || isDevelopmentPath(name) || isTest(name) || !c.isCopied(name) {
		return
	}
	lines, _ := assigned(name, text)
	for _, n := range lines {
		c.addAs("bypass.start", dev.Warns, place{file: name, line: n}, "name it in .dockerignore", "%s is in the image and sets %s for what reads it", path.Base(name), bypassVariable)
	}
}

// isCopied says that the image takes a file of the project.
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

// isPattern says that a file shows how one of settings is written.
func isSampleFile(name string) bool {
	return slices.Contains([]string{".example", ".sample", ".template", ".dist", ".tmpl"}, path.Ext(name))
}
