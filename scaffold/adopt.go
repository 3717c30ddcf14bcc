package scaffold

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"sdev/dev"
	"sdev/dev/tree"
)

// Offer is a file that an existing project may lack.
type Offer struct {
	Path    string // relative to the project, with slashes
	Content []byte
}

// NewAdoption plans the files that an existing project in dir lacks. It skips a file that exists, whatever its content.
// The plan writes no record, because all files belong to the user from then on. Its errors are *dev.Error.
func NewAdoption(dir string, offers []Offer) (*Plan, error) {
	dir = filepath.Clean(dir)
	exists, err := checkDir(dir)
	if err != nil {
		return nil, err
	}
	if !exists {
		return nil, &dev.Error{Code: dev.CodeScaffoldTarget, Message: dir + " does not exist", Hint: "name the project's directory", Exit: dev.ExitFailed}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, tree.DirError(err, "open %s: %s", dir, tree.Reason(err))
	}
	defer root.Close()
	p := &Plan{Dir: dir}
	for _, o := range offers {
		if err := checkParents(root, o.Path); err != nil {
			return nil, err
		}
		file := File{Path: o.Path, Status: Create, Content: o.Content, Mode: 0o644}
		_, err := root.Lstat(filepath.FromSlash(o.Path))
		switch {
		case err == nil:
			file.Status, file.Reason = Skip, "exists already"
		case !errors.Is(err, fs.ErrNotExist):
			return nil, tree.DirError(err, "look at %s: %s", o.Path, tree.Reason(err))
		}
		p.Files = append(p.Files, file)
	}
	return p, nil
}
