package detect

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"sdev/dev"
)

// Dir is [Tree] for a directory on this machine. It follows no link out of the directory. The error is a *dev.Error
// with exit code 3.
func Dir(dir string) (*Findings, error) {
	fail := func(err, shown error) error {
		return &dev.Error{Code: dev.CodeProjectMissing, Exit: dev.ExitProject, Cause: err, Message: fmt.Sprintf("cannot read %s: %v", dir, shown), Hint: "check the directory's permissions"}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fail(err, errors.Unwrap(err))
	}
	defer root.Close()
	found, err := Tree(dev.Files(root))
	if err != nil {
		return nil, fail(err, err)
	}
	found.tree.fsys = reopened(dir)
	if full, err := filepath.Abs(dir); err == nil {
		found.tree.dir = filepath.ToSlash(full)
	}
	return found, nil
}

// reopened is a directory that is opened for each file: findings read files whenever a choice needs them, and nobody
// closes findings.
type reopened string

func (dir reopened) Open(name string) (fs.File, error) {
	root, err := os.OpenRoot(string(dir))
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return dev.Files(root).Open(name)
}
