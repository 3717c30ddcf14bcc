//go:build unix && !linux

package process

import "syscall"

func groupAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// endStrays does nothing: this system does not show the environment of other processes. A program that has left its group
// survives its container.
func endStrays(string) {}
