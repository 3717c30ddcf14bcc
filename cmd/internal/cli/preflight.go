package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"sdev/dev"
	"sdev/dev/handoff"
	"sdev/dev/preflight"
	"sdev/dev/release"
)

// preflightOptions are the flags of "sdev preflight".
type preflightOptions struct {
	target string
	image  string
	json   bool
	sarif  string // file, or "-"
}

func (a *app) newPreflightCmd() *cobra.Command {
	var o preflightOptions
	cmd := &cobra.Command{
		Use:   "preflight [TARGET]",
		Short: "Check that nothing ships that must not",
		Long: `Checks the project, and what it is given of the hand-off: with TARGET its bundle, as it is and as
"sdev deploy TARGET" would renew it, with --image the image that ships. It looks for what is only meant for this machine,
for credentials (in files, in every layer of the image, in the history of the repository), and for
what is known to fail where it will run. It needs neither a container engine nor a network, unless
--image names an image of the engine. What blocks a hand-off ends it with exit code 1.

"sdev help preflight" lists the rules, and says how one is suppressed.`,
		Example: `  sdev preflight
  sdev preflight ecs --image shop-release:1a2b3c4
  docker save shop -o shop.tar && sdev preflight --image shop.tar --sarif shop.sarif`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage("sdev preflight takes one target, and got "+quote(args[1]), "see: sdev preflight --help")
			}
			return nil
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return targetNames(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				o.target = args[0]
			}
			if a.json = o.json; o.json && o.sarif == "-" {
				return usage("--json and --sarif - both print on stdout", "name a file: --sarif FILE")
			}
			return a.runPreflight(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.image, "image", "", "also check `REF|TAR`: an image of the engine, or an archive (docker save, OCI layout)")
	f.BoolVar(&o.json, "json", false, "print one JSON object")
	f.StringVar(&o.sarif, "sarif", "", "write a SARIF 2.1.0 report to `FILE`; - is stdout")
	return cmd
}

func (a *app) runPreflight(ctx context.Context, o preflightOptions) error {
	found, err := a.check(ctx, o)
	if err != nil {
		return err
	}
	if o.sarif != "" {
		if err := a.writeSARIF(o.sarif, found); err != nil {
			return err
		}
	}
	switch {
	case o.json:
		err = a.printJSON(newPreflightReport(o.target, found))
	case o.sarif != "-":
		err = a.print(preflightText(found, a.Width))
	}
	if err == nil && dev.Block(found) {
		return exitError(dev.ExitFailed)
	}
	return err
}

// check checks everything that there is. With a target that is a hand-off that ends before it writes.
func (a *app) check(ctx context.Context, o preflightOptions) ([]dev.Finding, error) {
	if o.target != "" {
		return a.checkTarget(ctx, o.target, o.image)
	}
	p, err := a.load(ctx, runOptions{})
	if e, ok := errors.AsType[*dev.Error](err); ok && e.Code == dev.CodeProjectMissing && o.image != "" && a.dir == "" && len(a.files) == 0 {
		return a.releaser().Preflight(ctx, nil, nil, o.image)
	}
	if err != nil {
		return nil, err
	}
	found, err := look(p.Dir)
	if err != nil {
		return nil, err
	}
	return a.releaser().Preflight(ctx, p, found, o.image)
}

// checkTarget checks what a hand-off to a target would ship.
func (a *app) checkTarget(ctx context.Context, name, image string) ([]dev.Finding, error) {
	target, err := handoff.Find(handoff.Targets(), name)
	if err != nil {
		return nil, err
	}
	p, err := a.gather(ctx, entryChoice{must: true, keep: true})
	if err != nil {
		return nil, err
	}
	return p.Check(ctx, release.Options{Target: target, Image: image})
}

// preflightReport is what "sdev preflight --json" prints.
type preflightReport struct {
	V        int           `json:"v"`
	Target   string        `json:"target"`
	Findings []dev.Finding `json:"findings"`
	Rules    int           `json:"rules"`
	Blocks   int           `json:"blocks"`
}

func newPreflightReport(target string, found []dev.Finding) preflightReport {
	return preflightReport{V: dev.WireVersion, Target: target, Findings: found, Rules: len(preflight.Rules()), Blocks: tally(found).Blocks}
}

func tally(found []dev.Finding) handoff.Checks {
	return handoff.Checks{Rules: len(preflight.Rules())}.Count(found)
}

// preflightText shows findings to a person: what blocks first, each with its place and what helps.
func preflightText(found []dev.Finding, width int) *page {
	var b page
	group := func(title string, in func(dev.Finding) bool) {
		first := true
		for _, f := range found {
			if !in(f) {
				continue
			}
			if first {
				b.add("%s:\n", title)
				first = false
			}
			b.add("%s", findingText(f, width))
		}
		if !first {
			b.add("\n")
		}
	}
	of := func(s dev.Severity) func(dev.Finding) bool {
		return func(f dev.Finding) bool { return f.Severity == s && f.Suppressed == nil }
	}
	group("Blocks the hand-off", of(dev.Blocks))
	group("Ships, and somebody should know", of(dev.Warns))
	group("For information", of(dev.Informs))
	group("Suppressed", func(f dev.Finding) bool { return f.Suppressed != nil })
	c := tally(found)
	notes := len(found) - c.Blocks - c.Warnings - c.Suppressed
	b.add("%s: %s", count(c.Rules, "rule"), blockText(c.Blocks))
	for _, part := range []string{some(c.Warnings, "warning"), some(notes, "note")} {
		if part != "" {
			b.add(", %s", part)
		}
	}
	if c.Suppressed > 0 {
		b.add(", %d suppressed", c.Suppressed)
	}
	b.add("\n")
	return &b
}

func blockText(n int) string {
	switch n {
	case 0:
		return "nothing blocks"
	case 1:
		return "1 blocks"
	}
	return fmt.Sprintf("%d block", n)
}

func some(n int, what string) string {
	if n == 0 {
		return ""
	}
	return count(n, what)
}

// findingText is one finding: id and place, what is wrong, what helps.
func findingText(f dev.Finding, width int) dev.Text {
	const indent = "    "
	at := f.File
	if f.File != "" && f.Line > 0 {
		at = fmt.Sprintf("%s:%d", f.File, f.Line)
	}
	if f.Where != "" {
		at = strings.TrimPrefix(at+", "+f.Where, ", ")
	}
	head := "  " + f.ID
	if at != "" {
		head += "  " + at
	}
	var b page
	b.add("  %s", wrap(strings.TrimSpace(head), width, len(indent)))
	line := func(label, text string) {
		if text != "" {
			b.add("\n%s%s%s", indent, label, wrap(text, width, len(indent)+len(label)))
		}
	}
	line("", f.Message)
	if s := f.Suppressed; s != nil {
		line("reason: ", fmt.Sprintf("%s (until %s, %s)", s.Reason, s.Until.Format("2006-01-02"), s.Origin))
	} else {
		line("fix: ", f.Fix)
		line("see: ", f.Docs)
	}
	b.add("\n")
	return dev.Text(b.text.String())
}
