package detect

import (
	"path"
	"slices"
	"strings"
)

// appDir is the source's directory in an image without a Dockerfile of the tree.
const appDir = "/app"

// layout says where the tree is in an image that sdev's own Dockerfile makes. If the project installs something from
// above its directory, the image mirrors the directories from there on, so that relative paths hold.
type layout struct {
	context string // of the build, relative to the tree: ".", or a directory above it
	in      string // the tree, relative to the context
	app     string // the tree, in the image
}

// layout returns the layout that the lists need.
func (f *Findings) layout() layout {
	up := 0
	for _, name := range f.outside() {
		up = max(up, strings.Count(name+"/", "../"))
	}
	parts := strings.Split(strings.Trim(path.Clean("/"+f.tree.dir), "/"), "/")
	if up == 0 || up > len(parts) {
		return layout{".", ".", appDir}
	}
	in := path.Join(parts[len(parts)-up:]...)
	return layout{strings.TrimSuffix(strings.Repeat("../", up), "/"), in, path.Join(appDir, in)}
}

// outside are the paths above the tree that the lists install or include. It skips those for which the tree does not
// lie deep enough.
func (f *Findings) outside() []string {
	var out []string
	depth := strings.Count(path.Clean("/"+f.tree.dir), "/")
	for _, l := range f.lists {
		for _, name := range l.outside {
			if strings.Count(name+"/", "../") <= depth && !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
	}
	return out
}

// mounts are the tree and the directories above it that it installs.
func (f *Findings) mounts() []Mount {
	l := f.layout()
	out := []Mount{{".", l.app}}
	for _, name := range f.outside() {
		if !slices.Contains([]string{".txt", ".in", ".whl", ".gz", ".zip"}, path.Ext(name)) {
			out = append(out, Mount{name, path.Join(l.app, name)})
		}
	}
	return out
}
