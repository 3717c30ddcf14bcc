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

// deployOptions are the flags of "sdev deploy".
type deployOptions struct {
	target string
	out    string            // directory of the bundle; "" is the usual one
	entry  string            // script that Streamlit runs, of a project without a compose file
	set    map[string]string // --set
	image  string            // reference or archive
	build  bool
	check  bool
	yes    bool
	json   bool
}

func (a *commands) newDeployCmd() *cobra.Command {
	var o deployOptions
	var set []string
	cmd := &cobra.Command{
		Use:   "deploy [TARGET]",
		Short: "Hand the project over to a platform: render, check, record",
		Long: `Renders what TARGET needs to run the project into deploy/TARGET, beside a page of the one-time
steps, checks what would ship ("sdev preflight"), and records what was handed over. It calls no cloud:
what it writes is text in your repository, to be reviewed and committed. Without TARGET it lists them.

Every value is shown with who says it. What nobody has said is asked on a terminal; elsewhere, and
with --yes, a placeholder stands for it and is listed, and the hand-off is incomplete until it is said.
What you have edited in the files is kept: a later run joins your edits with what has changed, and
where both changed the same lines, both stand there between marks, for you to decide.

The bundle lies in the project, or with --out in a directory of its own: one that is new, empty, or a bundle
already. Directories of the system, git's, sdev's own, your home directory and those with code of the app are none.

With --check nothing is written: it ends with exit code 1 where something blocks, a value is missing,
or the files are not as they would be rendered, your own edits aside. That is for CI.

With --json it prints one object: v, type ("deploy"), target, status (ready, incomplete, blocked), check, written,
out, values (name, value, source, placeholder), files (path, status, reason), findings, checks, image,
commit, next and record. When it cannot be done, or something blocks, an error object follows.`,
		Example: `  sdev deploy                            list the targets
  sdev deploy ecs                        render, asking for what nobody has said
  sdev deploy ecs --yes --set domain=app.example.com
  sdev deploy ecs --build                also build the image that ships, and check it
  sdev deploy ecs --check                in CI`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return dev.UsageError("sdev deploy takes one target, and got "+strconv.Quote(args[1]), "values are given with --set NAME=VALUE")
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
			if o.set, err = settings(set); err != nil {
				return err
			}
			if err := o.usable(); err != nil {
				return err
			}
			if o.target == "" {
				return a.listTargets(cmd.Context(), o)
			}
			return a.runDeploy(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.out, "out", "", "write the bundle to `DIR` (default deploy/TARGET)")
	f.StringArrayVar(&set, "set", nil, "`NAME=VALUE` of a value (may be given several times); NAME= forgets an earlier answer")
	f.StringVar(&o.entry, "entry", "", "the `SCRIPT` that Streamlit runs, where there is no compose file")
	f.StringVar(&o.image, "image", "", "hand over `REF|TAR`: an image of the engine, or an archive")
	f.BoolVar(&o.build, "build", false, "build the image that ships, and start it once to see that it runs")
	f.BoolVar(&o.check, "check", false, "write nothing; fail where something blocks or is not up to date")
	f.BoolVarP(&o.yes, "yes", "y", false, "ask nothing")
	f.BoolVar(&o.json, "json", false, "print one JSON object")
	return cmd
}

// settings reads NAME=VALUE.
func settings(list []string) (map[string]string, error) {
	set := map[string]string{}
	for _, s := range list {
		name, value, ok := strings.Cut(s, "=")
		if !ok || name == "" {
			return nil, dev.UsageError("--set is "+strconv.Quote(s), "write --set NAME=VALUE")
		}
		if before, twice := set[name]; twice && before != value {
			return nil, dev.UsageError("--set says "+name+" twice: "+strconv.Quote(before)+" and "+strconv.Quote(value), "take one of the two out")
		}
		set[name] = value
	}
	return set, nil
}

func (o deployOptions) usable() error {
	switch {
	case o.target == "" && (o.out != "" || o.entry != "" || len(o.set) > 0 || o.image != "" || o.build || o.check):
		return dev.UsageError("sdev deploy without a target lists them, and takes only --json", "name one: sdev deploy "+strings.Join(targetNames(), ", sdev deploy "))
	case o.build && o.image != "":
		return dev.UsageError("--build and --image exclude each other", "give one of them")
	case o.build && o.check:
		return dev.UsageError("--check writes nothing, so it builds nothing", "build first, and check the result: --check --image REF")
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
	target, err := handoff.Find(handoff.Targets(), o.target)
	if err != nil {
		return err
	}
	chooser := a.Chooser(!o.yes && !o.json && !o.check)
	p, err := a.Gather(ctx, session.EntryChoice{Entry: o.entry, Required: true, Ask: chooser, Keep: true})
	if err != nil {
		return err
	}
	options := release.Options{Target: target, Out: o.out, Set: o.set, Image: o.image, Build: o.build, Check: o.check}
	if chooser != nil {
		options.Person = terminal{a.Console}
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
	Last  *lastRecord `json:"last"` // null where nothing was handed over yet
}

type lastRecord struct {
	Status string    `json:"status"`
	Time   time.Time `json:"time"`
	Commit string    `json:"commit"`
	Path   string    `json:"path"`
}

// listTargets shows the targets, each with its last hand-off in the usual directory.
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
