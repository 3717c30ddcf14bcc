package scaffold

import (
	"bytes"
	"io/fs"
	"text/template"

	"sdev/dev/tree"
)

// Source is the tree of templates and the answers from which a project is made.
type Source struct {
	// Tree contains the templates, in the form that package tree describes. Every file is in a layer.
	Tree fs.FS
	// Name and Version identify the tree; the record contains both.
	Name, Version string
	// Answers are the data of the templates, and choose the layers.
	Answers map[string]string
}

// render returns the files of the project, sorted by path.
func (s Source) render() ([]tree.File, error) {
	return tree.Templates{FS: s.Tree, Execute: s.execute, Value: func(key string) (string, bool) {
		answer, known := s.Answers[key]
		return answer, known
	}}.Render()
}

func (s Source) execute(name, text string) ([]byte, error) {
	t, err := template.New(name).Option("missingkey=error").Parse(text)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = t.Execute(&out, s.Answers)
	return out.Bytes(), err
}
