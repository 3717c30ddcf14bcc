package scaffold

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"sdev/dev"
	"sdev/dev/tree"
)

// checkDir reports whether the target exists. It refuses anything but a directory. It also refuses a link to one, so
// that sdev writes to the directory that the user names and to no other.
func checkDir(dir string) (exists bool, err error) {
	info, err := os.Lstat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, tree.DirError(err, "look at %s: %s", dir, tree.Reason(err))
	case info.Mode()&fs.ModeSymlink != 0:
		hint := "name the directory itself"
		if to, err := filepath.EvalSymlinks(dir); err == nil {
			hint = "sdev init " + to
		}
		return false, &dev.Error{Code: dev.CodeScaffoldTarget, Message: dir + " is a symbolic link", Hint: hint, Exit: dev.ExitFailed}
	case !info.IsDir():
		return false, &dev.Error{Code: dev.CodeScaffoldTarget, Message: dir + " is not a directory", Hint: "name another directory", Exit: dev.ExitFailed}
	}
	return true, nil
}

// checkParents refuses a path below something that is not a directory. Links to directories inside the
// project are followed; os.Root refuses those that lead out of it.
func checkParents(root *os.Root, name string) error {
	for i, c := range name {
		if c != '/' {
			continue
		}
		parent := name[:i]
		info, err := root.Stat(filepath.FromSlash(parent))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			if link, err := root.Lstat(filepath.FromSlash(parent)); err == nil {
				return inTheWay(parent, tree.Kind(link.Mode())) // a link to nothing
			}
			return nil
		case err != nil:
			return tree.DirError(err, "%s cannot be written to: %s", parent, tree.Reason(err))
		case !info.IsDir():
			return inTheWay(parent, tree.Kind(info.Mode()))
		}
	}
	return nil
}

// foreign lists the other entries of the directory, so that a mistyped command does not spread a project over the user's
// home directory. It leaves out dotfiles, a licence and the project's own directories.
func foreign(root *os.Root, files []tree.File) ([]string, error) {
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return nil, tree.DirError(err, "list the directory: %s", tree.Reason(err))
	}
	own := make(map[string]bool)
	for _, f := range files {
		top, _, _ := strings.Cut(f.Path, "/")
		own[top] = true
	}
	var names []string
	for _, e := range entries {
		if name := e.Name(); !own[name] && name[0] != '.' && !strings.HasPrefix(name, "LICEN") {
			names = append(names, name)
		}
	}
	return names, nil
}

// read returns the content of a file of the project; nil if it does not exist.
func read(root *os.Root, name string) ([]byte, error) {
	content, err := tree.Read(root, name)
	if e, ok := errors.AsType[*tree.IrregularError](err); ok {
		return nil, inTheWay(e.Path, e.Kind)
	}
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return nil, tree.DirError(err, "%s %s: %s", e.Op, e.Path, e.Err)
	}
	return content, err
}

func inTheWay(name, kind string) error {
	return &dev.Error{
		Code: dev.CodeScaffoldTarget, Message: fmt.Sprintf("%s is %s", name, kind),
		Hint: "move it away; --force does not replace it", Exit: dev.ExitFailed,
	}
}
