package config

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
)

// dependencyFiles are the usual files that say what is installed in an image.
func dependencyFiles() []string {
	return []string{
		"requirements*.txt", "requirements*.in", "constraints*.txt", "pyproject.toml", "uv.lock", "poetry.lock",
		"Pipfile", "Pipfile.lock", "environment.yml", "environment.yaml", "conda-lock.yml", "setup.py", "setup.cfg", "packages.txt",
	}
}

// rules says what a save means: first what develop.watch asks for, then what follows from how the
// app is built and mounted.
func rules(p *Project, app types.ServiceConfig) ([]dev.Rule, error) {
	asked, err := askedRules(p, app)
	if err != nil {
		return nil, err
	}
	return append(asked, derivedRules(p, app)...), nil
}

func askedRules(p *Project, app types.ServiceConfig) ([]dev.Rule, error) {
	if app.Develop == nil {
		return nil, nil
	}
	var out []dev.Rule
	for i, t := range app.Develop.Watch {
		file, line := p.sources.locate("services", app.Name, "develop", "watch", strconv.Itoa(i))
		// Without its line: the running gateway is told these, and an edit above it would replace it.
		origin := fmt.Sprintf("develop.watch[%d] (%s)", i, file)
		rel, ok := p.relative(t.Path)
		if !ok {
			return nil, bad(dev.CodeComposeInvalid, file, line, fmt.Sprintf("develop.watch[%d] watches %s, which lies outside the project", i, t.Path), "give a path inside the project")
		}
		r := dev.Rule{Path: rel, Include: t.Include, Ignore: t.Ignore, Origin: origin}
		switch t.Action {
		case types.WatchActionRebuild:
			r.Action = dev.Rebuild
		case types.WatchActionRestart:
			r.Action = dev.Restart
		default:
			return nil, bad(dev.CodeComposeKey, file, line, fmt.Sprintf("develop.watch[%d].action %s is not applied by sdev", i, t.Action), "mount the folder instead (saves are live then), or use rebuild or restart")
		}
		out = append(out, r)
	}
	return out, nil
}

func derivedRules(p *Project, app types.ServiceConfig) []dev.Rule {
	var out []dev.Rule
	out = append(out, dev.Rule{Path: ".", Include: p.RelativeFiles(), Action: dev.Restart, Origin: "derived: project file"})
	if app.Build != nil {
		if context, ok := p.relative(app.Build.Context); ok {
			include := append(dependencyFiles(), ".dockerignore")
			if app.Build.Dockerfile != "" {
				include = append(include, filepath.ToSlash(app.Build.Dockerfile))
			}
			out = append(out, dev.Rule{Path: context, Include: include, Action: dev.Rebuild, Origin: "derived: what the image is built from"})
		}
	}
	out = append(out, dev.Rule{Path: ".streamlit", Include: []string{"config.toml"}, Action: dev.Restart, Origin: "derived: Streamlit's settings"})
	for _, m := range sourceMounts(p, app) {
		if app.Build != nil && m.Project != ".streamlit" {
			out = append(out, dev.Rule{Path: m.Project, Include: anywhere(dependencyFiles()), Action: dev.Rebuild, Origin: "derived: what is installed"})
		}
		out = append(out, dev.Rule{Path: m.Project, Include: []string{"**/*.py", "*.py"}, Action: dev.Live, Origin: "derived: mounted source"})
	}
	return out
}

// anywhere makes patterns match in every folder.
func anywhere(patterns []string) []string {
	for i, p := range patterns {
		patterns[i] = "**/" + p
	}
	return patterns
}

// sourceMounts are the folders of the project that the app sees through bind mounts.
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

// relative gives a path relative to the project with slashes, and whether it lies inside.
func (p *Project) relative(path string) (string, bool) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(p.Dir, path)
	}
	rel, err := filepath.Rel(p.Dir, path)
	if err != nil || rel == ".." || strings.HasPrefix(rel, "../") {
		return "", false
	}
	return filepath.ToSlash(rel), true
}
