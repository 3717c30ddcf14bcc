//go:build !unix

package devtest

import "errors"

// MakePipe fails: files of this system cannot be pipes.
func MakePipe(string) error { return errors.ErrUnsupported }
