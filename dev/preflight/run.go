package preflight

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"sdev/dev"
	"sdev/dev/docker/dockerfile"
)

// Run checks everything that the subject has and returns the findings, worst first. It fails if the image or the
// project's directory cannot be read to its end, and returns no findings then. A history that cannot be read is a
// finding. Run stops early when ctx ends.
func Run(ctx context.Context, s Subject) ([]dev.Finding, error) {
	c := &checker{Subject: s, rules: map[string]Rule{}}
	for _, r := range Rules() {
		c.rules[r.ID] = r
	}
	for _, step := range []func(context.Context) error{c.readSource, c.readImage, c.readHistory} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	for _, f := range families() {
		if f.check != nil {
			f.check(c)
		}
	}
	return c.results(), ctx.Err()
}

// checker collects findings.
type checker struct {
	Subject
	rules    map[string]Rule
	files    map[string]string // texts of the project's files that rules are about, by name
	links    map[string]string // targets of the project's symbolic links, by name
	listed   map[string]bool   // the project's files that git does not ignore
	image    imageFacts        // what configuration and layers of the image say
	findings []finding
	added    map[dev.Finding]bool // what findings holds, so that nothing is there twice

	startedFiles []string // result of started; nil before its first call
}

// finding is a dev.Finding with its path in the image, which is no file of the project.
type finding struct {
	dev.Finding
	imagePath string // path in the image; "" elsewhere
}

// place is where something was found.
type place struct {
	file      string
	line      int
	where     string
	imagePath string
}

// Limits of the findings. Beyond maxPerRule, those of a rule are only counted. Suppressions are applied before that, so
// that suppressed findings hide no others.
const (
	maxPerRule  = 25
	maxFindings = 5000
)

// add records a finding with the severity and the fix of its rule.
func (c *checker) add(id string, at place, format string, args ...any) {
	c.addAs(id, c.rules[id].Severity, at, "", format, args...)
}

// addWithFix records a finding with a better fix than its rule's.
func (c *checker) addWithFix(id string, at place, fix, format string, args ...any) {
	c.addAs(id, c.rules[id].Severity, at, fix, format, args...)
}

// addAs records a finding whose severity differs from its rule's. fix may be empty.
func (c *checker) addAs(id string, severity dev.Severity, at place, fix, format string, args ...any) {
	r := c.rules[id]
	f := finding{imagePath: at.imagePath, Finding: dev.Finding{ID: id, Severity: severity, Message: printable(fmt.Sprintf(format, args...)), File: at.file, Line: at.line, Where: printable(at.where),
		Fix: cmp.Or(fix, r.Fix), Docs: r.Docs}}
	if c.added[f.Finding] || len(c.findings) >= maxFindings {
		return
	}
	if c.added == nil {
		c.added = map[dev.Finding]bool{}
	}
	c.added[f.Finding] = true
	c.findings = append(c.findings, f)
}

// printable makes foreign text safe to print, and shortens it.
func printable(text string) string {
	const most = 400
	if text = dev.Sanitize(text); len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}

// results applies the suppressions, limits the findings per rule and sorts.
func (c *checker) results() []dev.Finding {
	for _, f := range c.Others {
		c.findings = append(c.findings, finding{Finding: f})
	}
	c.suppress()
	type kind struct {
		id         string
		severity   dev.Severity
		suppressed bool
	}
	have, last := map[kind]int{}, map[kind]int{}
	out := make([]dev.Finding, 0, len(c.findings))
	for _, f := range c.findings {
		if _, ours := c.rules[f.ID]; !ours {
			out = append(out, f.Finding)
			continue
		}
		k := kind{f.ID, f.Severity, f.Suppressed != nil}
		if have[k]++; have[k] <= maxPerRule {
			out = append(out, f.Finding)
			last[k] = len(out) - 1
		}
	}
	for k, n := range have {
		if n > maxPerRule {
			out[last[k]].Message += fmt.Sprintf(" (and %d more of this rule)", n-maxPerRule)
		}
	}
	rank := map[dev.Severity]int{dev.Blocks: 0, dev.Warns: 1, dev.Informs: 2}
	order := map[string]int{}
	for i, r := range Rules() {
		order[r.ID] = i + 1 // findings of Subject.Others have none
	}
	slices.SortStableFunc(out, func(a, b dev.Finding) int {
		if a.Severity == b.Severity && order[a.ID]+order[b.ID] == 0 {
			return 0 // their order is the caller's
		}
		return cmp.Or(rank[a.Severity]-rank[b.Severity], order[a.ID]-order[b.ID], strings.Compare(a.File, b.File), a.Line-b.Line, strings.Compare(a.Where, b.Where))
	})
	return out
}

// Limits of reading the source. Larger files are data.
const (
	maxSource  = 8 << 20  // of a file that is searched for credentials
	maxText    = 1 << 20  // of a file that is kept in memory
	maxTexts   = 64 << 20 // of all files in memory
	maxEntries = 60_000
)

// readSource searches the project's files for credentials, and keeps the texts that rules are about.
func (c *checker) readSource(ctx context.Context) error {
	c.files, c.links, c.listed = map[string]string{}, map[string]string{}, map[string]bool{}
	if c.Project == nil {
		return nil
	}
	names := c.Repository.Files
	if !c.Repository.Found || names == nil {
		var err error
		if names, err = walk(ctx, c.Project); err != nil {
			return fmt.Errorf("read the project: %w", err)
		}
	}
	var s scanner
	total := 0
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		if slices.ContainsFunc(c.Bundle, func(b File) bool { return b.Path == name }) {
			continue // its rendered text is checked instead
		}
		if st, err := fs.Lstat(c.Project, name); !fs.ValidPath(name) || err != nil || !st.Mode().IsRegular() {
			if target, err := fs.ReadLink(c.Project, name); err == nil && !path.IsAbs(target) {
				c.links[name] = path.Join(path.Dir(name), target)
			}
			continue // the target of a link is read at its own place, or is no file of the project
		}
		c.listed[name] = true
		c.sourceSecrets(&s, name)
		if b, ok := readText(c.Project, name); ok && (isRelevant(name) || strings.Contains(string(b), bypassVariable)) && total+len(b) <= maxTexts {
			c.files[name] = string(b)
			total += len(b)
		}
	}
	c.otherSecrets()
	return nil
}

// isRelevant reports whether rules are about files of this name.
func isRelevant(name string) bool {
	switch base := path.Base(name); path.Ext(base) {
	case ".py", ".pth", ".sh", ".bash", ".ps1", ".conf", ".cfg", ".ini", ".toml", ".yml", ".yaml", ".json", ".txt", ".in", ".lock":
		return true
	default:
		return languageOf(name) == asCode || base == bypassVariable || path.Ext(base) == "" && path.Dir(name) != "." || dockerfile.IsName(base) || base == "Procfile" || base == ".dockerignore" || base == "Pipfile"
	}
}

// readText reads a regular file of at most maxText bytes.
func readText(fsys fs.FS, name string) ([]byte, bool) {
	if !fs.ValidPath(name) {
		return nil, false
	}
	if st, err := fs.Stat(fsys, name); err != nil || !st.Mode().IsRegular() || st.Size() > maxText {
		return nil, false
	}
	b, err := fs.ReadFile(fsys, name)
	return b, err == nil
}

// isSkippedDir reports whether a directory is hidden and no platform or pipeline reads it.
func isSkippedDir(base string) bool {
	return strings.HasPrefix(base, ".") && !slices.Contains([]string{".", ".streamlit", ".github", ".gitlab", ".gitea", ".forgejo", ".circleci", ".buildkite", ".semaphore", ".woodpecker", ".azure-pipelines", ".ebextensions", ".elasticbeanstalk", ".platform", ".do", ".kamal"}, base)
}

// walk lists the files of a project that is in no repository. It skips virtual environments, hidden directories
// without settings, and files that usually hold secrets: those are fine while they stay in the project.
func walk(ctx context.Context, fsys fs.FS) ([]string, error) {
	var out []string
	seen := 0
	err := fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			if name == "." {
				return err
			}
			return nil // an unreadable file does not ship from here
		}
		if seen++; seen > maxEntries {
			return fs.SkipAll
		}
		base := entry.Name()
		if entry.IsDir() {
			_, environment := fs.Stat(fsys, path.Join(name, "pyvenv.cfg"))
			if isSkippedDir(base) || environment == nil || slices.Contains([]string{"node_modules", "__pycache__", "site-packages", "venv"}, base) {
				return fs.SkipDir
			}
			return ctx.Err()
		}
		if (entry.Type().IsRegular() || entry.Type() == fs.ModeSymlink) && !isSecretFile(name) {
			out = append(out, name)
		}
		return nil
	})
	return out, err
}
