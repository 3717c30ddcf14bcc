package scaffold

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"

	"sdev/dev"
)

// Apply does what the plan says, in the order of its files. When the plan cannot be applied (see
// [Plan.Err]) it does nothing; when a file cannot be written, or ctx ends, it undoes what it did.
// Its errors are *dev.Error, except that of ctx.
func (p *Plan) Apply(ctx context.Context) error {
	if err := p.Err(); err != nil {
		return err
	}
	if p.Empty() {
		return nil
	}
	made, err := makeDir(p.Dir)
	if err != nil {
		return targetError(err, "make %s: %s", p.Dir, reason(err))
	}
	root, err := os.OpenRoot(p.Dir)
	if err != nil {
		return errors.Join(targetError(err, "open %s: %s", p.Dir, reason(err)), removeAll(made))
	}
	w := &writer{root: root}
	err = w.writeAll(ctx, p.Files)
	if err != nil {
		err = withUndo(err, w.undo())
	}
	root.Close()
	if err != nil {
		err = withUndo(err, removeAll(made))
	}
	return err
}

// withUndo keeps err what it is unless undoing went wrong too, which its reader then has to know.
func withUndo(err, undo error) error {
	if undo == nil {
		return err
	}
	return targetError(err, "%s; and what was written could not all be removed: %s", err, undo)
}

// writer writes into one directory and remembers how to take it back.
type writer struct {
	root  *os.Root
	steps []func() error // what undoes each thing done, oldest first
}

func (w *writer) writeAll(ctx context.Context, files []File) error {
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		var err error
		switch f.Status {
		case Create, Update, Overwrite:
			err = w.write(f)
		case Remove:
			err = w.remove(f)
		case Identical, Skip, Conflict:
		}
		if err != nil {
			return targetError(err, "write %s: %s", f.Path, reason(err))
		}
	}
	return nil
}

// write puts the file beside its place and renames it there.
func (w *writer) write(f File) error {
	if err := w.makeParents(path.Dir(f.Path)); err != nil {
		return err
	}
	name := filepath.FromSlash(f.Path)
	w.clean(path.Dir(f.Path))
	temp := filepath.Join(filepath.Dir(name), ".sdev-"+rand.Text())
	if err := w.writeNew(temp, f.content, f.mode); err != nil {
		return err
	}
	if err := w.asPlanned(f, name); err != nil {
		return errors.Join(err, w.root.Remove(temp))
	}
	if err := w.root.Rename(temp, name); err != nil {
		return errors.Join(err, w.root.Remove(temp))
	}
	w.steps = append(w.steps, func() error {
		if f.Status == Create {
			return w.root.Remove(name)
		}
		return w.root.WriteFile(name, f.before, f.mode)
	})
	return nil
}

// left are files of a run that was killed between writing and renaming one.
var left = regexp.MustCompile(`^\.sdev-[A-Z2-7]{26}$`)

// clean removes what such a run has left in a directory. What cannot be removed does no harm.
func (w *writer) clean(dir string) {
	entries, err := fs.ReadDir(w.root.FS(), dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if left.MatchString(e.Name()) && e.Type().IsRegular() {
			_ = w.root.Remove(filepath.Join(filepath.FromSlash(dir), e.Name()))
		}
	}
}

// remove takes a file away that is as it was looked at.
func (w *writer) remove(f File) error {
	name := filepath.FromSlash(f.Path)
	if err := w.asPlanned(f, name); err != nil {
		return err
	}
	if err := w.root.Remove(name); err != nil {
		return err
	}
	w.steps = append(w.steps, func() error { return w.root.WriteFile(name, f.before, f.mode) })
	return nil
}

// asPlanned says whether the file is as it was when the plan was made: the plan is a moment old, and
// what appeared or was saved meanwhile is somebody else's.
func (w *writer) asPlanned(f File, name string) error {
	if f.Status == Create {
		if _, err := w.root.Lstat(name); err == nil {
			return errors.New("somebody else made it just now")
		}
		return nil
	}
	now, err := dev.ReadFileIn(w.root, name)
	if err != nil {
		return err
	}
	if !bytes.Equal(now, f.before) {
		return errors.New("somebody else changed it just now")
	}
	return nil
}

// writeNew writes a file that does not exist, and leaves none behind when it cannot.
func (w *writer) writeNew(name string, content []byte, mode fs.FileMode) error {
	file, err := w.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err = errors.Join(err, file.Close()); err != nil {
		return errors.Join(err, w.root.Remove(name))
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

// undo takes everything back, newest first. It goes on after an error: the less is left, the better.
func (w *writer) undo() error {
	var all error
	for _, step := range slices.Backward(w.steps) {
		all = errors.Join(all, step())
	}
	return all
}

// makeDir makes dir and what is missing above it, and says what it made, outermost first.
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

// removeAll removes directories that makeDir made; they are empty, or else not ours to remove.
func removeAll(made []string) error {
	var all error
	for _, dir := range slices.Backward(made) {
		all = errors.Join(all, os.Remove(dir))
	}
	return all
}
