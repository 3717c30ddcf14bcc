package config

import (
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
)

// dependencyFiles are the usual files that list dependencies.
func dependencyFiles() []string {
	return []string{
		"requirements*.txt", "requirements*.in", "constraints*.txt", "pyproject.toml", "uv.lock", "poetry.lock",
		"pdm.lock", "Pipfile", "Pipfile.lock", "environment.yml", "environment.yaml", "conda-lock.yml", "setup.py", "setup.cfg", "packages.txt",
		".python-version", "runtime.txt",
	}
}

// requirementsDir is the usual name of a directory of lists, such as requirements/base.txt.
const requirementsDir = "requirements"

// dependencyPatterns match the same files, and those that an assumed build reads.
func (p *Project) dependencyPatterns() []string {
	out := append(dependencyFiles(), requirementsDir+"/*.txt", requirementsDir+"/*.in")
	for _, name := range p.buildReads {
		if info, err := os.Stat(filepath.Join(p.Dir, filepath.FromSlash(name))); err == nil && info.Mode().IsRegular() && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// rules are the rules for saves: first those of develop.watch, then those derived from the app's build and mounts.
// synced says that the project's directories are copied and not mounted.
func rules(p *Project, app types.ServiceConfig, synced bool) ([]dev.Rule, error) {
	asked, err := askedRules(p, app)
	if err != nil {
		return nil, err
	}
	return append(asked, derivedRules(p, app, synced)...), nil
}

func askedRules(p *Project, app types.ServiceConfig) ([]dev.Rule, error) {
	if app.Develop == nil {
		return nil, nil
	}
	var out []dev.Rule
	for i, t := range app.Develop.Watch {
		r, err := askedRule(p, app, i, t)
		if err != nil {
			return nil, err
		}
		if err := (trigger{p, app, i, t}).check(r, out); err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

func askedRule(p *Project, app types.ServiceConfig, i int, t types.Trigger) (dev.Rule, error) {
	at := trigger{p, app, i, t}
	rel, ok := p.relative(t.Path)
	if !ok {
		return dev.Rule{}, at.bad(fmt.Sprintf("watches %s, which lies outside the project", t.Path), "use a path inside the project", "path")
	}
	file, _ := at.place()
	// Without the line number: rules are part of the gateway's configuration, and an edit above would recreate it.
	r := dev.Rule{Path: rel, Include: t.Include, Ignore: t.Ignore, Origin: fmt.Sprintf("%s (%s)", at.name(), file)}
	switch t.Action {
	case types.WatchActionRebuild:
		r.Action = dev.Rebuild
	case types.WatchActionRestart:
		r.Action = dev.Restart
	case types.WatchActionSync:
		r.Action = dev.Sync
	case types.WatchActionSyncRestart:
		r.Action = dev.SyncRestart
	case types.WatchActionSyncExec:
		r.Action = dev.SyncExec
	default:
		return r, at.bad(fmt.Sprintf("has the unknown action %s", t.Action), "one of: sync, sync+restart, sync+exec, restart, rebuild", "action")
	}
	if !r.Action.Syncs() {
		return r, nil
	}
	r.Target = t.Target
	r.Exec = dev.Exec{Command: t.Exec.Command, User: t.Exec.User, WorkingDir: t.Exec.WorkingDir, Privileged: t.Exec.Privileged, Env: assignments(t.Exec.Environment)}
	if app.Build == nil {
		return r, nil
	}
	context, ok := p.relative(app.Build.Context)
	if !ok {
		return r, nil // nothing of the project goes into the image
	}
	lines, err := ignoreLines(app.Build.Context, app.Build.Dockerfile)
	if err != nil {
		return r, bad(dev.CodeProjectInvalid, display(p.Dir, filepath.Join(app.Build.Context, ".dockerignore")), 0, err.Error(), "fix the pattern")
	}
	if len(lines) > 0 {
		r.Context, r.ContextIgnore = context, lines
	}
	return r, nil
}

func assignments(env types.MappingWithEquals) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if v := env[name]; v != nil {
			out = append(out, name+"="+*v)
		}
	}
	return out
}

func derivedRules(p *Project, app types.ServiceConfig, synced bool) []dev.Rule {
	var out []dev.Rule
	out = append(out, dev.Rule{Path: ".", Include: p.RelativeFiles(), Action: dev.Restart, Origin: "derived: project file"})
	if app.Build != nil {
		if context, ok := p.relative(app.Build.Context); ok {
			include := append(p.dependencyPatterns(), ".dockerignore")
			if app.Build.Dockerfile != "" {
				include = append(include, filepath.ToSlash(app.Build.Dockerfile))
			}
			out = append(out, dev.Rule{Path: context, Include: include, Action: dev.Rebuild, Origin: "derived: source of the image"})
		}
	}
	for _, dir := range p.watchedSettings() {
		out = append(out, dev.Rule{Path: path.Join(dir, ".streamlit"), Include: []string{"config.toml"}, Action: dev.Restart, Origin: "derived: Streamlit's settings"})
	}
	mounts := sourceMounts(p, app)
	if !synced {
		mounts = append(mounts, outsideMounts(p, app)...)
	}
	for _, m := range mounts {
		if app.Build != nil && m.Project != ".streamlit" {
			out = append(out, dev.Rule{Path: m.Project, Include: anywhere(append(dependencyFiles(), requirementsDir+"/*.txt", requirementsDir+"/*.in")), Action: dev.Rebuild, Origin: "derived: dependencies"})
		}
		if synced {
			out = append(out, dev.Rule{Path: m.Project, Action: dev.Sync, Origin: "derived: synced source", Target: m.Container})
			continue
		}
		out = append(out, dev.Rule{Path: m.Project, Include: []string{"**/*.py", "*.py"}, Action: dev.Live, Origin: "derived: mounted source"})
	}
	return out
}

// watchedSettings are the directories, relative to the project, whose .streamlit has the app's settings, or may get them
// while the app runs.
func (p *Project) watchedSettings() []string {
	if dir, ok := p.findSettings(); ok {
		return []string{path.Clean(dir)}
	}
	var dirs []string
	for _, dir := range p.settingsDirs() {
		if dir = path.Clean(dir); !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// anywhere makes patterns match in every directory.
func anywhere(patterns []string) []string {
	for i, p := range patterns {
		patterns[i] = "**/" + p
	}
	return patterns
}

// sourceMounts are the directories of the project that are bind-mounted into the app.
func sourceMounts(p *Project, app types.ServiceConfig) []dev.Mount {
	var out []dev.Mount
	for _, v := range app.Volumes {
		if v.Type != types.VolumeTypeBind {
			continue
		}
		if rel, ok := p.relative(v.Source); ok {
			out = append(out, dev.Mount{Container: v.Target, Project: rel})
		}
	}
	return out
}

// relative returns a path relative to the project with slashes, and whether it lies inside. A build
// context that is a URL does not.
func (p *Project) relative(path string) (string, bool) {
	if strings.Contains(path, "://") || strings.HasPrefix(path, "git@") {
		return "", false
	}
	if !dev.IsAbs(path) {
		path = filepath.Join(p.Dir, path)
	}
	rel, err := filepath.Rel(p.Dir, path)
	if err != nil || !filepath.IsLocal(rel) {
		return "", false
	}
	return filepath.ToSlash(rel), true
}
