//go:build !linux

package mirror

import (
	"io/fs"
	"time"
)

// changeTime is when a file got its name, as far as this system tells.
func changeTime(info fs.FileInfo) time.Time { return info.ModTime() }
