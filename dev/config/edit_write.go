package config

import (
	"bytes"
	"path/filepath"

	"sdev/dev"
)

// Write puts the new text in the old one's place in one step, through a link if the file is one, with
// the file's own rights. A file that somebody else has changed since it was read stays as it is.
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
		return bad(dev.CodeProjectInvalid, e.File, 0, "was changed meanwhile by somebody else", "run the command again")
	}
	if err := dev.RewriteFile(path, e.after); err != nil {
		return wrap(err)
	}
	return nil
}
