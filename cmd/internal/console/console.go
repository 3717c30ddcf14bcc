// Package console is what all commands share: the terminal, the global flags, and the way to the project
// and to whatever it runs on.
//
// Commands print through a [Console], so that none of them has to think of what a name, a message or a
// log line may hold. [Console.Load], [Console.RequireRunning] and [Console.WithEngine] are how they reach the
// project; [Console.Exit] prints an error, once, and gives the exit code.
//
// Goroutines end before the function that started them returns. There are two exceptions: the one that
// prints events ends with the hub that it reads ([Console.Show]), and a question to a terminal that only
// knows lines may wait for its answer after the context has ended (blocking.Call).
package console

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
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
	EngineContext string   // --context: a docker context
	Quiet         bool
	Verbose       bool
	Color         string // auto, always or never
	JSON          bool   // errors are printed as JSON; set by the command that runs
}

// AddFileFlag adds --file to a command, and -f where the command has no -f of its own ("sdev logs
// -f" follows): that is why it is not simply a flag of all commands.
func (c *Console) AddFileFlag(cmd *cobra.Command) {
	const name, about = "file", "compose `FILE` (repeatable)"
	if cmd.Flags().ShorthandLookup("f") == nil {
		cmd.Flags().StringArrayVarP(&c.Files, name, "f", nil, about)
		return
	}
	cmd.Flags().StringArrayVar(&c.Files, name, nil, about)
}

// NoArgs is cobra.NoArgs in our words.
func NoArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return dev.UsageError(cmd.CommandPath()+" takes no argument, but got "+strconv.Quote(args[0]), "see: "+cmd.CommandPath()+" --help")
	}
	return nil
}

// ExitError passes a child's exit code through without a word.
type ExitError int

func (e ExitError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// Exit prints err, the one time that it is printed, and gives the exit code.
func (c *Console) Exit(ctx context.Context, err error) int {
	if err == nil {
		return dev.ExitOK
	}
	if code, ok := errors.AsType[ExitError](err); ok {
		return int(code)
	}
	if errors.Is(err, syscall.EPIPE) {
		return dev.ExitFailed // whoever reads has left, as head does: nobody wants a word about that
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

// Colored says whether output may hold colours.
func (c *Console) Colored() bool {
	switch c.Color {
	case "always":
		return true
	case "never":
		return false
	}
	return c.OutTTY && c.Getenv("NO_COLOR") == "" && c.Getenv("TERM") != "dumb"
}

// Guard knows where nothing is written, even when a flag names the place.
func (c *Console) Guard() destination.Guard { return destination.NewGuard(c.Getenv("HOME")) }

// CacheDir is the machine's cache directory of sdev, which may not exist yet.
func (c *Console) CacheDir() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = os.TempDir()
	}
	dir = filepath.Join(dir, "sdev")
	return dir, config.CheckStateDir(dir)
}
