package config

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"

	"sdev/dev"
)

// largeFile is the size from which a file's size and time count instead of its content.
const largeFile = 1 << 20

// BuildInput is a fingerprint of everything that a build of the app's image depends on and that
// the app does not see through a mount: build settings, Dockerfile, and the files of the context that are not
// ignored. Files for which develop.watch asks for a rebuild count in any case. With equal fingerprints a build would
// produce the same image.
func BuildInput(ctx context.Context, p *Project, s types.ServiceConfig) (string, error) {
	return BuildInputWithout(ctx, p, s, func(string) bool { return false })
}

// BuildInputWithout is BuildInput without the files that the app gets in another way; except gets paths relative
// to the project.
func BuildInputWithout(ctx context.Context, p *Project, s types.ServiceConfig, except func(path string) bool) (string, error) {
	h := sha256.New()
	b := *s.Build
	b.Secrets = nil // a secret is not part of the result
	settings, err := json.Marshal(b)
	if err != nil {
		return "", fmt.Errorf("service %s: build settings: %w", s.Name, err)
	}
	h.Write(settings)
	if b.Dockerfile != "" && filepath.IsAbs(b.Context) {
		text, err := dev.ReadFile(dockerfilePath(b))
		if err != nil && !isNotExist(err) { // the builder reports that it is missing
			file, line := p.sources.locate("services", s.Name, "build", "dockerfile")
			return "", bad(dev.CodeProjectInvalid, file, line, fmt.Sprintf("the Dockerfile of service %s cannot be read: %v", s.Name, err), "correct build.dockerfile")
		}
		h.Write(text) // it may lie outside the context
	}
	in := buildInput{h, p, s.Name, b, except}
	for _, dir := range contexts(b) {
		if dir == b.Context && s.Name == p.App && p.buildReads != nil {
			if err := in.addOnly(ctx, dir, p.buildReads); err != nil {
				return "", err
			}
			continue
		}
		if err := in.add(ctx, dir, dir); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:16]), nil
}

// contexts are the directories on this machine that a build reads: its own context and the named ones. A remote
// one counts only by its address.
func contexts(b types.BuildConfig) []string {
	var out []string
	for _, path := range append([]string{b.Context}, slices.Sorted(maps.Values(b.AdditionalContexts))...) {
		if filepath.IsAbs(path) {
			out = append(out, path)
		}
	}
	return out
}

// buildInput is the state of computing a fingerprint.
type buildInput struct {
	h       io.Writer
	p       *Project
	service string
	build   types.BuildConfig
	except  func(path string) bool
}

// addOnly adds those files of a context that the build reads. Some need not exist.
func (in buildInput) addOnly(ctx context.Context, dir string, names []string) error {
	for _, name := range names {
		at := filepath.Join(dir, filepath.FromSlash(name))
		if _, err := os.Lstat(at); isNotExist(err) {
			continue
		}
		if err := in.add(ctx, dir, at); err != nil {
			return err
		}
	}
	return nil
}

// add adds the files of a context that are, or lie below, a path.
func (in buildInput) add(ctx context.Context, dir, from string) error {
	ignored, err := ignorePatterns(dir, in.build.Dockerfile)
	if err != nil {
		return bad(dev.CodeProjectInvalid, display(in.p.Dir, filepath.Join(dir, ".dockerignore")), 0, err.Error(), "fix the pattern")
	}
	w := in.walk(filepath.Clean(dir), from, ignored)
	err = filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil || ctx.Err() != nil {
			return cmp.Or(err, ctx.Err())
		}
		return w.visit(path, d)
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		file, line := in.p.sources.locate("services", in.service, "build", "context")
		if _, gone := os.Stat(from); isNotExist(gone) {
			return bad(dev.CodeProjectInvalid, file, line, fmt.Sprintf("the build context of service %s, %s, does not exist", in.service, display(in.p.Dir, from)), "correct build.context")
		}
		return bad(dev.CodeProjectInvalid, file, line, fmt.Sprintf("the build context of service %s cannot be read: %v", in.service, err), "correct build.context, or exclude the file in .dockerignore")
	}
	return nil
}

// contextWalk is a walk through a build context.
type contextWalk struct {
	buildInput
	dir, from    string // of the context, and where the walk begins
	ignored      *patternmatcher.PatternMatcher
	passed       map[string]bool // what never counts
	mounts       []string        // what the app sees through a mount
	rebuilt      []string        // what counts nevertheless
	dockerfile   string
	dependencies dependencyNames
}

func (in buildInput) walk(dir, from string, ignored *patternmatcher.PatternMatcher) contextWalk {
	s := in.p.Model.Services[in.service]
	w := contextWalk{buildInput: in, dir: dir, from: from, ignored: ignored, rebuilt: rebuildPaths(in.p, s),
		passed:     map[string]bool{in.p.StatePath(): true, filepath.Join(dir, ".git"): true},
		dockerfile: dockerfilePath(in.build), dependencies: newDependencyNames()}
	for _, v := range s.Volumes {
		if v.Type == types.VolumeTypeBind {
			w.mounts = append(w.mounts, v.Source)
		}
	}
	return w
}

// visit adds a file, or skips it or a directory.
func (w contextWalk) visit(path string, d fs.DirEntry) error {
	// A mount may hold many files that do not count, so this comes before all that takes longer.
	if path == w.dir {
		return nil
	} else if w.passed[path] || !w.countsThoughMounted(path, d) {
		return skip(d)
	}
	rel, err := filepath.Rel(w.dir, path)
	if err != nil {
		return err
	}
	if ignored, err := w.ignored.MatchesOrParentMatches(filepath.ToSlash(rel)); err != nil {
		return err
	} else if ignored && path != w.dockerfile {
		if d.IsDir() && !w.ignored.Exclusions() {
			return filepath.SkipDir
		}
		return nil
	}
	if of, inside := w.p.relative(path); inside && !d.IsDir() && w.except(of) {
		return nil
	}
	return hashEntry(w.h, path, rel, d, w.dependencies)
}

// countsThoughMounted reports whether a change of a path changes the image, although the app may see it through a mount.
func (w contextWalk) countsThoughMounted(path string, d fs.DirEntry) bool {
	return path == w.dockerfile || path == w.from || !isBelow(w.mounts, path) || isBelow(w.rebuilt, path) || w.dependencies.contains(path, d)
}

// rebuildPaths are the paths for which develop.watch asks for a rebuild.
func rebuildPaths(p *Project, s types.ServiceConfig) []string {
	var out []string
	if s.Develop != nil {
		for _, t := range s.Develop.Watch {
			if t.Action == types.WatchActionRebuild {
				if path := t.Path; filepath.IsAbs(path) {
					out = append(out, path)
				} else {
					out = append(out, filepath.Join(p.Dir, path))
				}
			}
		}
	}
	return out
}

// isBelow reports whether a path is one of these directories or lies in one.
func isBelow(dirs []string, path string) bool {
	return slices.ContainsFunc(dirs, func(dir string) bool { return dev.IsWithin(dir, path) })
}

// dependencyNames recognises files that list dependencies. It compares extensions first, because patterns take longer.
type dependencyNames struct {
	patterns   []string
	extensions map[string]bool
}

func newDependencyNames() dependencyNames {
	n := dependencyNames{dependencyFiles(), map[string]bool{}}
	for _, p := range n.patterns {
		n.extensions[filepath.Ext(p)] = true
	}
	return n
}

// contains is true for files that the app sees through a mount but on which the build depends: those
// that list dependencies. It considers only directories of source.
func (n dependencyNames) contains(path string, d fs.DirEntry) bool {
	name := d.Name()
	if d.IsDir() {
		return name[0] != '.' && name != "venv" && name != "node_modules" && name != "__pycache__"
	}
	if ext := filepath.Ext(name); filepath.Base(filepath.Dir(path)) == requirementsDir && (ext == ".txt" || ext == ".in") {
		return true
	}
	return name == ".dockerignore" || n.extensions[filepath.Ext(name)] && slices.ContainsFunc(n.patterns, func(pattern string) bool {
		ok, err := filepath.Match(pattern, name)
		return ok && err == nil
	})
}

func skip(d fs.DirEntry) error {
	if d.IsDir() {
		return filepath.SkipDir
	}
	return nil
}

func dockerfilePath(b types.BuildConfig) string {
	if filepath.IsAbs(b.Dockerfile) {
		return b.Dockerfile
	}
	return filepath.Join(b.Context, b.Dockerfile)
}

func hashEntry(h io.Writer, path, rel string, d fs.DirEntry, lists dependencyNames) error {
	if d.IsDir() {
		return nil
	}
	st, err := d.Info()
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(h, "\x00%s\x00%o\x00%d\x00", rel, st.Mode(), st.Size())
	switch {
	case st.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(path)
		_, _ = io.WriteString(h, target)
		return err
	case !st.Mode().IsRegular():
		return nil
	case st.Size() > largeFile && !lists.contains(path, d): // of a list, only the content counts
		_, _ = fmt.Fprint(h, st.ModTime().UnixNano())
		return nil
	}
	f, err := dev.OpenFile(path)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // only read
	_, err = io.Copy(h, bufio.NewReader(f))
	return err
}

// ignorePatterns reads the Dockerfile's own ignore file where there is one, else .dockerignore.
// Source: docs.docker.com/build/concepts/context, "Filename and location".
func ignorePatterns(context, dockerfile string) (*patternmatcher.PatternMatcher, error) {
	patterns, err := ignoreLines(context, dockerfile)
	if err != nil {
		return nil, err
	}
	return patternmatcher.New(patterns)
}

func ignoreLines(context, dockerfile string) ([]string, error) {
	var patterns []string
	for _, name := range []string{dockerfile + ".dockerignore", ".dockerignore"} {
		if !filepath.IsAbs(name) {
			name = filepath.Join(context, name)
		}
		b, err := dev.ReadFile(name)
		if isNotExist(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if patterns, err = ignorefile.ReadAll(strings.NewReader(string(b))); err != nil {
			return nil, err
		}
		break
	}
	return patterns, nil
}

// RelativeFiles are the files that describe the project, relative to it, with slashes: those that were read, and
// those that would be read if they existed.
func (p *Project) RelativeFiles() []string {
	files := []string{".env"}
	if p.defaultFiles {
		files = append(files, cli.DefaultOverrideFileNames...)
	}
	if p.assumed {
		files = append(append(files, cli.DefaultFileNames...), "Dockerfile")
	}
	for _, f := range p.Files {
		if rel, ok := p.relative(f); ok {
			files = append(files, rel)
		}
	}
	for _, src := range p.sources {
		if rel, ok := p.relative(src.file); ok && src.nested {
			files = append(files, rel)
		}
	}
	slices.Sort(files)
	return slices.Compact(files)
}
