package config

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"syscall"

	"sdev/dev"
)

// Write replaces the file atomically, through a link if it is one, with the same mode. It refuses if another
// program has changed the file since it was read.
func (e PeopleEdit) Write() error {
	wrap := func(err error) error {
		return bad(dev.CodeProjectInvalid, e.File, 0, "cannot be written: "+err.Error(), "check the permissions of the file and its directory")
	}
	path, err := filepath.EvalSymlinks(e.path)
	if err != nil {
		return wrap(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return wrap(err)
	}
	now, err := dev.ReadFile(path)
	if err != nil {
		return wrap(err)
	}
	if !bytes.Equal(now, e.before) {
		return bad(dev.CodeProjectInvalid, e.File, 0, "was changed meanwhile by another program", "run the command again")
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return wrap(err)
	}
	defer os.Remove(f.Name()) //nolint:errcheck // after the rename there is nothing to remove
	_, err = f.Write(e.after)
	if owner, ok := info.Sys().(*syscall.Stat_t); ok && err == nil && int(owner.Uid) != os.Geteuid() {
		err = f.Chown(int(owner.Uid), int(owner.Gid))
	}
	if err = errors.Join(err, f.Chmod(info.Mode().Perm()), f.Sync(), f.Close()); err != nil {
		return wrap(err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return wrap(err)
	}
	return nil
}
