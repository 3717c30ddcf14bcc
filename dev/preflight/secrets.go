package preflight

import (
	"context"
	"io"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"

	"sdev/dev"
	"sdev/dev/pattern"
)

func secretRules() []Rule {
	const (
		rotate = "revoke it, then build without it: everyone who has the image can read what was ever in a layer"
		out    = "list it in .dockerignore, build again, and replace the secrets in it"
	)
	return []Rule{
		{"secret.layer", dev.Blocks, "a file in a layer contains a credential, even if a later layer deletes the file", rotate, docsBuildKeys},
		{"secret.image", dev.Blocks, "the image's environment, labels, command or history contain a credential", rotate, docsBuildKeys},
		{"secret.variable", dev.Blocks, "the image gives a value to a variable whose name suggests a secret", "set it at run time, from the platform's secret store", docsBuildKeys},
		{"secret.aws", dev.Blocks, "the image contains an .aws directory", out, docsIgnore},
		{"secret.toml", dev.Blocks, "the image contains Streamlit's secrets.toml", "mount it at run time as a secret, and list it in .dockerignore", docsSecrets},
		{"secret.dotenv", dev.Blocks, "the image contains an .env file", out, docsIgnore},
		{"secret.login", dev.Blocks, "the image contains a file with credentials (.netrc, .pypirc, .git-credentials, .docker/config.json, .kube/config, gcloud's)", out, docsIgnore},
		{"secret.context", dev.Blocks, "the Dockerfile copies a file of secrets (.env, secrets.toml, .aws) from the build context", "list it in .dockerignore", docsIgnore},
		{"secret.source", dev.Blocks, "a file of the project contains a credential", "revoke it, and read the new one from the platform's secret store", docsSecrets},
		{"secret.tracked", dev.Blocks, "the repository contains secrets.toml, .env or AWS credentials", "git rm --cached FILE, list it in .gitignore, and replace the secrets in it", docsSecrets},
		{"secret.history", dev.Blocks, "a version of a file that the repository still holds contains a credential", "revoke it: clones of the repository keep it", "https://docs.github.com/en/code-security/secret-scanning"},
		{"secret.compose", dev.Warns, "the compose file contains a secret of the service that ships", "read it from the environment (${NAME}), or use a secret", "https://docs.docker.com/compose/how-tos/use-secrets/"},
		{"secret.bundle", dev.Blocks, "a file of the bundle contains a credential", "refer to the platform's secret store instead", docsSecrets},
	}
}

// isSecretFile reports whether a file usually holds secrets, which belong neither in repositories nor in images.
func isSecretFile(name string) bool {
	base, dir := path.Base(name), path.Base(path.Dir(name))
	switch {
	case base == ".env", base == "secrets.toml" && dir == ".streamlit", dir == ".aws", slices.Contains(strings.Split(name, "/"), dev.StateDir):
		return true
	case strings.HasPrefix(base, ".env."):
		return !isSampleFile(base) && !samplePart.MatchString(base)
	}
	return false
}

// samplePart matches names such as ".env.example.local" and ".env.examples-cache".
var samplePart = pattern.New(`\.(?:example|sample|template)s?(?:[.-]|$)`)

// sourceSecrets searches a file of the project for credentials.
func (c *checker) sourceSecrets(s *scanner, name string) {
	f, err := c.Project.Open(name)
	if err != nil {
		return // an unreadable file does not ship from here
	}
	defer f.Close() //nolint:errcheck // only read
	if st, err := f.Stat(); err != nil || st.Size() > maxSource {
		return
	}
	_ = s.scan(f, nil, func(h hit) {
		c.addAs("secret.source", c.secretSeverity(name), place{file: name, line: h.line}, "", "the file contains %s", h.what)
	})
}

// otherSecrets looks for secrets in the bundle, in the repository's files, and in the service that ships.
func (c *checker) otherSecrets() {
	for _, f := range c.Bundle {
		for _, h := range credentialsIn(string(f.Data)) {
			c.add("secret.bundle", place{file: f.Path, line: h.line}, "the file contains %s", h.what)
		}
	}
	for _, name := range c.Repository.Tracked {
		if isSecretFile(name) {
			c.addWithFix("secret.tracked", place{file: name}, "git rm --cached "+name+", list it in .gitignore, and replace the secrets in it", "everyone who has the repository has this file")
		}
	}
	if s, ok := c.service(); ok {
		for _, name := range slices.Sorted(maps.Keys(s.Environment)) {
			if v := s.Environment[name]; v != nil && dev.HoldsSecret(name, *v) && !c.isInterpolated(name) {
				c.add("secret.compose", c.composePlace(name), "service %s sets %s to a literal value", c.Service, name)
			}
		}
	}
}

// secretSeverity is the severity of a credential in a file. Those of tests usually open nothing.
func (c *checker) secretSeverity(name string) dev.Severity {
	if isTest(name) {
		return dev.Warns
	}
	return dev.Blocks
}

// isInterpolated reports whether the compose files take a variable's value from another one.
func (c *checker) isInterpolated(name string) bool {
	at := c.composePlace(name)
	if at.line == 0 {
		return true // it comes from an env_file, or from sdev's own environment
	}
	b, _ := readText(c.Project, at.file)
	lines := strings.Split(string(b), "\n")
	return at.line <= len(lines) && strings.Contains(lines[at.line-1], "$")
}

// context checks what the Dockerfile copies from the build context, without what .dockerignore excludes.
func (c *checker) context() {
	if c.Project == nil || len(c.App.Copies) == 0 {
		return
	}
	ignored := c.dockerIgnored()
	for _, cp := range c.App.Copies {
		at := place{file: cp.File, line: cp.Line}
		for _, name := range []string{".env", ".streamlit/secrets.toml", ".aws/credentials", dev.StateDir, ".git"} {
			if !c.exists(c.contextPath(name)) || !copyIncludes(cp.From, name) || ignored(name) {
				continue
			}
			switch name {
			case ".git":
				c.add("image.git", at, "COPY %s copies the directory .git into the image", cp.From)
			case dev.StateDir:
				c.addAs("secret.context", dev.Warns, at, "", "COPY %s copies %s into an image that you build here yourself; sdev's own builds leave it out, and a build from the repository does not have it", cp.From, name)
			default:
				c.add("secret.context", at, "COPY %s copies %s into the image", cp.From, name)
			}
		}
	}
}

func (c *checker) contextPath(name string) string { return path.Join(c.App.Context, name) }

func (c *checker) exists(name string) bool {
	f, err := c.Project.Open(name)
	if err != nil {
		return false
	}
	return f.Close() == nil
}

// copyIncludes reports whether a COPY from the context copies a file.
func copyIncludes(from, name string) bool {
	from = path.Clean(from)
	matched, err := path.Match(from, name)
	return from == "." || from == name || strings.HasPrefix(name, from+"/") || matched && err == nil || from == "*"
}

// dockerIgnored returns what .dockerignore excludes. A file that cannot be read excludes nothing.
func (c *checker) dockerIgnored() func(name string) bool {
	none := func(string) bool { return false }
	b, ok := readText(c.Project, c.contextPath(".dockerignore"))
	if !ok {
		return none
	}
	patterns, err := ignorefile.ReadAll(strings.NewReader(string(b)))
	if err != nil {
		return none
	}
	m, err := patternmatcher.New(patterns)
	if err != nil {
		return none
	}
	return func(name string) bool {
		matched, err := m.MatchesOrParentMatches(name)
		return err == nil && matched
	}
}

// readHistory searches every version of every file in the repository. If git cannot read them all, that is a finding, and
// the credentials in those before remain.
func (c *checker) readHistory(ctx context.Context) error {
	if c.History == nil {
		return nil
	}
	var s scanner
	type leak struct{ id, path, what string }
	var leaks []leak
	err := c.History.Blobs(ctx, func(id, path string, content io.Reader) error {
		return s.scan(content, nil, func(h hit) {
			l := leak{id, path, h.what}
			if !slices.Contains(leaks, l) && len(leaks) < maxLeaks {
				leaks = append(leaks, l)
			}
		})
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		c.add("git.unreadable", place{where: "history"}, "the history was not searched to its end for credentials: %s", err)
	}
	for _, l := range leaks {
		commit := c.History.CommitOf(ctx, l.id)
		if commit == "" {
			commit = "a blob that is on no branch"
		} else {
			commit = "commit " + commit
		}
		c.addAs("secret.history", c.secretSeverity(l.path), place{file: c.fromRepository(l.path), where: commit}, "", "%s was committed", l.what)
	}
	return nil
}

const maxLeaks = 200

// fromRepository makes a path relative to the repository relative to the project.
func (c *checker) fromRepository(name string) string {
	rel, err := filepath.Rel(filepath.FromSlash(path.Clean(c.Repository.Dir)), filepath.FromSlash(name))
	if err != nil {
		return name
	}
	return filepath.ToSlash(rel)
}
