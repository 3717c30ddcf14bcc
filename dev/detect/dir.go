package detect

import (
	"errors"
	"fmt"
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
	if full, err := filepath.Abs(dir); err == nil {
		found.tree.dir = filepath.ToSlash(full)
	}
	return found, nil
}
