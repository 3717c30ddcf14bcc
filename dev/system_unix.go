//go:build unix

package dev

import (
	"errors"
	"io/fs"
	"syscall"
)

const noFollow = syscall.O_NOFOLLOW

func owner(info fs.FileInfo) (uid, gid int, ok bool) {
	sys, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, false
	}
	return int(sys.Uid), int(sys.Gid), true
}

func linkCount(info fs.FileInfo) uint64 {
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		return wide(sys.Nlink)
	}
	return 1
}

// wide converts a number whose size differs between systems.
func wide[N uint16 | uint32 | uint64](n N) uint64 { return uint64(n) }

func inode(info fs.FileInfo) uint64 {
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		return sys.Ino
	}
	return 0
}

func containerMode(info fs.FileInfo) fs.FileMode { return info.Mode().Perm() }

const homeVariable = "HOME"

func isRefused(err error) bool      { return errors.Is(err, syscall.ECONNREFUSED) }
func isAddressTaken(err error) bool { return errors.Is(err, syscall.EADDRINUSE) }
func isReaderGone(err error) bool   { return errors.Is(err, syscall.EPIPE) }
func isReadOnly(err error) bool     { return errors.Is(err, syscall.EROFS) }
func openElsewhere(error) bool      { return false }
