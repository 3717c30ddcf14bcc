package tree

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// File is a rendered file.
type File struct {
	Path    string // relative to the directory of the result, with slashes
	Content []byte // never nil
	Mode    fs.FileMode
}

// Templates is a tree of templates, with the layout that the package documentation describes, and the values of this
// run.
type Templates struct {
	FS fs.FS
	// Value returns the value of a key in the name of a layer; ok is false if there is no such key.
	Value func(key string) (value string, ok bool)
	// Execute renders a template; name is the path of the rendered file.
	Execute func(name, text string) ([]byte, error)
	// PlacePath, unless it is nil, turns a file's path in its layer into its path in the result.
	PlacePath func(path string) (string, error)
	// AllowUnlayered accepts files outside of layers, which always belong to the result. Otherwise they are an error.
	AllowUnlayered bool
	// DropBlank leaves out files that contain only white space.
	DropBlank bool
}

const (
	layerAll       = "all"
	alternative    = "+" // go:embed accepts no file name with a bar
	templateEnding = ".tmpl"
)

// Render renders the files, sorted by path.
func (t Templates) Render() ([]File, error) {
	var files []File
	err := fs.WalkDir(t.FS, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || name == "." {
			return err
		}
		rel, taken, err := t.layer(name, entry)
		switch {
		case err != nil:
			return err
		case !taken:
			return fs.SkipDir
		case entry.IsDir():
			return nil
		}
		file, err := t.renderFile(name, rel)
		if err != nil {
			return fmt.Errorf("template %s: %w", name, err)
		}
		if !t.DropBlank || len(bytes.TrimSpace(file.Content)) > 0 {
			files = append(files, file)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	for i := 1; i < len(files); i++ {
		if files[i].Path == files[i-1].Path {
			return nil, fmt.Errorf("two templates render %s", files[i].Path)
		}
	}
	return files, nil
}

// layer removes the layer from a path. taken reports whether the layer belongs to the result; if it does not, the walk
// skips its directory.
func (t Templates) layer(name string, entry fs.DirEntry) (rel string, taken bool, err error) {
	top, rel, below := strings.Cut(name, "/")
	switch isLayer := top == layerAll || strings.Contains(top, "="); {
	case !isLayer || !below && !entry.IsDir():
		if !t.AllowUnlayered {
			err = fmt.Errorf("template %s is in no layer: %q is neither %q nor KEY=VALUE", name, top, layerAll)
		}
		return name, true, err
	case below || top == layerAll:
		return rel, true, nil
	}
	taken = true
	for condition := range strings.SplitSeq(top, ",") {
		key, want, ok := strings.Cut(condition, "=")
		value, known := t.Value(key)
		if !ok || !known {
			return "", false, fmt.Errorf("template layer %q refers to %q, which is not a value", top, key)
		}
		taken = taken && slices.Contains(strings.Split(want, alternative), value)
	}
	return "", taken, nil
}

func (t Templates) renderFile(name, rel string) (File, error) {
	content, err := fs.ReadFile(t.FS, name)
	if err != nil {
		return File{}, err
	}
	info, err := fs.Stat(t.FS, name)
	if err != nil {
		return File{}, err
	}
	rel, isTemplate := strings.CutSuffix(rel, templateEnding)
	if t.PlacePath != nil {
		if rel, err = t.PlacePath(rel); err != nil {
			return File{}, err
		}
	}
	file := File{Path: rel, Content: content, Mode: modeOf(info.Mode()&0o100 != 0 || path.Ext(rel) == ".sh")}
	if isTemplate {
		file.Content, err = t.Execute(rel, string(content))
	}
	if file.Content == nil {
		file.Content = []byte{}
	}
	return file, err
}

// modeOf is the mode of a file. In an embedded tree every file is read-only, so renderFile also marks files named *.sh
// as executable.
func modeOf(executable bool) fs.FileMode {
	if executable {
		return 0o755
	}
	return 0o644
}
