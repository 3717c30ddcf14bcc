package mirror

import (
	"io/fs"
	"syscall"
	"time"
)

// changeTime returns when the file's inode last changed, for example when the file was created or renamed. That may be
// long after its modification time, which copies and version control set back.
func changeTime(info fs.FileInfo) time.Time {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return time.Unix(st.Ctim.Unix())
	}
	return info.ModTime()
}
