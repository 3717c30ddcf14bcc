//go:build !linux

package mirror

import (
	"io/fs"
	"time"
)

// arrived is when a file came to its name, as far as that is known here.
func arrived(info fs.FileInfo) time.Time { return info.ModTime() }
