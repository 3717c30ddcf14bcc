package scaffold

import (
	"bytes"
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"text/template"
)

// Source is what a project is made from.
type Source struct {
	// Tree holds the templates, in the form that the package documentation describes.
	Tree fs.FS
	// Name and Version say which tree that is; both are recorded.
	Name, Version string
	// Answers are the values of the templates and choose the layers.
	Answers map[string]string
}

const (
	layerAll       = "all"
	templateSuffix = ".tmpl"
)

type rendered struct {
	path    string // relative to the project, with slashes
	mode    fs.FileMode
	content []byte
}

// render gives the files of the project, by path.
func (s Source) render() ([]rendered, error) {
	layers, err := fs.ReadDir(s.Tree, ".")
	if err != nil {
		return nil, fmt.Errorf("read the template tree: %w", err)
	}
	var files []rendered
	for _, layer := range layers {
		wanted, err := s.wants(layer.Name())
		if err != nil {
			return nil, err
		}
		if !wanted {
			continue
		}
		more, err := s.renderLayer(layer.Name())
		if err != nil {
			return nil, err
		}
		files = append(files, more...)
	}
	slices.SortFunc(files, func(a, b rendered) int { return cmp.Compare(a.path, b.path) })
	for i := 1; i < len(files); i++ {
		if files[i].path == files[i-1].path {
			return nil, fmt.Errorf("two layers of the template tree hold %s", files[i].path)
		}
	}
	return files, nil
}

func (s Source) wants(layer string) (bool, error) {
	if layer == layerAll {
		return true, nil
	}
	wanted := true
	for condition := range strings.SplitSeq(layer, ",") {
		key, value, ok := strings.Cut(condition, "=")
		answer, known := s.Answers[key]
		if !ok || !known {
			return false, fmt.Errorf("template layer %q is neither %q nor made of answers", layer, layerAll)
		}
		wanted = wanted && answer == value
	}
	return wanted, nil
}

func (s Source) renderLayer(layer string) ([]rendered, error) {
	var files []rendered
	err := fs.WalkDir(s.Tree, layer, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		file, err := s.renderFile(name)
		if err != nil {
			return fmt.Errorf("template %s: %w", name, err)
		}
		file.path = strings.TrimSuffix(strings.TrimPrefix(name, layer+"/"), templateSuffix)
		files = append(files, file)
		return nil
	})
	return files, err
}

func (s Source) renderFile(name string) (rendered, error) {
	info, err := fs.Stat(s.Tree, name)
	if err != nil {
		return rendered{}, err
	}
	content, err := fs.ReadFile(s.Tree, name)
	if err != nil {
		return rendered{}, err
	}
	// An embedded tree shows every file as read-only; only "executable" is worth keeping.
	file := rendered{mode: 0o644 | info.Mode().Perm()&0o111, content: content}
	if path.Ext(name) != templateSuffix {
		return file, nil
	}
	text, err := template.New(path.Base(name)).Option("missingkey=error").Parse(string(content))
	if err != nil {
		return rendered{}, err
	}
	var out bytes.Buffer
	if err := text.Execute(&out, s.Answers); err != nil {
		return rendered{}, err
	}
	file.content = out.Bytes()
	return file, nil
}
