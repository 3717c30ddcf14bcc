package dev

import (
	"errors"
	"io/fs"

	"golang.org/x/sys/windows"
)

const noFollow = windows.FILE_FLAG_OPEN_REPARSE_POINT

func owner(fs.FileInfo) (uid, gid int, ok bool) { return 0, 0, false }
func linkCount(fs.FileInfo) uint64              { return 1 }
func inode(fs.FileInfo) uint64                  { return 0 }

func containerMode(fs.FileInfo) fs.FileMode { return 0o755 }

const homeVariable = "USERPROFILE"

func isRefused(err error) bool { return errors.Is(err, windows.WSAECONNREFUSED) }

// isAddressTaken counts WSAEACCES: Windows returns it for ports that another program has for itself alone, and for the
// ranges that Hyper-V reserves.
func isAddressTaken(err error) bool {
	return errors.Is(err, windows.WSAEADDRINUSE) || errors.Is(err, windows.WSAEACCES)
}

func isReaderGone(err error) bool {
	return errors.Is(err, windows.ERROR_BROKEN_PIPE) || errors.Is(err, windows.ERROR_NO_DATA)
}

func isReadOnly(err error) bool { return errors.Is(err, windows.ERROR_WRITE_PROTECT) }

func openElsewhere(err error) bool {
	return errors.Is(err, windows.ERROR_SHARING_VIOLATION) || errors.Is(err, windows.ERROR_LOCK_VIOLATION) ||
		errors.Is(err, windows.ERROR_ACCESS_DENIED) || errors.Is(err, windows.ERROR_USER_MAPPED_FILE)
}
