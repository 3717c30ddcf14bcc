package cli

import (
	"context"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/spf13/cobra"

	"sdev/dev"
	"sdev/dev/handoff"
	"sdev/templates"
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

func (a *app) newDeployCmd() *cobra.Command {
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
				return usage("sdev deploy takes one target, and got "+quote(args[1]), "values are given with --set NAME=VALUE")
			}
			return nil
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return targetNames(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			a.json = o.json
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
			return nil, usage("--set is "+quote(s), "write --set NAME=VALUE")
		}
		if before, twice := set[name]; twice && before != value {
			return nil, usage("--set says "+name+" twice: "+quote(before)+" and "+quote(value), "take one of the two out")
		}
		set[name] = value
	}
	return set, nil
}

func (o deployOptions) usable() error {
	switch {
	case o.target == "" && (o.out != "" || o.entry != "" || len(o.set) > 0 || o.image != "" || o.build || o.check):
		return usage("sdev deploy without a target lists them, and takes only --json", "name one: sdev deploy "+strings.Join(targetNames(), ", sdev deploy "))
	case o.build && o.image != "":
		return usage("--build and --image exclude each other", "give one of them")
	case o.build && o.check:
		return usage("--check writes nothing, so it builds nothing", "build first, and check the result: --check --image REF")
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

// targetParams are the names that x-sdev.deploy can set, by target.
func targetParams() map[string][]string {
	out := map[string][]string{}
	for _, t := range handoff.Targets() {
		out[t.Name] = t.ParamNames()
	}
	return out
}

// delivery is one hand-off on its way.
type delivery struct {
	*subject
	options  deployOptions
	target   handoff.Target
	bundle   *handoff.Bundle
	values   handoff.Values
	findings []dev.Finding
	proof    []dev.Finding // of an image that was started once
	archive  v1.Image      // nil where the image is on the engine, or there is none
	record   handoff.Record
	written  bool
}

func (a *app) runDeploy(ctx context.Context, o deployOptions) error {
	d, err := a.deliver(ctx, o)
	if err != nil {
		return err
	}
	defer d.bundle.Close()
	return a.finish(ctx, d)
}

// deliver makes a hand-off ready: its values are found, its files rendered and compared, everything is
// checked, and nothing is written. The caller closes its bundle.
func (a *app) deliver(ctx context.Context, o deployOptions) (*delivery, error) {
	target, err := handoff.Find(handoff.Targets(), o.target)
	if err != nil {
		return nil, err
	}
	s, err := a.gather(ctx, entryChoice{entry: o.entry, must: true, ask: a.asks(o), keep: true})
	if err != nil {
		return nil, err
	}
	d := &delivery{subject: s, options: o, target: target}
	place, err := a.placeOf(s, target.Name, o.out)
	if err != nil {
		return nil, err
	}
	if d.bundle, err = handoff.Open(place); err != nil {
		return nil, err
	}
	d.bundle.Show = d.shown
	err = d.bundle.Last.CheckTemplates(templates.TargetsVersion, d.shown(path.Join(place.Bundle, handoff.RecordFile)))
	if err == nil {
		err = a.resolve(ctx, d)
	}
	if err == nil {
		err = a.render(ctx, d)
	}
	if err != nil {
		d.bundle.Close()
		return nil, err
	}
	return d, nil
}

// asks says whether a person can be asked.
func (a *app) asks(o deployOptions) bool {
	return a.InTTY && a.OutTTY && !o.yes && !o.json && !o.check
}

// render makes the files, compares them with what is there, and checks everything.
func (a *app) render(ctx context.Context, d *delivery) error {
	files, findings, err := d.target.Render(templates.Targets(), d.facts, d.values)
	if err != nil {
		return err
	}
	if err := d.bundle.Compare(files); err != nil {
		return err
	}
	missing := d.target.Missing(d.values, d.bundle.Changes) // without a value nothing can be deployed, whoever decides that
	own := slices.Concat(findings, d.proof, d.findingsOfGit(), d.findingsOfEnv(d.filled()), d.staleImage(), d.unproven())
	for i, f := range missing {
		if f.File != "" {
			missing[i].File = d.shown(f.File)
		}
	}
	found, err := a.judge(ctx, d, own)
	d.findings = append(missing, found...)
	return err
}

// finish shows what there is to see, writes, and says what comes next.
func (a *app) finish(ctx context.Context, d *delivery) error {
	changed := d.bundle.Changed() // before the record, which tells of commits, joins the files
	if err := a.recorded(ctx, d); err != nil {
		return err
	}
	if !d.options.json {
		a.printPlan(d)
	}
	if err := d.bundle.Refused(); err != nil {
		return a.ended(d, err)
	}
	if d.options.check {
		return a.ended(d, firstError(d.bundle.Conflicts(), d.blocked(), changed))
	}
	if err := a.write(ctx, d); err != nil {
		return err
	}
	return a.ended(d, firstError(d.bundle.Conflicts(), d.blocked()))
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// ended prints what is left to say, and gives the error on.
func (a *app) ended(d *delivery, err error) error {
	if d.options.json {
		if printing := a.printJSON(d.report()); printing != nil {
			return printing
		}
		return err
	}
	if err == nil {
		a.printNext(d)
	}
	return err
}

// blocked is the error of a hand-off that must not happen. Values that are only missing are no error
// but of a check: their placeholders are what was asked for.
func (d *delivery) blocked() error {
	status := handoff.StatusOf(d.findings)
	if status == handoff.Ready || status == handoff.Incomplete && !d.options.check {
		return nil
	}
	n := handoff.Checks{}.Count(d.findings).Blocks
	verb := " blocks"
	if n > 1 {
		verb = " block"
	}
	message := count(n, "finding") + verb + ", so nothing is handed over"
	if d.written {
		message += "; the files are written, so that you can fix them"
	}
	hint := "fix what is listed, then run it again"
	if status == handoff.Incomplete {
		hint = "say what is missing: " + d.saying()
	}
	return &dev.Error{Code: dev.CodeDeployBlocked, Exit: dev.ExitFailed, Message: message, Hint: hint}
}

// unsaid are the parameters that placeholders stand for.
// filled are the variables whose values the platform puts in.
func (d *delivery) filled() []string {
	if d.target.Filled == nil {
		return nil
	}
	return d.target.Filled(d.values)
}

func (d *delivery) unsaid() []handoff.Param { return d.target.Unsaid(d.values, d.bundle.Changes) }

// saying is the command that says what is missing.
func (d *delivery) saying() string {
	text := "sdev deploy " + d.target.Name
	for _, p := range d.unsaid() {
		text += " --set " + p.Name + "=…"
	}
	return text
}

// recorded makes the record of the hand-off as it would be, and adds its summary to the files.
func (a *app) recorded(ctx context.Context, d *delivery) error {
	bundles := bundlesOf(d.subject, d.bundle)
	commit, err := d.repo.LastChange(ctx, bundles)
	if err != nil {
		return err
	}
	r := handoff.Record{Target: d.target.Name, Status: handoff.StatusOf(d.findings), Project: d.project.Name, Sdev: buildVersion, Templates: templates.TargetsVersion, Commit: commit, Remote: d.repo.Remote,
		Dirty: d.dirty(bundles), Values: d.target.Named(d.values), Findings: d.findings, Checks: d.checks()}
	if d.facts.Image != (handoff.Image{}) {
		image := d.facts.Image
		r.Image = &image
	}
	if d.bundle.Conflicts() != nil {
		r.Status = handoff.Blocked
	}
	if r.Findings == nil {
		r.Findings = []dev.Finding{}
	}
	r.Next = []handoff.Step{}
	if d.target.Next != nil {
		r.Next = append(r.Next, d.target.Next(d.facts, d.values)...)
	}
	d.record, err = d.bundle.Finish(r, a.now())
	return err
}

// write asks, and writes what has to be written.
func (a *app) write(ctx context.Context, d *delivery) error {
	if len(d.bundle.Writes()) == 0 {
		return nil
	}
	if a.asks(d.options) {
		yes := true
		if err := a.ask(ctx, confirmation(&yes, "Write to %s?", d.shownBundle())); err != nil {
			return err
		}
		if !yes {
			return &dev.Error{Code: dev.CodeInterrupted, Message: "nothing was written", Exit: dev.ExitFailed}
		}
	}
	if err := d.bundle.Apply(ctx); err != nil {
		return err
	}
	d.written = true
	return nil
}

// shown is how a path below the bundle's root is shown: relative to the project, or whole where the
// bundle lies elsewhere.
func (d *delivery) shown(name string) string {
	full := filepath.Join(d.bundle.Place.Root, filepath.FromSlash(name))
	if d.bundle.Place.Root != d.root() {
		return full
	}
	rel, err := filepath.Rel(d.project.Dir, full)
	if err != nil {
		return full
	}
	return filepath.ToSlash(rel)
}

func (d *delivery) shownBundle() string { return d.shown(d.bundle.Place.Bundle) }

// staleImage is about an image that was handed over before, and made from something else than what is
// here now.
func (d *delivery) staleImage() []dev.Finding {
	i, commit := d.facts.Image, d.repo.Commit
	if i.Revision == "" || commit == "" || strings.TrimSuffix(i.Revision, dirtySuffix) == commit || d.options.build {
		return nil
	}
	return []dev.Finding{{ID: "ship.image", Severity: dev.Warns, Where: i.Ref, Message: fmt.Sprintf("image %s was built from commit %.12s, and here is %.12s", i.Ref, i.Revision, commit),
		Fix: "rebuild it: sdev deploy " + d.target.Name + " --build"}}
}

// unproven is about an image of an earlier run that did not run then.
func (d *delivery) unproven() []dev.Finding {
	if len(d.proof) > 0 {
		return nil
	}
	return d.facts.Image.Unproven("sdev deploy " + d.target.Name + " --build")
}
