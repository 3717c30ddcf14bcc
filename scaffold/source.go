package scaffold

import (
	"bytes"
	"io/fs"
	"text/template"

	"sdev/dev/tree"
)

// Source is what a project is made from.
type Source struct {
	// Tree holds the templates, in the form that package tree describes; all of it is in layers.
	Tree fs.FS
	// Name and Version say which tree that is; both are recorded.
	Name, Version string
	// Answers are the values of the templates and choose the layers.
	Answers map[string]string
}

// render gives the files of the project, by path.
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
