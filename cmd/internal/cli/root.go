// Package cli is the command line: one file a command, each an Options struct, a constructor that
// declares flags, and a run function that does the work on values. Errors are printed here, once;
// exit codes come from the errors.
//
// It wires the parts of sdev together and decides nothing about containers, files or reloads.
// Goroutines belong to the packages it calls; a command that returns has none left.
package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/destination"
)

// ExitInterrupted is the exit code of a command that a signal ended.
const ExitInterrupted = dev.ExitInterrupted

// app is what all commands share.
type app struct {
	Streams
	force context.Context //nolint:containedctx // the second interrupt concerns the whole run of the program
	now   func() time.Time

	dir     string
	files   []string
	context string // docker context, by flag
	quiet   bool
	verbose bool
	color   string
	json    bool // for the error printer; set by the command that runs
}

// Main runs one command line and gives its exit code. ctx ends with the first interrupt, force
// with the second.
func Main(ctx, force context.Context, s Streams, args []string) int {
	a := &app{Streams: s, force: force, now: time.Now, json: asksForJSON(args)}
	root := a.command()
	root.SetArgs(withOffsets(args))
	root.SetIn(s.In)
	root.SetOut(a.out())
	root.SetErr(a.errs())
	return a.exit(ctx, root.ExecuteContext(ctx))
}

// asksForJSON is for errors that come before a command has read its flags.
func asksForJSON(args []string) bool {
	for _, arg := range args {
		if arg == "--" {
			break
		}
		if arg == "--json" {
			return true
		}
	}
	return false
}

func (a *app) command() *cobra.Command {
	root := &cobra.Command{
		Use:   "sdev",
		Short: "Run Streamlit apps locally as they will be deployed",
		Long: `sdev runs a Streamlit app in Docker as it will be deployed, with your AWS login
mounted, and tells of every save whether it is live. The app's login is bypassed, or tried
as it is against a provider on this machine.`,
		Example: `  sdev init shop && cd shop   make a project
  sdev up --local             run it; every save is live in the browser
  sdev up --with-auth         run it with its real login
  sdev down                   stop it and remove what it started`,
		SilenceErrors: true, SilenceUsage: true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage("unknown command "+quote(args[0]), suggestion(cmd, args[0]))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !a.hasScreen() {
				return cmd.Help()
			}
			return a.runHere(cmd.Context())
		},
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if a.color != "auto" && a.color != "always" && a.color != "never" {
				return usage("--color is "+quote(a.color), "one of: auto, always, never")
			}
			if st, err := os.Stat(a.dir); a.dir != "" && (err != nil || !st.IsDir()) {
				return usage("--directory is "+quote(a.dir)+", which is not a directory", "check the path given with -C")
			}
			if a.quiet && a.verbose {
				return usage("--quiet and --verbose exclude each other", "give one of them")
			}
			return nil
		},
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	f := root.PersistentFlags()
	f.StringVarP(&a.dir, "directory", "C", "", "work as if started in `DIR`")
	f.StringVar(&a.context, "context", "", "use the engine of this docker context: `NAME`")
	f.BoolVar(&a.quiet, "quiet", false, "only errors, warnings and results")
	f.BoolVar(&a.verbose, "verbose", false, "also what is done on the way")
	f.StringVar(&a.color, "color", "auto", "colours: `WHEN` is auto, always or never")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage(err.Error(), "see: "+cmd.CommandPath()+" --help")
	})
	root.SuggestionsMinimumDistance = 2
	root.SuggestionsMinimumDistance = 2
	root.TraverseChildren = true // so that flags may stand before the command
	root.SetHelpCommand(a.newHelpCmd())
	root.AddCommand(a.newInitCmd(), a.newUpCmd(), a.newDownCmd(), a.newStatusCmd(), a.newLogsCmd(), a.newRestartCmd(), a.newRebuildCmd(),
		a.newOpenCmd(), a.newShellCmd(), a.newUICmd(), a.newWatchCmd(), a.newConfigCmd(), a.newDeployCmd(), a.newPreflightCmd(), a.newAuthCmd(), a.newVersionCmd(), a.newCompletionCmd(), a.newGatewayCmd())
	a.addFileFlag(root)
	for _, cmd := range root.Commands() {
		a.addFileFlag(cmd)
	}
	return root
}

// addFileFlag adds --file to a command, and -f where the command has no -f of its own ("sdev logs
// -f" follows): that is why it is not simply a flag of all commands.
func (a *app) addFileFlag(cmd *cobra.Command) {
	const name, about = "file", "compose `FILE` (may be given several times)"
	if cmd.Flags().ShorthandLookup("f") == nil {
		cmd.Flags().StringArrayVarP(&a.files, name, "f", nil, about)
		return
	}
	cmd.Flags().StringArrayVar(&a.files, name, nil, about)
}

func quote(s string) string { return fmt.Sprintf("%q", s) }

func suggestion(cmd *cobra.Command, arg string) string {
	if near := cmd.SuggestionsFor(arg); len(near) > 0 {
		return "did you mean: sdev " + strings.Join(near, ", sdev ")
	}
	return "see: sdev --help"
}

func usage(message, hint string) error {
	return dev.UsageError(message, hint)
}

// noArgs is cobra.NoArgs in our words.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage(cmd.CommandPath()+" takes no argument, and got "+quote(args[0]), "see: "+cmd.CommandPath()+" --help")
	}
	return nil
}

// exitError passes a child's exit code through without a word.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// exit prints err, the one time that it is printed, and gives the exit code.
func (a *app) exit(ctx context.Context, err error) int {
	if err == nil {
		return dev.ExitOK
	}
	if code, ok := errors.AsType[exitError](err); ok {
		return int(code)
	}
	if errors.Is(err, syscall.EPIPE) {
		return dev.ExitFailed // whoever reads has left, as head does: nobody wants a word about that
	}
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		err = &dev.Error{Code: dev.CodeInterrupted, Message: "interrupted", Exit: dev.ExitInterrupted}
	}
	e := dev.AsError(err)
	if a.json {
		a.printJSONError(e)
	} else {
		a.notef("sdev: %s\n", a.paragraphs(e.Error(), 6))
		if e.Hint != "" {
			a.notef("hint: %s\n", a.paragraphs(e.Hint, 6))
		}
	}
	return e.Exit
}

func (a *app) printJSONError(e *dev.Error) {
	_ = a.printJSON(struct {
		V    int    `json:"v"`
		Type string `json:"type"`
		dev.Failed
	}{dev.WireVersion, "error", e.Event()}) // nobody is left to tell
}

// colored says whether output may hold colours.
func (a *app) colored() bool {
	switch a.color {
	case "always":
		return true
	case "never":
		return false
	}
	return a.OutTTY && a.Getenv("NO_COLOR") == "" && a.Getenv("TERM") != "dumb"
}

// guard knows where nothing is written, even when a flag names the place.
func (a *app) guard() destination.Guard { return destination.NewGuard(a.Getenv("HOME")) }

// cacheDir is the machine's cache directory of sdev, which may not exist yet.
func (a *app) cacheDir() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = os.TempDir()
	}
	dir = filepath.Join(dir, "sdev")
	return dir, config.Private(dir)
}
