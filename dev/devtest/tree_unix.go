//go:build unix

package devtest

import "syscall"

// MakePipe makes a named pipe, whose reader waits for a writer. It fails on Windows, where files cannot be pipes.
func MakePipe(name string) error { return syscall.Mkfifo(name, 0o600) }
