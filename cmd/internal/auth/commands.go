package auth

import "sdev/cmd/internal/console"

// commands are the commands below "sdev auth". Their files have the same parts as those of package cli: xOptions,
// newXCmd, validate if options can contradict each other, runX.
type commands struct{ *console.Console }
