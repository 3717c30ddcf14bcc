// Package console is what all commands share: the terminal, the global flags, and access to the project and to the
// container engine.
//
// Commands print through a [Console], which removes control characters from names, messages and log lines of others.
// They reach the project with [Console.Load], [Console.RequireRunning] and [Console.WithEngine]. [Console.Exit]
// prints an error once and returns the exit code.
//
// Goroutines: each ends before the function that started it returns, with two exceptions. The one of [Console.Show]
// prints events until its hub is closed, and the caller waits for it. A question on a terminal without cursor control
// may wait for its answer after the context has ended (blocking.Call).
package console

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/destination"
)

// Console is the terminal together with the global flags.
type Console struct {
	Streams
	Force   context.Context //nolint:containedctx // the second interrupt concerns the whole run of the program
	Now     func() time.Time
	Version string // of this program

	Dir           string   // --directory
	Files         []string // --file
	App           string   // --app
	Entry         string   // --entry
	EngineContext string   // --context: a docker context
	Quiet         bool
	Verbose       bool
	Color         string // auto, always or never
	JSON          bool   // errors are printed as JSON; set by the command that runs
}

// AddProjectFlags adds the flags that say what the project is to a command: --file, --app and --entry.
func (c *Console) AddProjectFlags(cmd *cobra.Command) {
	c.AddFileFlag(cmd)
	cmd.Flags().StringVar(&c.App, "app", "", "the `SERVICE` of the compose file that is the Streamlit app; \"sdev up\" remembers it")
	cmd.Flags().StringVar(&c.Entry, "entry", "", "the `SCRIPT` that Streamlit runs; \"sdev up\" remembers it")
}

// AddFileFlag adds --file to a command, and -f unless that is another flag of the command: "sdev logs -f" follows.
// For that reason it is not a global flag.
func (c *Console) AddFileFlag(cmd *cobra.Command) {
	const name, about = "file", "compose `FILE` (repeatable)"
	if cmd.Flags().ShorthandLookup("f") == nil {
		cmd.Flags().StringArrayVarP(&c.Files, name, "f", nil, about)
		return
	}
	cmd.Flags().StringArrayVar(&c.Files, name, nil, about)
}

// NoArgs is cobra.NoArgs with an error message of ours.
func NoArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return dev.UsageError(cmd.CommandPath()+" takes no argument, but got "+strconv.Quote(args[0]), "see: "+cmd.CommandPath()+" --help")
	}
	return nil
}

// ExitError is the exit code of a child, or of a command that has already printed why. Nothing is printed for it.
type ExitError int

func (e ExitError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// Exit prints err and returns the exit code. Nothing else prints it.
func (c *Console) Exit(ctx context.Context, err error) int {
	if err == nil {
		return dev.ExitOK
	}
	if code, ok := errors.AsType[ExitError](err); ok {
		return int(code)
	}
	if dev.IsReaderGone(err) {
		return dev.ExitFailed // the reader of a pipe has left, as head does: that is not worth a message
	}
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		err = &dev.Error{Code: dev.CodeInterrupted, Message: "interrupted", Exit: dev.ExitInterrupted}
	}
	e := dev.AsError(err)
	if c.JSON {
		c.printJSONError(e)
	} else {
		c.Notef("sdev: %s\n", c.Paragraphs(e.Error(), 6))
		if e.Hint != "" {
			c.Notef("hint: %s\n", c.Paragraphs(e.Hint, 6))
		}
	}
	return e.Exit
}

func (c *Console) printJSONError(e *dev.Error) {
	_ = c.PrintJSON(struct {
		V    int    `json:"v"`
		Type string `json:"type"`
		dev.Failed
	}{dev.WireVersion, "error", e.Event()}) // nobody is left to tell
}

// Colored reports whether output may have colours.
func (c *Console) Colored() bool {
	switch c.Color {
	case "always":
		return true
	case "never":
		return false
	}
	return c.OutTTY && c.Getenv("NO_COLOR") == "" && c.Getenv("TERM") != "dumb"
}

// Guard refuses to write at certain places, even if a flag names one.
func (c *Console) Guard() destination.Guard { return destination.NewGuard(dev.Home(c.Getenv)) }

// CacheDir is sdev's cache directory on this machine, which may not exist yet.
func (c *Console) CacheDir() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = os.TempDir()
	}
	dir = filepath.Join(dir, "sdev")
	return dir, config.CheckStateDir(dir)
}
