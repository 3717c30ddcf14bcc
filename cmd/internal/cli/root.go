// Package cli is the command line. Each command has a file with its options, a constructor that declares the flags,
// and a run function that calls a use case and prints its result. The use cases are in other packages: dev/session
// runs a project, dev/release hands one over, scaffold creates one.
//
// [Main] runs one command line. It prints an error once; the error determines the exit code. The package starts no
// goroutines itself. Those of the packages that a command calls have ended when the command returns.
package cli

import (
	"context"
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/agext/levenshtein"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sdev/cmd/internal/auth"
	"sdev/cmd/internal/console"
	"sdev/dev"
)

// ExitInterrupted is the exit code of a command that a signal ended.
const ExitInterrupted = dev.ExitInterrupted

// Main runs one command line and returns its exit code. ctx ends with the first interrupt, force
// with the second.
func Main(ctx, force context.Context, s console.Streams, args []string) int {
	return runAs(ctx, force, s, buildVersion, args)
}

// runAs is Main of a version of sdev.
func runAs(ctx, force context.Context, s console.Streams, version string, args []string) int {
	a := &commands{&console.Console{Streams: s, Force: force, Now: time.Now, Version: version, JSON: asksForJSON(args)}}
	root := a.command()
	root.SetArgs(auth.MarkOffsets(args))
	root.SetIn(s.In)
	root.SetOut(a.Stdout())
	root.SetErr(a.Stderr())
	code := a.Exit(ctx, root.ExecuteContext(ctx))
	a.noticeUpdate(ctx)
	return code
}

// asksForJSON reports whether the command line contains --json. It decides the form of errors that occur before the
// flags are parsed.
func asksForJSON(args []string) bool {
	for _, arg := range args {
		if arg == "--" {
			break
		}
		if arg == "--json" {
			return true
		}
		if value, ok := strings.CutPrefix(arg, "--json="); ok {
			on, _ := strconv.ParseBool(value) // the flag itself reports a bad value
			return on
		}
	}
	return false
}

func (a *commands) command() *cobra.Command {
	root := &cobra.Command{
		Use:   "sdev",
		Short: "Run Streamlit apps locally as they will be deployed",
		Long: `sdev runs a Streamlit app in Docker, the way it will be deployed, with your AWS login mounted. It
reports whether each save is live in the browser. The app's login is bypassed, or runs unchanged
against a provider on this machine.`,
		Example: `  sdev init shop && cd shop   create a project
  sdev up --local             run it; every save is live in the browser
  sdev up --with-auth         run it with its real login
  sdev down                   stop it and remove what it started`,
		SilenceErrors: true, SilenceUsage: true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return dev.UsageError("unknown command "+strconv.Quote(args[0]), suggestion(cmd, args[0]))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !a.HasScreen() {
				return cmd.Help()
			}
			return a.runHere(cmd.Context())
		},
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if a.Color != "auto" && a.Color != "always" && a.Color != "never" {
				return dev.UsageError("--color is "+strconv.Quote(a.Color), "one of: auto, always, never")
			}
			if st, err := os.Stat(a.Dir); a.Dir != "" && (err != nil || !st.IsDir()) {
				return dev.UsageError("--directory: "+strconv.Quote(a.Dir)+" is not a directory", "check the path given with -C")
			}
			if a.Quiet && a.Verbose {
				return dev.UsageError("--quiet and --verbose cannot be combined", "use one of them")
			}
			return a.CheckEditor()
		},
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	f := root.PersistentFlags()
	f.StringVarP(&a.Dir, "directory", "C", "", "run as if sdev was started in `DIR`")
	f.StringVar(&a.EngineContext, "context", "", "use the engine of the docker context `NAME`")
	f.BoolVar(&a.Quiet, "quiet", false, "print only errors, warnings and results")
	f.BoolVar(&a.Verbose, "verbose", false, "also print each step")
	f.StringVar(&a.Color, "color", "auto", "use colours: `WHEN` is auto, always or never")
	root.SetFlagErrorFunc(flagError)
	root.SuggestionsMinimumDistance = 2
	root.TraverseChildren = true // so that flags may stand before the command
	root.SetHelpCommand(a.newHelpCmd(a.runHelp))
	root.AddCommand(
		a.newInitCmd(a.runInit),
		a.newUpCmd(a.runUp),
		a.newDownCmd(a.runDown),
		a.newStatusCmd(a.runStatus),
		a.newLogsCmd(a.runLogs),
		a.newRerunsCmd(a.runReruns),
		a.newSecretsCmd(a.runSecrets),
		a.newWaitCmd(a.runWait),
		a.newRestartCmd(a.runRestart),
		a.newRebuildCmd(a.runRebuild),
		a.newOpenCmd(a.runOpen),
		a.newShellCmd(a.runShell),
		a.newUICmd(a.runUI),
		a.newWatchCmd(a.runWatch),
		a.newConfigCmd(a.runConfig),
		a.newDeployCmd(a.runDeploy),
		a.newPreflightCmd(a.runPreflight),
		a.newMCPCmd(a.runMCP),
		auth.NewCmd(a.Console),
		a.newVersionCmd(a.runVersion),
		a.newCompletionCmd(a.runCompletion),
		a.newGatewayCmd(a.runGateway),
		a.newKeepCmd(a.runKeep),
	)
	a.AddProjectFlags(root)
	for _, cmd := range root.Commands() {
		if slices.Contains([]string{"init", "version", "completion", "gateway", "keep"}, cmd.Name()) { // they read no project
			a.AddFileFlag(cmd)
		} else {
			a.AddProjectFlags(cmd)
		}
	}
	return root
}

// flagError is the error for flags that a command does not take as they are, with the flag that was probably meant.
func flagError(cmd *cobra.Command, err error) error {
	hint := "see: " + cmd.CommandPath() + " --help"
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
		if near := nearestFlag(cmd, unknown.GetSpecifiedName()); near != "" {
			hint = "did you mean: " + cmd.CommandPath() + " --" + near
		}
	}
	return dev.UsageError(err.Error(), hint)
}

// nearestFlag returns the flag of a command whose name differs least from a name, by two letters at most; "" if none does.
func nearestFlag(cmd *cobra.Command, name string) (near string) {
	best := 3
	consider := func(f *pflag.Flag) {
		d := levenshtein.Distance(strings.ToLower(name), f.Name, nil)
		if d < best && d < len(f.Name)-1 && !f.Hidden {
			best, near = d, f.Name
		}
	}
	cmd.LocalFlags().VisitAll(consider)
	cmd.InheritedFlags().VisitAll(consider)
	return near
}

func suggestion(cmd *cobra.Command, arg string) string {
	if similar := cmd.SuggestionsFor(arg); len(similar) > 0 {
		return "did you mean: sdev " + strings.Join(similar, ", sdev ")
	}
	return "see: sdev --help"
}
