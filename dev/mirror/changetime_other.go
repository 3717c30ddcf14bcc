//go:build !linux

package mirror

import (
	"io/fs"
	"time"
)

// changeTime returns the modification time, because the inode's change time is only read on Linux.
func changeTime(info fs.FileInfo) time.Time { return info.ModTime() }
