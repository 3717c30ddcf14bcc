//go:build !unix

package devtest

import "io/fs"

// owner is nothing that a mode of these systems could be compared with.
func owner(fs.FileInfo) string { return "" }
