package mirror

import (
	"io/fs"
	"syscall"
	"time"
)

// arrived is when a file came to its name, however old its content is: copies and version control
// set a file's time back.
func arrived(info fs.FileInfo) time.Time {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return time.Unix(st.Ctim.Unix())
	}
	return info.ModTime()
}
