package cli

import (
	"io"
	"time"

	"github.com/spf13/cobra"

	"sdev/cmd/internal/console"
)

// Version is the version of this build, as "sdev version" prints it.
func Version() string { return buildVersion }

// Reference returns all commands with their help, for a program that writes manual pages or completion scripts. They are
// not to be run: they have no streams.
func Reference() *cobra.Command {
	a := &commands{&console.Console{Streams: console.Streams{In: nil, Out: io.Discard, Err: io.Discard, Width: 80}, Now: time.Now, Version: buildVersion}}
	return a.command()
}

// Topic is a help page that is not about one command.
type Topic struct{ Name, About, Text string }

// Topics returns the pages of "sdev help TOPIC".
func Topics() []Topic {
	var out []Topic
	for _, t := range topics() {
		out = append(out, Topic{t.name, t.about, t.text()})
	}
	return out
}
