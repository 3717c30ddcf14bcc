//go:build !unix

package devtest

import "io/fs"

// owner is not implemented for this system.
func owner(fs.FileInfo) string { return "" }
