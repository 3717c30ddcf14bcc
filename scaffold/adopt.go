package scaffold

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"sdev/dev"
	"sdev/dev/tree"
)

// Offer is a file that somebody's project may lack.
type Offer struct {
	Path    string // relative to the project, with slashes
	Content []byte
}

// NewAdoption looks at dir, a project that somebody else made, and says which of the offers it
// lacks. What is there is left alone whatever it holds, and no record is kept: all of it is the
// user's from then on. Its errors are *dev.Error.
func NewAdoption(dir string, offers []Offer) (*Plan, error) {
	dir = filepath.Clean(dir)
	exists, err := checkDir(dir)
	if err != nil {
		return nil, err
	}
	if !exists {
		return nil, &dev.Error{Code: dev.CodeScaffoldTarget, Message: dir + " is not there", Hint: "name the project's directory", Exit: dev.ExitFailed}
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
			file.Status, file.Reason = Skip, "it is there already"
		case !errors.Is(err, fs.ErrNotExist):
			return nil, tree.DirError(err, "look at %s: %s", o.Path, tree.Reason(err))
		}
		p.Files = append(p.Files, file)
	}
	return p, nil
}
