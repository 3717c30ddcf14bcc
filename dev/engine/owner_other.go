//go:build !linux

package engine

// processOn is not implemented for this system.
func processOn(int) string { return "" }
