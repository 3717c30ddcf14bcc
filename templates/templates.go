// Package templates holds the trees that sdev writes for its users, embedded in the binary, so that
// scaffolding and hand-offs need no network.
//
// It is data: what is in a tree, and which files belong to which answers, is told by the tree
// itself, in the form that package tree reads (its documentation describes it). The only rule
// kept here is that the embedded tree is the one on disk, which a test compares.
//
// The lock files in project/ are not written by hand: `make -C templates` renews them with uv, from
// the dependency files beside them.
package templates

import (
	"embed"
	"io/fs"
)

// ProjectVersion names the state of the project tree. It is recorded in every project made from it
// and changes whenever what is rendered does.
const ProjectVersion = "2026.11.2"

// The prefix "all:" keeps the files whose names begin with a dot.
//
//go:embed all:project all:targets
var trees embed.FS

// Project is the tree of a new project. Its choices are "auth" (streamlit-oauth, none) and "deps"
// (uv, pip, conda); its texts want "name", the name of the project.
func Project() fs.FS { return sub("project") }

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
