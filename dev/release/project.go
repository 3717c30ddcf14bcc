package release

import (
	"cmp"
	"context"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/detect"
	"sdev/dev/git"
	"sdev/dev/handoff"
)

// Bundles is the directory in a project for its bundles, one for each target.
const Bundles = "deploy"

// Project is a project to hand over: everything that is known before the choice of a target.
type Project struct {
	Facts      handoff.Facts // without Bundle and Image, which belong to a single hand-off
	Repository git.Repository

	releaser     *Releaser
	config       *config.Project
	service      types.ServiceConfig // the one that ships
	found        *detect.Findings
	survey       detect.Survey
	handoffFiles []string // files outside of bundles that earlier hand-offs have written
}

// Gather collects the facts of a project. The entry script is the one that x-sdev.entry names, or else the entry of
// found.
func (r *Releaser) Gather(ctx context.Context, c *config.Project, found *detect.Findings) (*Project, error) {
	p := &Project{releaser: r, config: c, found: found}
	p.service, _ = c.ReleaseService()
	chooseEntry(c, found)
	p.survey = found.Survey()
	var err error
	if p.Repository, err = git.Read(ctx, c.Dir, r.Env); err != nil {
		return nil, err
	}
	p.Facts = handoff.Facts{Name: c.Name, Dir: ".", App: p.appFacts(), Git: p.gitFacts(), AWS: p.awsFacts(),
		Policy: c.Settings.Auth.Policies, People: c.Settings.Auth.Users, Version: r.Version}
	if rel, ok := p.Repository.Inside(c.Dir); ok {
		p.Facts.Dir = rel
	}
	return p, p.findHandoffFiles()
}

// chooseEntry makes the script that a flag or x-sdev.entry names the entry.
func chooseEntry(c *config.Project, found *detect.Findings) {
	if entry := c.Settings.Entry; entry != "" {
		found.Choose(path.Clean(filepath.ToSlash(entry)), detect.Fact{Why: cmp.Or(c.EntryWhy, "x-sdev.entry")})
	}
}

// Last is the record of the last hand-off to a target, in the usual directory; nil if there was none.
func (p *Project) Last(target string) (*handoff.Record, error) {
	place, err := p.bundlePlace(target, "")
	if err != nil {
		return nil, err
	}
	b, err := handoff.Open(place)
	if err != nil {
		return nil, err
	}
	defer b.Close()
	return b.Last, nil
}

// findHandoffFiles collects the files that hand-offs to any target have written at the root of the repository.
func (p *Project) findHandoffFiles() error {
	for _, t := range handoff.Targets() {
		place, err := p.bundlePlace(t.Name, "")
		if err != nil {
			return err
		}
		b, err := handoff.Open(place)
		if err != nil {
			continue // a hand-off to that target, and the list of targets, report the error
		}
		if b.Last != nil {
			for _, f := range b.Last.Files {
				if strings.HasPrefix(f.File, handoff.AtRepository) {
					p.handoffFiles = append(p.handoffFiles, f.Path)
				}
			}
		}
		b.Close()
	}
	return nil
}

// root is the directory that limits what a hand-off writes, apart from a bundle outside of it.
func (p *Project) root() string {
	if _, ok := p.Repository.Inside(p.config.Dir); ok {
		return p.Repository.Root
	}
	return p.config.Dir
}

// inRepository makes a path relative to the repository; "." if it is outside.
func (p *Project) inRepository(name string) string {
	rel, err := filepath.Rel(p.root(), name)
	if err != nil || !filepath.IsLocal(rel) {
		return "."
	}
	return filepath.ToSlash(rel)
}

// handoffPaths are the directories and files of the repository that hand-offs of this project have written or, for this
// one, will write. A commit of only these does not change what is handed over.
func (p *Project) handoffPaths(b *handoff.Bundle) []string {
	out := append([]string{path.Join(p.Facts.Dir, Bundles)}, p.handoffFiles...)
	if b.Place.Root == p.root() && b.Place.Bundle != "." {
		out = append(out, b.Place.Bundle)
	}
	var files []string
	for _, c := range b.Changes {
		files = append(files, c.Path)
	}
	if b.Last != nil { // b.Changes is empty until something is rendered
		for _, f := range b.Last.Files {
			files = append(files, f.Path)
		}
	}
	for _, file := range files {
		if b.Place.Root == p.root() && !strings.HasPrefix(file, b.Place.Bundle+"/") {
			out = append(out, file)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// modified are the files with uncommitted changes, without those that hand-offs write.
func (p *Project) modified(b *handoff.Bundle) []string {
	paths := p.handoffPaths(b)
	return slices.DeleteFunc(slices.Clone(p.Repository.Modified), func(name string) bool {
		return slices.ContainsFunc(paths, func(h string) bool { return name == h || strings.HasPrefix(name, h+"/") })
	})
}

// absentSubmodules are the findings about submodules that are not checked out.
func (p *Project) absentSubmodules() []dev.Finding {
	var out []dev.Finding
	for _, name := range p.Repository.Absent {
		out = append(out, dev.Finding{ID: "ship.submodule", Severity: dev.Warns, Message: "the files of submodule " + dev.Sanitize(name) + " are not checked out", Where: name, Fix: "git submodule update --init --recursive"})
	}
	return out
}
