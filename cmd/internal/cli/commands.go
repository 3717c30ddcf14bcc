package cli

import "sdev/cmd/internal/console"

// commands are the commands of sdev: each has a constructor in a file of its own, and all share a console.
type commands struct{ *console.Console }
