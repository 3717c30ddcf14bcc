//go:build !linux

package gateway

// listener knows nothing here: a new life of the app shows by the time it did not answer.
func listener(string) uint64 { return 0 }
