//go:build !darwin && !windows

package console

func systemOpener() []string { return []string{"xdg-open"} }
