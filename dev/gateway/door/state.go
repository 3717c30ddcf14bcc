package door

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"sdev/dev"
)

// File is a JSON file in which a front door stores what it must know after a restart.
type File struct {
	Path string // "" stores nothing
	What string // what it holds, for errors: "its keys"
}

// NewFile returns a file in the state directory; "" as the directory stores nothing.
func NewFile(state, name, what string) File {
	if state == "" {
		return File{What: what}
	}
	return File{filepath.Join(state, name), what}
}

// Read decodes the file into v. ok is false if there is none, or if it is damaged: people then have to sign in again. The
// error is about a file that exists and cannot be read.
func (f File) Read(v any) (ok bool, err error) {
	if f.Path == "" {
		return false, nil
	}
	b, err := dev.ReadFile(f.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, f.failed(err)
	}
	return json.Unmarshal(b, v) == nil, nil
}

// Write replaces the file as a whole. Only this user may read it.
func (f File) Write(v any) error {
	if f.Path == "" {
		return nil
	}
	b, err := json.Marshal(v)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(f.Path), 0o700)
	}
	if err == nil {
		err = dev.ReplaceFile(f.Path, b, 0o600)
	}
	if err != nil {
		return f.failed(err)
	}
	return nil
}

func (f File) failed(err error) error {
	return &dev.Error{Code: dev.CodeAuthState, Exit: dev.ExitFailed, File: f.Path, Cause: err, Message: "the front door cannot store " + f.What,
		Hint: "make the directory writable, and check that its disk is not full"}
}
