package mirror

import (
	"io/fs"
	"syscall"
	"time"
)

// changeTime is when a file got its name, however old its content is: copies and version control
// set a file's modification time back.
func changeTime(info fs.FileInfo) time.Time {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return time.Unix(st.Ctim.Unix())
	}
	return info.ModTime()
}
