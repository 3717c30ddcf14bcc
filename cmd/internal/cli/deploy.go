package cli

import (
	"context"
	"errors"
	"path"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/detect"
	"sdev/dev/docker"
	"sdev/dev/handoff"
	"sdev/dev/release"
	"sdev/dev/session"
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

func (a *app) runDeploy(ctx context.Context, o deployOptions) error {
	target, err := handoff.Find(handoff.Targets(), o.target)
	if err != nil {
		return err
	}
	chooser := a.chooser(!o.yes && !o.json && !o.check)
	p, err := a.gather(ctx, session.EntryChoice{Entry: o.entry, Required: true, Ask: chooser, Keep: true})
	if err != nil {
		return err
	}
	options := release.Options{Target: target, Out: o.out, Set: o.set, Image: o.image, Build: o.build, Check: o.check}
	if chooser != nil {
		options.Person = terminal{a}
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
	if !o.json {
		if r.Err() == nil {
			a.printNext(r, o.check)
		}
		return r.Err()
	}
	if err := a.printJSON(newDeployReport(r, o.check)); err != nil {
		return err
	}
	return r.Err()
}

// gather collects what is known of the project.
func (a *app) gather(ctx context.Context, choice session.EntryChoice) (*release.Project, error) {
	p, found, err := a.shipped(ctx, choice)
	if err != nil {
		return nil, err
	}
	return a.releaser().Gather(ctx, p, found)
}

// shipped reads the project, and finds out which script is the app.
func (a *app) shipped(ctx context.Context, choice session.EntryChoice) (*config.Project, *detect.Findings, error) {
	p, err := a.load(ctx, session.Options{Entry: choice})
	if err != nil {
		return nil, nil, err
	}
	found, err := detect.Dir(p.Dir)
	if err != nil || p.Settings.Entry != "" {
		return p, found, err
	}
	err = session.ChooseEntry(ctx, p.Dir, found, choice)
	if e, ok := errors.AsType[*dev.Error](err); ok && e.Code == dev.CodeAppAmbiguous && len(p.Files) > 0 {
		e.Hint = "name it in the compose file: x-sdev: {entry: PATH}"
	}
	return p, found, err
}

// releaser hands over from this machine. It shows the steps of a build, unless the output is for programs.
func (a *app) releaser() *release.Releaser {
	progress := a.printer(view{})
	return &release.Releaser{Dir: a.dir, Guard: a.guard(), Env: a.Env, Getenv: a.Getenv, Now: a.now, Version: buildVersion,
		Templates: templates.Targets(), Edition: templates.TargetsVersion, CacheDir: a.cacheDir,
		OpenEngine: func(ctx context.Context) (release.Engine, error) {
			e, err := a.open(ctx)
			return releaseEngine{e, a.cacheDir}, err
		},
		Emit: func(e dev.Event) {
			if !a.json {
				_ = progress.Print(dev.Stamped{Time: a.now(), Event: e}) // whoever reads has left
			}
		}}
}

// releaseEngine is the container engine as package release sees it.
type releaseEngine struct {
	*docker.Engine
	cacheDir func() (string, error)
}

func (e releaseEngine) Inspect(ctx context.Context, ref string) (release.Image, error) {
	s, err := e.Shipped(ctx, ref)
	return release.Image(s), err
}

func (e releaseEngine) Start(ctx context.Context, t release.SmokeTest) (release.Container, error) {
	cache, err := e.cacheDir()
	if err != nil {
		return nil, err
	}
	gateway, err := docker.GatewayRef(cache)
	if err != nil {
		return nil, err
	}
	tried, err := e.Try(ctx, docker.Trial{Project: t.Project, Image: t.Image, Command: t.Command, Env: t.Env, Scratch: t.Scratch, Port: t.Port, Gateway: gateway})
	if failure, ok := errors.AsType[*dev.Error](err); ok && failure.Code == dev.CodeEngine {
		return nil, &release.StartError{Message: failure.Message}
	}
	return releaseContainer{tried}, err
}

// releaseContainer is a container as package release sees it.
type releaseContainer struct{ *docker.Trying }

func (c releaseContainer) User() string { return c.Trying.User }

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
func (a *app) listTargets(ctx context.Context, o deployOptions) error {
	p, err := a.gather(ctx, session.EntryChoice{})
	if e, ok := errors.AsType[*dev.Error](err); ok && e.Code == dev.CodeProjectMissing && a.dir == "" && len(a.files) == 0 {
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
		return a.printJSON(struct {
			V       int            `json:"v"`
			Type    string         `json:"type"`
			Targets []listedTarget `json:"targets"`
		}{dev.WireVersion, "deploy.targets", list})
	}
	a.printTargets(list)
	return nil
}
