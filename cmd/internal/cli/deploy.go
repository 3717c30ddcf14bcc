package cli

import (
	"context"
	"errors"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sdev/dev"
	"sdev/dev/handoff"
	"sdev/dev/release"
	"sdev/dev/session"
)

// deployOptions are the arguments and flags of "sdev deploy".
type deployOptions struct {
	target string            // "" to list the targets
	out    string            // directory of the bundle; "" is the usual one
	set    map[string]string // --set
	image  string            // reference or archive
	build  bool
	check  bool
	yes    bool
	json   bool
}

func (a *commands) newDeployCmd(run func(context.Context, deployOptions) error) *cobra.Command {
	var o deployOptions
	var set []string
	cmd := &cobra.Command{
		Use:   "deploy [TARGET]",
		Short: "Hand the project over to a platform: render, check, record",
		Long: `Renders the files that TARGET needs into deploy/TARGET, with a runbook of the one-time steps. It checks
what would ship ("sdev preflight") and records what was handed over. It calls no cloud: it writes text
files in your repository, for you to review and commit. Without TARGET it lists the targets.

It shows every value with its source. On a terminal it asks for missing values. Elsewhere, or with --yes,
it writes placeholders and lists them, and the hand-off is incomplete until you set them. It keeps your
edits: a later run merges its changes into them. If both changed the same lines, it writes both between
conflict markers, for you to decide.

The bundle is in the project or, with --out, in a directory that is new, empty or already a bundle. It cannot
be in your home directory itself, in a directory of the system, of git or of sdev, or in one that contains code
of the app.

With --check, which is for CI, it writes nothing. The exit code is 1 if a finding blocks, a value is missing, or
the files differ from what sdev would render, apart from your own edits.

With --json it prints one object: v, type ("deploy"), target, status (ready, incomplete, blocked), check, written,
out, values (name, value, source, placeholder), files (path, status, reason), findings, checks, image,
commit, next and record. If it fails, or a finding blocks, an error object follows.`,
		Example: `  sdev deploy                            list the targets
  sdev deploy ecs                        render, and ask for missing values
  sdev deploy ecs --yes --set domain=app.example.com
  sdev deploy ecs --build                also build the image that ships, and check it
  sdev deploy ecs --check                in CI`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return dev.UsageError("sdev deploy takes one target, but got "+strconv.Quote(args[1]), "to set a value: --set NAME=VALUE")
			}
			return nil
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return targetNames(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			a.JSON = o.json
			o.target = strings.Join(args, "")
			var err error
			if o.set, err = parseSet(set); err != nil {
				return err
			}
			if err := o.validate(); err != nil {
				return err
			}
			return run(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.out, "out", "", "write the bundle to `DIR` (default deploy/TARGET)")
	f.StringArrayVar(&set, "set", nil, "set a value to `NAME=VALUE` (repeatable); NAME= removes an earlier answer")
	f.StringVar(&o.image, "image", "", "hand over `REF|TAR`: an image of the engine, or an archive")
	f.BoolVar(&o.build, "build", false, "build the image that ships, and start it once to prove that it runs")
	f.BoolVar(&o.check, "check", false, "write nothing; fail if a finding blocks or the files are out of date")
	f.BoolVarP(&o.yes, "yes", "y", false, "ask no questions")
	f.BoolVar(&o.json, "json", false, "print one JSON object")
	return cmd
}

// parseSet parses the values of --set.
func parseSet(list []string) (map[string]string, error) {
	set := map[string]string{}
	for _, s := range list {
		name, value, ok := strings.Cut(s, "=")
		if !ok || name == "" {
			return nil, dev.UsageError("--set is "+strconv.Quote(s), "write --set NAME=VALUE")
		}
		if before, twice := set[name]; twice && before != value {
			return nil, dev.UsageError("--set has "+name+" twice: "+strconv.Quote(before)+" and "+strconv.Quote(value), "remove one of the two")
		}
		set[name] = value
	}
	return set, nil
}

// validate refuses flags that contradict one another.
func (o deployOptions) validate() error {
	switch {
	case o.target == "" && (o.out != "" || len(o.set) > 0 || o.image != "" || o.build || o.check):
		return dev.UsageError("sdev deploy without a target lists them, and takes only --json", "name one: sdev deploy "+strings.Join(targetNames(), ", sdev deploy "))
	case o.build && o.image != "":
		return dev.UsageError("--build and --image cannot be combined", "use one of them")
	case o.build && o.check:
		return dev.UsageError("--check writes nothing, so it builds nothing", "build first, then check the image: --check --image REF")
	}
	return nil
}

func targetNames() []string {
	var names []string
	for _, t := range handoff.Targets() {
		names = append(names, t.Name)
	}
	return names
}

func (a *commands) runDeploy(ctx context.Context, o deployOptions) error {
	if o.target == "" {
		return a.listTargets(ctx, o)
	}
	target, err := handoff.Find(handoff.Targets(), o.target)
	if err != nil {
		return err
	}
	chooser := a.Chooser(!o.yes && !o.json && !o.check)
	p, err := a.Gather(ctx, session.EntryChoice{Required: true, Ask: chooser, Keep: true})
	if err != nil {
		return err
	}
	options := release.Options{Target: target, Out: o.out, Set: o.set, Image: o.image, Build: o.build, Check: o.check}
	if chooser != nil {
		options.Prompter = terminal{a.Console}
	}
	r, err := p.Prepare(ctx, options)
	if err != nil {
		return err
	}
	defer r.Close()
	if !o.json {
		a.printPlan(p, r)
	}
	if err := r.Write(ctx); err != nil {
		return err
	}
	if o.json {
		if err := a.PrintJSON(newDeployReport(r, o.check)); err != nil {
			return err
		}
		return r.Err()
	}
	if err := r.Err(); err != nil {
		return err
	}
	a.printNext(r, o.check)
	return nil
}

// listedTarget is a row of "sdev deploy --json".
type listedTarget struct {
	Name  string      `json:"name"`
	About string      `json:"about"`
	Last  *lastRecord `json:"last"` // null if there was no hand-off yet
}

type lastRecord struct {
	Status string    `json:"status"`
	Time   time.Time `json:"time"`
	Commit string    `json:"commit"`
	Path   string    `json:"path"`
}

// listTargets prints the targets, each with its last hand-off in the usual directory.
func (a *commands) listTargets(ctx context.Context, o deployOptions) error {
	p, err := a.Gather(ctx, session.EntryChoice{})
	if e, ok := errors.AsType[*dev.Error](err); ok && e.Code == dev.CodeProjectMissing && a.Dir == "" && len(a.Files) == 0 {
		p = nil
	} else if err != nil {
		return err
	}
	var list []listedTarget
	for _, t := range handoff.Targets() {
		row := listedTarget{Name: t.Name, About: t.About}
		if p != nil {
			last, err := p.Last(t.Name)
			if err != nil {
				return err
			}
			if last != nil {
				row.Last = &lastRecord{last.Status, last.Time, last.Commit, path.Join(release.Bundles, t.Name, handoff.RecordFile)}
			}
		}
		list = append(list, row)
	}
	if o.json {
		return a.PrintJSON(struct {
			V       int            `json:"v"`
			Type    string         `json:"type"`
			Targets []listedTarget `json:"targets"`
		}{dev.WireVersion, "deploy.targets", list})
	}
	a.printTargets(list)
	return nil
}
