package config

import (
	"bytes"
	"path/filepath"

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
	now, err := dev.ReadFile(path)
	if err != nil {
		return wrap(err)
	}
	if !bytes.Equal(now, e.before) {
		return bad(dev.CodeProjectInvalid, e.File, 0, "was changed meanwhile by another program", "run the command again")
	}
	if err := dev.RewriteFile(path, e.after); err != nil {
		return wrap(err)
	}
	return nil
}
