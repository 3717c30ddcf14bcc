package auth

import "sdev/cmd/internal/console"

// commands are the commands below "sdev auth": each has a constructor in a file of its own.
type commands struct{ *console.Console }
