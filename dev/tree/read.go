package tree

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"sdev/dev"
)

// IrregularError says that a path is not a regular file.
type IrregularError struct {
	Path string
	Kind string // "a directory"
}

func (e *IrregularError) Error() string { return fmt.Sprintf("%s is %s", e.Path, e.Kind) }

// Kind describes what something is instead of what was expected: "a symbolic link".
func Kind(mode fs.FileMode) string {
	switch mode.Type() {
	case fs.ModeSymlink:
		return "a symbolic link"
	case fs.ModeDir:
		return "a directory"
	case 0:
		return "a file, not a directory"
	}
	return "a special file"
}

// Read returns the content of a file; nil if it does not exist. If it is not a regular file, the error is an
// [IrregularError]. Any other error is a [*fs.PathError] with the operation, such as "read".
func Read(root *os.Root, name string) ([]byte, error) {
	failed := func(op string, err error) error {
		return &fs.PathError{Op: op, Path: name, Err: cause(err)}
	}
	info, err := root.Lstat(filepath.FromSlash(name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, failed("inspect", err)
	case !info.Mode().IsRegular():
		return nil, &IrregularError{Path: name, Kind: Kind(info.Mode())}
	}
	content, err := dev.ReadFileIn(root, name)
	if err != nil {
		return nil, failed("read", err)
	}
	if content == nil {
		content = []byte{}
	}
	return content, nil
}

// cause is a system error without the operation and the path around it.
func cause(err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err
	}
	if le, ok := errors.AsType[*os.LinkError](err); ok {
		return le.Err
	}
	return err
}

// Reason is the text of a system error, without the operation and the path around it.
func Reason(err error) string { return cause(err).Error() }
