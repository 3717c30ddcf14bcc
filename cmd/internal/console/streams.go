package console

import (
	"bytes"
	"io"
)

// Streams is the outside world of a command, as values: a terminal, or buffers in a test.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
	// OutTTY and InTTY say whether a person sits at the other end.
	InTTY, OutTTY bool
	// Width of the terminal in columns; 80 where there is none.
	Width  int
	Getenv func(string) string
	Env    []string // KEY=VALUE
}

// Buffers is a world of buffers, for tests.
func Buffers(env map[string]string) (Streams, *bytes.Buffer, *bytes.Buffer) {
	var out, errs bytes.Buffer
	list := make([]string, 0, len(env))
	for k, v := range env {
		list = append(list, k+"="+v)
	}
	return Streams{In: &bytes.Buffer{}, Out: &out, Err: &errs, Width: 80, Env: list, Getenv: func(k string) string { return env[k] }}, &out, &errs
}
