package tree

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	"sdev/dev"
)

// Apply makes changes below dir, in order. It writes a file, or removes it if [Change.Content] is nil. If a file
// differs from [Change.Before], if a change fails or if ctx ends, Apply undoes all of its changes. Its errors are
// *dev.Error, except that of ctx.
func Apply(ctx context.Context, dir string, changes []Change) error {
	made, err := makeDir(dir)
	if err != nil {
		return DirError(err, "make %s: %s", dir, Reason(err))
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return errors.Join(DirError(err, "open %s: %s", dir, Reason(err)), removeAll(made))
	}
	w := &writer{root: root}
	err = w.apply(ctx, changes)
	if err != nil {
		err = withUndo(err, w.undo())
	}
	root.Close()
	if err != nil {
		err = withUndo(err, removeAll(made))
	}
	return err
}

// DirError is a system error about the directory that sdev writes to.
func DirError(cause error, format string, args ...any) error {
	hint := ""
	if errors.Is(cause, fs.ErrPermission) || dev.IsReadOnly(cause) {
		hint = "name a directory that you may write to"
	}
	return &dev.Error{Code: dev.CodeScaffoldTarget, Message: fmt.Sprintf(format, args...), Hint: hint, Exit: dev.ExitFailed, Cause: cause}
}

// withUndo returns err, and adds the error of undoing, if there is one.
func withUndo(err, undo error) error {
	if undo == nil {
		return err
	}
	return DirError(err, "%s; some changes could not be undone: %s", err, undo)
}

// writer writes into one directory, and remembers how to undo each step.
type writer struct {
	root  *os.Root
	steps []func() error // each undoes one step, oldest first
}

func (w *writer) apply(ctx context.Context, changes []Change) error {
	for _, c := range changes {
		c.Mode = cmp.Or(c.Mode, modeOf(false))
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		change := w.write
		if c.Content == nil {
			change = w.remove
		}
		if err := change(c); err != nil {
			return DirError(err, "write %s: %s", c.Path, Reason(err))
		}
	}
	return nil
}

func (w *writer) write(c Change) error {
	dir := path.Dir(c.Path)
	if err := w.makeParents(dir); err != nil {
		return err
	}
	w.clean(dir)
	if err := dev.ReplaceFileIn(w.root, c.Path, c.Content, c.Mode, func() error { return w.verifyUnchanged(c) }); err != nil {
		return err
	}
	w.steps = append(w.steps, func() error {
		if c.Before == nil {
			return w.root.Remove(filepath.FromSlash(c.Path))
		}
		return dev.ReplaceFileIn(w.root, c.Path, c.Before, c.Mode, nil)
	})
	return nil
}

// clean removes the temporary files that a killed run left in a directory. One that cannot be removed does no harm.
func (w *writer) clean(dir string) {
	entries, err := fs.ReadDir(w.root.FS(), dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if dev.IsHalfWritten(e.Name()) && e.Type().IsRegular() {
			_ = w.root.Remove(filepath.Join(filepath.FromSlash(dir), e.Name()))
		}
	}
}

// remove removes a file.
func (w *writer) remove(c Change) error {
	if err := w.verifyUnchanged(c); err != nil {
		return err
	}
	if err := w.root.Remove(filepath.FromSlash(c.Path)); err != nil {
		return err
	}
	w.steps = append(w.steps, func() error { return dev.ReplaceFileIn(w.root, c.Path, c.Before, c.Mode, nil) })
	return nil
}

// verifyUnchanged is an error if the file has changed since the plan was made: somebody else wrote it in the meantime.
func (w *writer) verifyUnchanged(c Change) error {
	if c.Before == nil {
		if _, err := w.root.Lstat(filepath.FromSlash(c.Path)); err == nil {
			return errors.New("another program created it just now")
		}
		return nil
	}
	now, err := dev.ReadFileIn(w.root, c.Path)
	if err != nil {
		return err
	}
	if !bytes.Equal(now, c.Before) {
		return errors.New("another program changed it just now")
	}
	return nil
}

func (w *writer) makeParents(dir string) error {
	if dir == "." {
		return nil
	}
	if err := w.makeParents(path.Dir(dir)); err != nil {
		return err
	}
	name := filepath.FromSlash(dir)
	switch err := w.root.Mkdir(name, 0o755); {
	case errors.Is(err, fs.ErrExist):
		return nil
	case err != nil:
		return err
	}
	w.steps = append(w.steps, func() error { return w.root.Remove(name) })
	return nil
}

// undo undoes all steps, newest first. It continues after an error, to leave as little as possible.
func (w *writer) undo() error {
	var all error
	for _, step := range slices.Backward(w.steps) {
		all = errors.Join(all, step())
	}
	return all
}

// makeDir creates dir and its missing parents, and returns the directories that it created, outermost first.
func makeDir(dir string) (made []string, err error) {
	if _, err := os.Lstat(dir); err == nil {
		return nil, nil
	}
	if parent := filepath.Dir(dir); parent != dir {
		if made, err = makeDir(parent); err != nil {
			return nil, err
		}
	}
	switch err := os.Mkdir(dir, 0o755); {
	case errors.Is(err, fs.ErrExist):
		return made, nil
	case err != nil:
		return nil, errors.Join(err, removeAll(made))
	}
	return append(made, dir), nil
}

// removeAll removes directories that makeDir created. One that is not empty stays: others have written to it.
func removeAll(made []string) error {
	var all error
	for _, dir := range slices.Backward(made) {
		all = errors.Join(all, os.Remove(dir))
	}
	return all
}
