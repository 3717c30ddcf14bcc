package dev

import "io/fs"

// The functions of this file differ between systems. Each has one implementation for Unix (Linux, macOS) in
// system_unix.go and one for Windows in system_windows.go; the rest of the code does not ask which system it is on.
//
// Windows reports network and file errors by numbers of its own, which the constants of package syscall (ECONNREFUSED,
// EADDRINUSE, EROFS, EPIPE) do not match.

// Owner returns the ids of the user and the group that own a file. ok is false if the system does not number them.
func Owner(info fs.FileInfo) (uid, gid int, ok bool) { return owner(info) }

// LinkCount returns how many names a file has on its disk; 1 if the system does not tell.
func LinkCount(info fs.FileInfo) uint64 { return linkCount(info) }

// Inode returns the number of a file on its disk; 0 if the system does not tell.
func Inode(info fs.FileInfo) uint64 { return inode(info) }

// ContainerMode returns the permissions that a file gets in an image or a container: its own or, on Windows, where files
// have none, rwxr-xr-x, as the docker command does.
func ContainerMode(info fs.FileInfo) fs.FileMode { return containerMode(info) }

// Home returns the user's home directory, as the environment has it; "" if it has none.
func Home(getenv func(string) string) string { return getenv(homeVariable) }

// IsRefused reports whether a connection failed because nothing listens at the address.
func IsRefused(err error) bool { return isRefused(err) }

// IsAddressTaken reports whether a program cannot listen at an address because another one does, or because the
// system keeps the port for itself.
func IsAddressTaken(err error) bool { return isAddressTaken(err) }

// IsReaderGone reports whether a write failed because the reader of the pipe has ended, as head does.
func IsReaderGone(err error) bool { return isReaderGone(err) }

// IsReadOnly reports whether a write failed because the disk is read-only.
func IsReadOnly(err error) bool { return isReadOnly(err) }

// NoFollow is a flag of os.OpenFile: opening a link fails, or yields the link itself.
const NoFollow = noFollow

// isOpenElsewhere reports whether a file cannot be replaced now because another program has it open. That happens on
// Windows only, where editors, indexers and virus scanners open a file for a moment after each change.
func isOpenElsewhere(err error) bool { return openElsewhere(err) }
