package scaffold

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"sdev/dev"
)

// checkDir says whether the target is there. It must be a directory itself, not a link to one: what
// the user sees in front of them is what is written to.
func checkDir(dir string) (exists bool, err error) {
	info, err := os.Lstat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, targetError(err, "look at %s: %s", dir, reason(err))
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
				return inTheWay(parent, link) // a link to nothing
			}
			return nil
		case err != nil:
			return targetError(err, "%s cannot be written to: %s", parent, reason(err))
		case !info.IsDir():
			return inTheWay(parent, info)
		}
	}
	return nil
}

// foreign lists what else is in the directory, so that a slip of the hand does not spread a project
// over somebody's home. Dotfiles, a licence and the directories of the project itself are expected.
func foreign(root *os.Root, files []rendered) ([]string, error) {
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return nil, targetError(err, "list the directory: %s", reason(err))
	}
	ours := make(map[string]bool)
	for _, f := range files {
		top, _, _ := strings.Cut(f.path, "/")
		ours[top] = true
	}
	var names []string
	for _, e := range entries {
		if name := e.Name(); !ours[name] && name[0] != '.' && !strings.HasPrefix(name, "LICEN") {
			names = append(names, name)
		}
	}
	return names, nil
}

func inTheWay(name string, info fs.FileInfo) error {
	what := "a special file"
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		what = "a symbolic link"
	case info.IsDir():
		what = "a directory"
	case info.Mode().IsRegular():
		what = "a file, not a directory"
	}
	return &dev.Error{
		Code: dev.CodeScaffoldTarget, Message: fmt.Sprintf("%s is %s", name, what),
		Hint: "move it away; --force does not replace it", Exit: dev.ExitFailed,
	}
}

// targetError is a system error about the directory.
func targetError(cause error, format string, args ...any) error {
	hint := ""
	if errors.Is(cause, fs.ErrPermission) || errors.Is(cause, syscall.EROFS) {
		hint = "name a directory that you may write to"
	}
	return &dev.Error{Code: dev.CodeScaffoldTarget, Message: fmt.Sprintf(format, args...), Hint: hint, Exit: dev.ExitFailed, Cause: cause}
}

// reason is a system error without the operation and path around it.
func reason(err error) string {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err.Error()
	}
	if le, ok := errors.AsType[*os.LinkError](err); ok {
		return le.Err.Error()
	}
	return err.Error()
}
