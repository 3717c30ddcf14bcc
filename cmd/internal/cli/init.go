package cli

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"sdev/dev"
	"sdev/dev/detect"
	"sdev/scaffold"
	"sdev/templates"
)

// initOptions are the arguments and flags of "sdev init": the answers to its questions, and how it works. An answer is empty if no flag gives it.
type initOptions struct {
	dir      string
	template string
	name     string
	auth     string
	deps     string
	app      string // only for an existing app with a compose file
	entry    string // only for an existing app
	yes      bool
	dryRun   bool
	json     bool
	force    bool
	git      bool
	noGit    bool
}

// projectTemplate is the only template.
const projectTemplate = "project"

// choice is a question with fixed answers, the first of which is the default.
type choice struct {
	flag, title string
	answers     []answer
}

type answer struct{ value, about string }

func authChoice() choice {
	return choice{"auth", "Who may see the app once it is deployed?", []answer{
		{"streamlit-oauth", "people who sign in with Google (streamlit-oauth)"},
		{"native", "people who sign in with any OpenID Connect provider (st.login)"},
		{dev.ProxyALB, "people whom an AWS load balancer signs in, with Cognito"},
		{dev.ProxyIAP, "people whom Google's Identity-Aware Proxy signs in"},
		{dev.ProxyCloudflare, "people whom Cloudflare Access signs in"},
		{"none", "everybody: no login in the app"},
	}}
}

func depsChoice() choice {
	return choice{"deps", "Which package manager?", []answer{
		{"uv", "uv: pyproject.toml and uv.lock"},
		{"pip", "pip: requirements.txt with hashes"},
		{"conda", "conda: environment.yml"},
	}}
}

func (c choice) values() []string {
	var values []string
	for _, a := range c.answers {
		values = append(values, a.value)
	}
	return values
}

// listed names the answers in a sentence: "uv (default), pip or conda".
func (c choice) listed() string {
	values := c.values()
	values[0] += " (default)"
	last := len(values) - 1
	return strings.Join(values[:last], ", ") + " or " + values[last]
}

func (c choice) validate(value string) error {
	if value == "" || slices.Contains(c.values(), value) {
		return nil
	}
	return dev.UsageError("--"+c.flag+" is "+strconv.Quote(value), "one of: "+strings.Join(c.values(), ", "))
}

func (a *commands) newInitCmd(run func(context.Context, initOptions) error) *cobra.Command {
	var o initOptions
	cmd := &cobra.Command{
		Use:   "init [DIR]",
		Short: "Create a project, or adopt an existing app",
		Long: `Creates a Streamlit project in DIR (default: this directory) that runs in Docker: pages, login, tests,
image and locked packages. It works offline.

On a terminal it asks for what the flags do not say. With --yes, or without a terminal, it takes the
defaults. It overwrites nothing unasked: if a file differs, it stops before it writes anything.
--force overwrites such files, but not those that you edited after sdev wrote them. If you run it
again, it adds what is missing, or says that there is nothing to do.

--auth says who signs people in. The app does it with streamlit-oauth (Google) or native (st.login, any
OpenID Connect provider). Something in front of the deployed app does it with alb (an AWS load balancer
and Cognito), iap (Google's Identity-Aware Proxy) or cloudflare (Cloudflare Access); every page then
verifies the identity that it has signed. "sdev up --local" bypasses each of them.

If DIR already contains a Streamlit app, init adopts it. It prints what it found and where each value
comes from, writes what "sdev up" still needs (compose file, Dockerfile, .dockerignore, .gitignore),
and lists known defects. It changes no existing file.

With --json it prints one object: v, type ("init"), dir, template, version, name, auth, deps,
dry_run, changed, git, and files with path, status (create, identical, skip, update, overwrite,
conflict) and reason. For an adopted app it also has adopted, settings, defects and advice. If init
fails, an error object follows.`,
		Example: `  sdev init shop                          create a project in ./shop
  sdev init shop --yes --auth none        ask nothing, and create an app without a login
  sdev init shop --auth native            create an app that signs people in with st.login
  sdev init shop --dry-run                only list the files that it would write`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return dev.UsageError("sdev init takes one directory, and got "+strings.Join(args, " "), "see: sdev init --help")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			a.JSON = o.json
			o.dir = cmp.Or(slices.Concat(args, []string{""})[0], ".")
			if !filepath.IsAbs(o.dir) {
				o.dir = filepath.Join(a.Dir, o.dir)
			}
			if err := o.validate(); err != nil {
				return err
			}
			abs, err := filepath.Abs(o.dir)
			if err != nil {
				return err
			}
			if why := a.Guard().RefuseDir(abs); why != "" {
				return &dev.Error{Code: dev.CodeScaffoldTarget, Exit: dev.ExitFailed, Message: "sdev cannot create a project in " + dev.Sanitize(o.dir) + ": " + why, Hint: "name another directory: sdev init NAME"}
			}
			return run(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.template, "template", projectTemplate, "template of the project: `NAME` is "+projectTemplate)
	f.StringVar(&o.name, "name", "", "`NAME` of the project (default: from the name of the directory)")
	f.StringVar(&o.auth, "auth", "", "the app's login: `KIND` is "+authChoice().listed())
	f.StringVar(&o.deps, "deps", "", "package manager: `KIND` is "+depsChoice().listed())
	f.StringVar(&o.app, "app", "", "the `SERVICE` of the compose file that is the Streamlit app, if an app exists already")
	f.StringVar(&o.entry, "entry", "", "the `SCRIPT` that Streamlit runs, if an app exists already")
	f.BoolVarP(&o.yes, "yes", "y", false, "ask nothing, take the defaults")
	f.BoolVar(&o.dryRun, "dry-run", false, "only list what sdev would write")
	f.BoolVar(&o.json, "json", false, "print one JSON object")
	f.BoolVar(&o.force, "force", false, "overwrite files that differ, and allow a directory that is not empty")
	f.BoolVar(&o.git, "git", false, "create a git repository (default: if git is installed and there is no repository yet)")
	f.BoolVar(&o.noGit, "no-git", false, "create no git repository")
	return cmd
}

func (o initOptions) validate() error {
	if o.git && o.noGit {
		return dev.UsageError("--git and --no-git cannot be combined", "use one of them")
	}
	if o.template != projectTemplate {
		return dev.UsageError("--template is "+strconv.Quote(o.template), "one of: "+projectTemplate)
	}
	if o.name != "" {
		if err := scaffold.CheckName(o.name); err != nil {
			return err
		}
	}
	return cmp.Or(authChoice().validate(o.auth), depsChoice().validate(o.deps))
}

func (a *commands) runInit(ctx context.Context, o initOptions) error {
	if found, err := a.adoptable(o); err != nil {
		return err
	} else if found != nil {
		return a.runAdopt(ctx, o, found)
	}
	if o.app != "" {
		return dev.UsageError("--app is "+strconv.Quote(o.app)+", but there is no app in "+o.dir, "leave --app out to create a new project")
	}
	if o.entry != "" {
		return dev.UsageError("--entry is "+strconv.Quote(o.entry)+", but there is no app in "+o.dir, "leave --entry out to create a new project")
	}
	known, err := a.completeAnswers(ctx, &o)
	if err != nil {
		return err
	}
	plan, err := o.plan()
	if err != nil {
		return err
	}
	failure := plan.Err() // returned last, after the list of all files with their conflicts
	if failure == nil && !o.dryRun {
		if err := plan.Apply(ctx); err != nil {
			return err
		}
	}
	repository := false
	if failure == nil && !o.dryRun && (o.git || !known) {
		if repository, err = a.gitInit(ctx, o); err != nil {
			return err
		}
	}
	if !o.json {
		a.printInit(o, plan, repository, failure)
	} else if err := a.printInitJSON(o, plan, repository); err != nil {
		return err
	}
	return failure
}

func (o initOptions) plan() (*scaffold.Plan, error) {
	return scaffold.NewPlan(scaffold.Source{
		Tree: templates.Project(), Name: o.template, Version: templates.ProjectVersion,
		Answers: map[string]string{"name": o.name, "auth": o.auth, "deps": o.deps},
	}, o.dir, o.force)
}

// completeAnswers completes the answers: those that no flag gives come from the project's record, from the user at the
// terminal, or are the defaults. known says that the directory contains a project of sdev's already.
func (a *commands) completeAnswers(ctx context.Context, o *initOptions) (known bool, err error) {
	abs, err := filepath.Abs(o.dir)
	if err != nil {
		return false, fmt.Errorf("find the directory: %w", err)
	}
	record, known, err := scaffold.ReadRecord(abs)
	if err != nil {
		return false, err
	}
	answers := *o
	answers.name = cmp.Or(o.name, record.Answers["name"], scaffold.SuggestName(filepath.Base(abs)))
	answers.auth = cmp.Or(o.auth, record.Answers["auth"], authChoice().answers[0].value)
	answers.deps = cmp.Or(o.deps, record.Answers["deps"], depsChoice().answers[0].value)
	if !known && !o.yes && !o.json && a.InTTY && a.OutTTY {
		// Ask nothing if the directory cannot be used anyway.
		if err := answers.checkTarget(); err != nil {
			return false, err
		}
		if err := a.askInit(ctx, *o, &answers); err != nil {
			return false, err
		}
	}
	*o = answers
	return known, o.validate() // the user may have edited the record
}

// checkTarget returns the error of a directory that cannot be used, whatever the answers are.
func (o initOptions) checkTarget() error {
	plan, err := o.plan()
	if err != nil {
		return err
	}
	if err := plan.Err(); err != nil && dev.AsError(err).Code == dev.CodeScaffoldTarget {
		return err
	}
	return nil
}

// gitInit creates a git repository in the project's directory, unless the directory is inside one. It reports whether it
// created one.
func (a *commands) gitInit(ctx context.Context, o initOptions) (created bool, err error) {
	if o.noGit || insideRepository(o.dir) {
		return false, nil
	}
	git, err := exec.LookPath("git")
	if err != nil {
		if o.git {
			return false, &dev.Error{Code: dev.CodeScaffoldGit, Message: "the project is created, but not its repository: git is not installed",
				Hint: "install git, then run: git init " + o.dir, Exit: dev.ExitFailed, Cause: err}
		}
		return false, nil
	}
	cmd := exec.CommandContext(ctx, git, "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "init", "--quiet")
	cmd.Dir, cmd.Env = o.dir, a.Env
	if out, err := cmd.CombinedOutput(); err != nil {
		return false, &dev.Error{Code: dev.CodeScaffoldGit, Message: "the project is created, but git init failed: " + strings.TrimSpace(string(out)),
			Hint: "run it yourself, or leave it out with --no-git", Exit: dev.ExitFailed, Cause: err}
	}
	return true, nil
}

func insideRepository(dir string) bool {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return false
	}
	for {
		if _, err := os.Lstat(filepath.Join(abs, ".git")); err == nil {
			return true
		}
		parent := filepath.Dir(abs)
		if parent == abs {
			return false
		}
		abs = parent
	}
}

// initReport is the output of "sdev init --json".
type initReport struct {
	V        int             `json:"v"`
	Type     string          `json:"type"` // "init"
	Dir      string          `json:"dir"`  // absolute
	Template string          `json:"template"`
	Version  string          `json:"version"` // of the template
	Name     string          `json:"name"`
	Auth     string          `json:"auth"`
	Deps     string          `json:"deps"`
	DryRun   bool            `json:"dry_run"`
	Changed  bool            `json:"changed"` // false if there was nothing to do
	Git      bool            `json:"git"`     // sdev created a repository
	Files    []scaffold.File `json:"files"`

	// Only for an adopted app.
	Adopted  bool             `json:"adopted,omitempty"`
	Settings []detect.Setting `json:"settings,omitempty"`
	Defects  []detect.Defect  `json:"defects,omitempty"`
	Advice   []advice         `json:"advice,omitempty"`
}

func (a *commands) printInitJSON(o initOptions, plan *scaffold.Plan, repository bool) error {
	abs, err := filepath.Abs(o.dir)
	if err != nil {
		return fmt.Errorf("find the directory: %w", err)
	}
	return a.PrintJSON(initReport{
		V: dev.WireVersion, Type: "init", Dir: abs, Template: o.template, Version: templates.ProjectVersion,
		Name: o.name, Auth: o.auth, Deps: o.deps, DryRun: o.dryRun,
		Changed: !plan.Empty() && plan.Err() == nil && !o.dryRun, Git: repository, Files: plan.Files,
	})
}

func (a *commands) printInit(o initOptions, plan *scaffold.Plan, repository bool, failure error) {
	if plan.Empty() {
		a.Printf("nothing to do: %s is as sdev created it%s\n", strconv.Quote(o.name), editedText(plan))
		if repository {
			a.Printf("created a git repository in %s\n", o.dir)
		}
		return
	}
	if !a.Quiet || failure != nil {
		for _, f := range plan.Files {
			if f.Status == scaffold.Identical {
				continue
			}
			a.Printf("%-10s %s%s\n", f.Status, f.Path, reasonText(f))
		}
	}
	switch {
	case failure != nil:
	case o.dryRun:
		a.Printf("dry run: nothing was written\n")
	default:
		a.Printf("created %s in %s%s\n", strconv.Quote(o.name), o.dir, repositoryText(repository))
		if !a.Quiet {
			a.Printf("next: %ssdev up --local\n", changeDirText(o.dir))
		}
	}
}

func editedText(plan *scaffold.Plan) string {
	switch n := plan.Count(scaffold.Skip); n {
	case 0:
		return ""
	case 1:
		return ", except for 1 file that you edited"
	default:
		return fmt.Sprintf(", except for %d files that you edited", n)
	}
}

func reasonText(f scaffold.File) string {
	if f.Reason == "" {
		return ""
	}
	return " (" + f.Reason + ")"
}

func repositoryText(created bool) string {
	if created {
		return ", with a git repository"
	}
	return ""
}

func changeDirText(dir string) string {
	if filepath.Clean(dir) == "." {
		return ""
	}
	if strings.ContainsAny(dir, " \t'\"\\$&;()*?") {
		dir = "'" + strings.ReplaceAll(dir, "'", `'\''`) + "'"
	}
	return "cd " + dir + " && "
}
