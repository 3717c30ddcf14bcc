//go:build !unix

package devtest

import (
	"errors"
	"io/fs"
)

// owner is not implemented for this system.
func owner(fs.FileInfo) string { return "" }

// MakePipe is not implemented for this system.
func MakePipe(string) error { return errors.ErrUnsupported }
