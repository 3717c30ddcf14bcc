package preflight

import (
	"context"
	"fmt"
	"io"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"

	"sdev/dev"
)

func secretRules() []Rule {
	const (
		rotate = "take it back where it was issued, then build without it: what was once in a layer can be read by everybody who has the image"
		out    = "name it in .dockerignore, build again, and renew what is in it"
	)
	return []Rule{
		{"secret.layer", dev.Blocks, "a credential is in a file of a layer, one that a later layer deletes included", rotate, docsBuildKeys},
		{"secret.image", dev.Blocks, "a credential is in the image's environment, labels, command or history", rotate, docsBuildKeys},
		{"secret.variable", dev.Blocks, "a variable whose name speaks of a secret has a value in the image", "give it at run time, from the platform's secret store", docsBuildKeys},
		{"secret.aws", dev.Blocks, "a directory .aws is in the image", out, docsIgnore},
		{"secret.toml", dev.Blocks, "Streamlit's secrets.toml is in the image", "give it at run time as a mounted secret, and name it in .dockerignore", docsSecrets},
		{"secret.dotenv", dev.Blocks, "a file .env is in the image", out, docsIgnore},
		{"secret.login", dev.Blocks, "a file with somebody's logins (.netrc, .pypirc, .git-credentials, .docker/config.json, .kube/config, gcloud's) is in the image", out, docsIgnore},
		{"secret.context", dev.Blocks, "the Dockerfile copies a file of secrets (.env, secrets.toml, .aws) that is in the build context", "name it in .dockerignore", docsIgnore},
		{"secret.source", dev.Blocks, "a credential is written in a file of the project", "take it back where it was issued, and read it from the platform's secret store", docsSecrets},
		{"secret.tracked", dev.Blocks, "secrets.toml, .env or AWS credentials are in the repository", "git rm --cached FILE, name it in .gitignore, and renew what is in it", docsSecrets},
		{"secret.history", dev.Blocks, "a credential is in a version of a file that the repository still holds", "take it back where it was issued; it cannot be called back from clones", "https://docs.github.com/en/code-security/secret-scanning"},
		{"secret.compose", dev.Warns, "the service that ships has a secret written into the compose file", "read it from the environment (${NAME}) or a secret", "https://docs.docker.com/compose/how-tos/use-secrets/"},
		{"secret.bundle", dev.Blocks, "a credential is written into a file of the bundle", "refer to the platform's secret store instead", docsSecrets},
	}
}

// isKeptSecret tells the files in which secrets are kept, which belong neither into repositories nor
// into images.
func isSecretFile(name string) bool {
	base, dir := path.Base(name), path.Base(path.Dir(name))
	switch {
	case base == ".env", base == "secrets.toml" && dir == ".streamlit", dir == ".aws", slices.Contains(strings.Split(name, "/"), dev.StateDir):
		return true
	case strings.HasPrefix(base, ".env."):
		return !isSampleFile(base)
	}
	return false
}

// sourceSecrets looks at a file of the project.
func (c *checker) sourceSecrets(s *scanner, name string) {
	f, err := c.Project.Open(name)
	if err != nil {
		return // what cannot be read does not ship from here
	}
	defer f.Close() //nolint:errcheck // only read
	if st, err := f.Stat(); err != nil || st.Size() > maxSource {
		return
	}
	_ = s.scan(f, nil, func(h hit) {
		c.addAs("secret.source", c.secretSeverity(name), place{file: name, line: h.line}, "", "%s is written here", h.what)
	})
}

// otherSecrets looks at the bundle, at what the repository holds, and at the service that ships.
func (c *checker) otherSecrets() {
	for _, f := range c.Bundle {
		for _, h := range credentialsIn(string(f.Data)) {
			c.add("secret.bundle", place{file: f.Path, line: h.line}, "%s is written here", h.what)
		}
	}
	for _, name := range c.Repository.Tracked {
		if isSecretFile(name) {
			c.addWithFix("secret.tracked", place{file: name}, "git rm --cached "+name+", name it in .gitignore, and renew what is in it", "everybody who has the repository has it")
		}
	}
	if s, ok := c.service(); ok {
		for _, name := range slices.Sorted(maps.Keys(s.Environment)) {
			if v := s.Environment[name]; v != nil && dev.HoldsSecret(name, *v) && !c.isInterpolated(name) {
				c.add("secret.compose", c.composePlace(name), "service %s ships with a value of %s", c.Service, name)
			}
		}
	}
}

// lighter is the severity of what is in a file: keys of tests open nothing as a rule.
func (c *checker) secretSeverity(name string) dev.Severity {
	if isTest(name) {
		return dev.Warns
	}
	return dev.Blocks
}

// isInterpolated says that the compose files give a variable only what another one has.
func (c *checker) isInterpolated(name string) bool {
	at := c.composePlace(name)
	if at.line == 0 {
		return true // it comes from an env_file, or from where sdev was started
	}
	b, _ := readText(c.Project, at.file)
	lines := strings.Split(string(b), "\n")
	return at.line <= len(lines) && strings.Contains(lines[at.line-1], "$")
}

// context looks at what the Dockerfile takes in of the build context, as .dockerignore leaves it.
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
				c.add("image.git", at, "COPY %s takes the directory .git into the image", cp.From)
			case dev.StateDir:
				c.addAs("secret.context", dev.Warns, at, "", "COPY %s takes %s into an image that is built here by hand; builds by sdev leave it out, and a build from the repository does not have it", cp.From, name)
			default:
				c.add("secret.context", at, "COPY %s takes %s into the image", cp.From, name)
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

// takes says whether a COPY from the context takes a file with it.
func copyIncludes(from, name string) bool {
	from = path.Clean(from)
	matched, err := path.Match(from, name)
	return from == "." || from == name || strings.HasPrefix(name, from+"/") || matched && err == nil || from == "*"
}

// ignored gives what .dockerignore keeps out. Patterns that cannot be read keep nothing out.
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

// readHistory looks at every version of every file of the repository. What the working tree holds is
// told once, there.
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
	if err != nil {
		return fmt.Errorf("read the history of the repository: %w", err)
	}
	for _, l := range leaks {
		commit := c.History.CommitOf(ctx, l.id)
		if commit == "" {
			commit = "a blob that is in no branch"
		} else {
			commit = "commit " + commit
		}
		c.addAs("secret.history", c.secretSeverity(l.path), place{file: c.fromRepository(l.path), where: commit}, "", "%s was committed", l.what)
	}
	return nil
}

const maxLeaks = 200

// fromRepository is a path of the repository as the project sees it.
func (c *checker) fromRepository(name string) string {
	rel, err := filepath.Rel(filepath.FromSlash(path.Clean(c.Repository.Dir)), filepath.FromSlash(name))
	if err != nil {
		return name
	}
	return filepath.ToSlash(rel)
}
