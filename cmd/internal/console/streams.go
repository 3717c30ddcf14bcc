package console

import (
	"bytes"
	"context"
	"io"

	"sdev/dev/sidecar"
)

// Streams is what a command uses of the outside world: a terminal, or buffers in a test.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
	// InTTY, OutTTY and ErrTTY say whether In, Out and Err are a terminal.
	InTTY, OutTTY, ErrTTY bool
	// Width of the terminal in columns; 80 without a terminal.
	Width  int
	Getenv func(string) string
	Env    []string // KEY=VALUE
	// OpenEngine connects to the container engine of a docker context; "" is the default context. nil is Docker.
	OpenEngine func(ctx context.Context, name string) (Engine, error)
	// ReleaseIndex is the address that knows the newest release of sdev; "" is PyPI's.
	ReleaseIndex string
	// Gateway returns the gateway's program for an architecture, "" for this machine's; nil is package sidecar.
	Gateway func(architecture string) (sidecar.Program, error)
}

// Buffers returns streams that read nothing and write into buffers, for tests.
func Buffers(env map[string]string) (Streams, *bytes.Buffer, *bytes.Buffer) {
	var out, errs bytes.Buffer
	list := make([]string, 0, len(env))
	for k, v := range env {
		list = append(list, k+"="+v)
	}
	return Streams{In: &bytes.Buffer{}, Out: &out, Err: &errs, Width: 80, Env: list, Getenv: func(k string) string { return env[k] }}, &out, &errs
}
