//go:build unix

package devtest

import (
	"fmt"
	"io/fs"
	"syscall"
)

func owner(info fs.FileInfo) string {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return fmt.Sprintf("%d:%d", st.Uid, st.Gid)
	}
	return ""
}

// MakePipe makes a named pipe, whose reader waits for a writer. It fails on Windows, where files cannot be pipes.
func MakePipe(name string) error { return syscall.Mkfifo(name, 0o600) }
