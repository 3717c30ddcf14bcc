package mcp

import (
	"context"
	"time"

	"sdev/dev"
	"sdev/dev/live"
	"sdev/dev/reruns"
	"sdev/dev/session"
)

// Project is what the tools need of the project. Its methods are called at the same time.
type Project struct {
	Observer
	Reader
	Changer
}

// Observer says what happens in the running project. Its methods return early if ctx ends.
type Observer interface {
	Status(ctx context.Context) (session.Status, error)
	// WaitUntilLive waits until the outcome of the last save of a file is known. The path is absolute or relative to the
	// directory of the server.
	WaitUntilLive(ctx context.Context, path string, timeout time.Duration) (live.Save, error)
	// Logs returns the last lines, as "sdev logs" prints them.
	Logs(ctx context.Context, q LogQuery) ([]string, error)
	// Reruns returns the runs of the script since a moment, as --since has it; "" is the start.
	Reruns(ctx context.Context, since string) (*reruns.Log, error)
}

// Reader reads the project's files.
type Reader interface {
	// People returns who can sign in, and whether they are sdev's examples.
	People(ctx context.Context) (people []dev.Person, examples bool, err error)
	Preflight(ctx context.Context) (Checks, error)
	// Secrets returns the values that no answer may hold; none if the project cannot be read.
	Secrets(ctx context.Context) []string
}

// Changer changes the running project.
type Changer interface {
	// Restart restarts a service, or the app if it is empty, waits until the app answers, and returns the service.
	Restart(ctx context.Context, service string) (string, error)
	SignInAs(ctx context.Context, email string) (dev.Person, error)
}

// LogQuery chooses lines of the logs.
type LogQuery struct {
	Service string // empty for all
	Lines   int    // at most
	Since   string // as --since has it; "" is the start
}

// Checks is the result of the checks of what ships.
type Checks struct {
	Findings []dev.Finding
	Rules    int // how many rules were checked
	Blocks   int // how many findings block a hand-off
}
