// Package templates holds the trees that sdev writes for its users, embedded in the binary, so that
// scaffolding and hand-offs need no network.
//
// It is data: what is in a tree, and which files belong to which answers, is told by the tree
// itself, in the form that package tree reads (its documentation describes it). Two rules are kept
// here: the embedded tree is the one on disk, which a test compares; and a module that a new project
// and a bundle both hold is one file, in the directory of its target (see the table below).
//
// The lock files in project/ are not written by hand: `make -C templates` renews them with uv, from
// the dependency files beside them.
package templates

import (
	"embed"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// ProjectVersion names the state of the project tree. It is recorded in every project made from it
// and changes whenever what is rendered does.
const ProjectVersion = "2026.11.2"

// The prefix "all:" keeps the files whose names begin with a dot.
//
//go:embed all:project all:targets
var trees embed.FS

// Project is the tree of a new project. Its choices are "auth" (streamlit-oauth, native, alb, iap, cloudflare, none) and
// "deps" (uv, pip, conda); its texts want "name", the name of the project.
func Project() fs.FS {
	return project{FS: sub("project"), shared: map[string]string{
		"auth=alb/code_package/streamlit/util/alb_identity.py":           "targets/ecs-cognito/alb_identity.py",
		"auth=iap/code_package/streamlit/util/iap_identity.py":           "targets/cloud-run/iap_identity.py",
		"auth=cloudflare/code_package/streamlit/util/access_identity.py": "targets/cloudflare/access_identity.py",
	}}
}

// project is the directory "project" with further files, which are those of a target: path in the project → path among
// the trees. The directories of these paths exist.
type project struct {
	fs.FS
	shared map[string]string
}

// Open opens a file of the directory, or one of the further files.
func (p project) Open(name string) (fs.File, error) {
	if source, ok := p.shared[name]; ok {
		return trees.Open(source)
	}
	return p.FS.Open(name)
}

// ReadDir lists a directory, by name, with the further files in it.
func (p project) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(p.FS, name)
	for at, source := range p.shared {
		if err == nil && path.Dir(at) == name {
			var info fs.FileInfo
			if info, err = fs.Stat(trees, source); err == nil {
				entries = append(entries, fs.FileInfoToDirEntry(info))
			}
		}
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, err
}

// TargetsVersion names the state of the trees of the hand-off. Every bundle's record holds it. An sdev with an older
// version refuses to render that bundle again, because it would take the changes back. So raise it with a change
// of what an existing target renders, once between two releases. A new target needs no other version: an older sdev
// does not know the target.
const TargetsVersion = "2026.11.2"

// Targets holds a tree for each platform that a project can be handed over to, in the form that
// package handoff reads.
func Targets() fs.FS { return sub("targets") }

func sub(name string) fs.FS {
	sub, err := fs.Sub(trees, name)
	if err != nil {
		panic(err) // the name is a constant that embed has checked
	}
	return sub
}
