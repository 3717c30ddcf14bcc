//go:build !darwin && !windows

package docker

func thisSystem() engineSystem { return onLinux() }
