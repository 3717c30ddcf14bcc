package cli

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"sdev/cmd/internal/console"
	"sdev/cmd/internal/render"
	"sdev/dev"
	"sdev/dev/handoff"
	"sdev/dev/preflight"
	"sdev/dev/session"
)

// preflightOptions are the arguments and flags of "sdev preflight".
type preflightOptions struct {
	target string
	image  string
	json   bool
	sarif  string // file, or "-"
}

func (a *commands) newPreflightCmd(run func(context.Context, preflightOptions) error) *cobra.Command {
	var o preflightOptions
	cmd := &cobra.Command{
		Use:   "preflight [TARGET]",
		Short: "Check that nothing ships that must not",
		Long: `Checks the project. With TARGET, it also checks that target's bundle, as it is and as "sdev deploy TARGET"
would render it; with --image, also the image that ships. It looks for what is meant only for this machine,
for credentials (in files, in every layer of the image, in the history of the repository), and for
what is known to fail on the platform. It needs neither a container engine nor a network, unless
--image names an image of the engine. If a finding blocks the hand-off, the exit code is 1.

"sdev help preflight" lists the rules, and explains how to suppress a finding.`,
		Example: `  sdev preflight
  sdev preflight ecs --image shop-release:1a2b3c4
  docker save shop -o shop.tar && sdev preflight --image shop.tar --sarif shop.sarif`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return dev.UsageError("sdev preflight takes one target, but got "+strconv.Quote(args[1]), "see: sdev preflight --help")
			}
			return nil
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return targetNames(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			a.JSON = o.json
			o.target = strings.Join(args, "")
			if err := o.validate(); err != nil {
				return err
			}
			return run(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.image, "image", "", "also check `REF|TAR`: an image of the engine, or an archive (docker save, OCI layout)")
	f.BoolVar(&o.json, "json", false, "print one JSON object")
	f.StringVar(&o.sarif, "sarif", "", "write a SARIF 2.1.0 report to `FILE`; - is stdout")
	return cmd
}

func (o preflightOptions) validate() error {
	if o.json && o.sarif == "-" {
		return dev.UsageError("--json and --sarif - both print on stdout", "write the report to a file: --sarif FILE")
	}
	return nil
}

func (a *commands) runPreflight(ctx context.Context, o preflightOptions) error {
	findings, err := a.runChecks(ctx, o)
	if err != nil {
		return err
	}
	if o.sarif != "" {
		if err := a.writeSARIF(o.sarif, findings); err != nil {
			return err
		}
	}
	switch {
	case o.json:
		err = a.PrintJSON(newPreflightReport(o.target, findings))
	case o.sarif != "-":
		err = a.printPreflight(findings)
	}
	if err == nil && dev.AnyBlocks(findings) {
		return console.ExitError(dev.ExitFailed)
	}
	return err
}

// runChecks checks the project and, if the options name them, a target and an image. With a target, it prepares a
// hand-off and stops before it writes.
func (a *commands) runChecks(ctx context.Context, o preflightOptions) ([]dev.Finding, error) {
	if o.target != "" {
		return a.CheckTarget(ctx, o.target, o.image)
	}
	choice := session.EntryChoice{Required: true}
	p, err := a.Load(ctx, session.Options{Entry: choice, Shipped: true})
	if e, ok := errors.AsType[*dev.Error](err); ok && e.Code == dev.CodeProjectMissing && o.image != "" && a.Dir == "" && len(a.Files) == 0 {
		return a.Releaser().Preflight(ctx, nil, nil, o.image)
	}
	if err != nil {
		return nil, err
	}
	found, err := session.Inspect(ctx, p, choice)
	if err != nil {
		return nil, err
	}
	return a.Releaser().Preflight(ctx, p, found, o.image)
}

// preflightReport is what "sdev preflight --json" prints.
type preflightReport struct {
	V        int           `json:"v"`
	Target   string        `json:"target"`
	Findings []dev.Finding `json:"findings"`
	Rules    int           `json:"rules"`
	Blocks   int           `json:"blocks"`
}

func newPreflightReport(target string, findings []dev.Finding) preflightReport {
	return preflightReport{V: dev.WireVersion, Target: target, Findings: findings, Rules: len(preflight.Rules()), Blocks: handoff.Checks{}.Count(findings).Blocks}
}

// printPreflight prints findings for people.
func (a *commands) printPreflight(findings []dev.Finding) error {
	return a.Printf("%s", render.Findings(findings, len(preflight.Rules()), a.Width))
}

// writeSARIF writes a SARIF report of findings to a file; "-" is stdout.
func (a *commands) writeSARIF(name string, findings []dev.Finding) error {
	var rules []render.Rule
	for _, r := range preflight.Rules() {
		rules = append(rules, render.Rule(r))
	}
	text, err := render.SARIF(buildVersion, rules, findings)
	if err != nil {
		return err
	}
	if name == "-" {
		_, err := a.Stdout().Write(text)
		return err
	}
	if !filepath.IsAbs(name) {
		name = filepath.Join(a.Dir, name)
	}
	name, err = filepath.Abs(name)
	if err != nil {
		return err
	}
	if reason := a.Guard().RefuseReport(name, render.IsSARIF); reason != "" {
		return &dev.Error{Code: dev.CodeUsage, Exit: dev.ExitFailed, Message: "the report is not written to " + dev.Sanitize(name) + ": " + reason, Hint: "name a new file: --sarif report.sarif"}
	}
	if err := writeReport(name, text); err != nil {
		return &dev.Error{Code: dev.CodeUsage, Exit: dev.ExitFailed, Cause: err, Message: "cannot write the report: " + err.Error(), Hint: "name a file in a directory that exists: --sarif FILE"}
	}
	return nil
}

// writeReport writes a file that everybody may read, because it contains no secrets. It does not wait for a pipe that
// has no reader.
func writeReport(name string, text []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|syscall.O_NONBLOCK, 0o644) // see above
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}
