package cli

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"sdev/cmd/internal/console"
	"sdev/dev"
	"sdev/dev/detect"
	"sdev/dev/session"
	"sdev/scaffold"
)

// adoption is what init does in a directory that contains an app already.
type adoption struct {
	found  *detect.Findings
	plan   *scaffold.Plan
	advice []advice
}

// advice names lines that the user may want to add to an existing file.
type advice struct {
	File  string   `json:"file"`
	Lines []string `json:"lines"`
}

// adoptable looks for an app in init's directory. It returns nil if init should create a project instead.
func (a *commands) adoptable(o initOptions) (*detect.Findings, error) {
	if o.force {
		return nil, nil // --force creates a project beside the existing files
	}
	if _, known, err := scaffold.ReadRecord(o.dir); known || err != nil {
		return nil, err
	}
	if st, err := os.Stat(o.dir); err != nil || !st.IsDir() {
		return nil, nil // init creates it
	}
	found, err := detect.Dir(o.dir)
	if err != nil || len(found.Entries) == 0 {
		return nil, err
	}
	return found, nil
}

func (a *commands) runAdopt(ctx context.Context, o initOptions, found *detect.Findings) error {
	for flag, value := range map[string]string{"--auth": o.auth, "--deps": o.deps} {
		if value != "" {
			return dev.UsageError(flag+" is for new projects, but this directory already contains an app: "+dev.Sanitize(found.Entries[0].Path), "leave "+flag+" out, or create a new project in another directory")
		}
	}
	found, err := a.chooseApp(ctx, o, found)
	if err != nil {
		return err
	}
	ad, err := planAdoption(o, found)
	if err != nil {
		return err
	}
	if !o.json && !a.Quiet {
		a.printTable(found)
	}
	write := !o.dryRun && !ad.plan.Empty()
	if write && a.Chooser(!o.yes && !o.json) != nil {
		if write, err = a.confirm(ctx, ad.plan); err != nil {
			return err
		}
	}
	if write {
		if err := ad.plan.Apply(ctx); err != nil {
			return err
		}
	}
	repository := false
	if o.git && !o.dryRun {
		if repository, err = a.gitInit(ctx, o); err != nil {
			return err
		}
	}
	if o.json {
		return a.printAdoptionJSON(o, ad, write, repository)
	}
	a.printAdoption(o, ad, write)
	return nil
}

// chooseApp makes the findings those of the app that "sdev up" would run. If the project does not say which one that is,
// it asks the user, or returns the error that "sdev up" returns.
func (a *commands) chooseApp(ctx context.Context, o initOptions, found *detect.Findings) (*detect.Findings, error) {
	choice := session.EntryChoice{Required: true, Ask: a.Chooser(!o.yes && !o.json)}
	if len(found.Composes) == 0 {
		if o.app != "" {
			return nil, dev.UsageError("--app names a service of a compose file, but this project has none", "name the script instead: --entry SCRIPT")
		}
		return found, session.ChooseEntry(ctx, o.dir, found, o.entry, choice)
	}
	host := a.Host()
	host.Dir, host.App, host.Entry = o.dir, o.app, o.entry
	p, err := session.Load(ctx, host, session.Options{Entry: choice})
	if err != nil {
		if e := dev.AsError(err); e.Code == dev.CodeAppMissing || e.Code == dev.CodeUsage || ctx.Err() != nil {
			return nil, err
		}
		// "sdev up" reports what is wrong with the compose file; the table and the missing files need no valid one.
		if o.entry != "" {
			err = session.ChooseEntry(ctx, o.dir, found, o.entry, choice)
			return found, err
		}
		return found, nil
	}
	return session.Inspect(ctx, p, choice)
}

// planAdoption plans the files that the project lacks. The plan also lists the existing ones, which stay unchanged.
func planAdoption(o initOptions, found *detect.Findings) (adoption, error) {
	ad := adoption{found: found}
	var offers []scaffold.Offer
	offer := func(path, content string) {
		offers = append(offers, scaffold.Offer{Path: path, Content: []byte(content)})
	}
	image := len(found.Dockerfiles) > 0
	for _, d := range found.Dockerfiles {
		offer(d.Path, "")
	}
	if len(found.Composes) > 0 {
		offer(found.Composes[0].Path, "")
	} else {
		recipe, _ := found.Recipe()
		model := session.Assumption(found, recipe)
		model.Name = o.name
		for key, why := range model.Why {
			model.Why[key] = strings.TrimPrefix(why, "assumed: ")
		}
		if recipe.Text != "" {
			name := "Dockerfile"
			if slices.ContainsFunc(found.Dockerfiles, func(d detect.Dockerfile) bool { return d.Path == name }) { // the existing Dockerfile is for another program
				name = session.AssumedService + ".Dockerfile"
			}
			offer(name, found.Ship())
			image = true
			// The Dockerfile contains these settings.
			model.Inline, model.Dockerfile, model.Workdir, model.Command, model.PythonPath = "", name, "", nil, ""
			delete(model.Why, "build")
		}
		content, err := model.YAML()
		if err != nil {
			return ad, err
		}
		offer("docker-compose.yml", "# Created by sdev init from what it found in this directory. Run it: sdev up --local\n"+string(content))
	}
	if image {
		offer(".dockerignore", strings.Join(found.DockerIgnore(), "\n")+"\n")
	}
	offer(".gitignore", strings.Join(gitIgnored(), "\n")+"\n")
	if ignored, err := dev.ReadFile(filepath.Join(o.dir, ".gitignore")); err == nil {
		if missing := missingLines(string(ignored), gitIgnored()); len(missing) > 0 {
			ad.advice = append(ad.advice, advice{".gitignore", missing})
		}
	}
	var err error
	ad.plan, err = scaffold.NewAdoption(o.dir, offers)
	return ad, err
}

// gitIgnored returns the entries that every project's .gitignore should have.
func gitIgnored() []string {
	return []string{"__pycache__/", ".venv/", ".env", ".aws/", ".sdev/", ".streamlit/secrets.toml"}
}

// missingLines returns those lines that a .gitignore does not contain, in any of the usual spellings.
func missingLines(text string, lines []string) []string {
	var existing []string
	for l := range strings.Lines(text) {
		existing = append(existing, strings.Trim(strings.TrimSpace(l), "/"))
	}
	return slices.DeleteFunc(slices.Clone(lines), func(l string) bool {
		name := strings.Trim(l, "/")
		// The state directory contains a .gitignore that ignores the directory itself.
		return name == dev.StateDir || slices.Contains(existing, name) || slices.Contains(existing, "**/"+name) || slices.Contains(existing, path.Base(name))
	})
}

func (a *commands) confirm(ctx context.Context, plan *scaffold.Plan) (bool, error) {
	var names []string
	for _, f := range plan.Files {
		if f.Status == scaffold.Create {
			names = append(names, f.Path)
		}
	}
	yes := true
	return yes, a.Ask(ctx, console.Confirmation(&yes, "Write %s?", strings.Join(names, ", ")))
}

// printTable prints the findings, each value with its source.
func (a *commands) printTable(found *detect.Findings) {
	names, values := 0, 0
	for _, s := range found.Table() {
		names, values = max(names, len(s.Name)+1), max(values, utf8.RuneCountInString(dev.Inline(s.Value)))
	}
	values = min(values, 40) // a longer value is rare, and only moves its own source to the right
	for _, s := range found.Table() {
		a.Printf("%-*s  %-*s  %s\n", names, s.Name+":", values, s.Value, a.Wrapped("("+s.Source+")", names+values+4))
	}
}

func (a *commands) printAdoption(o initOptions, ad adoption, written bool) {
	for _, f := range ad.plan.Files {
		if !a.Quiet {
			a.Printf("%-10s %s%s\n", f.Status, f.Path, reasonText(f))
		}
	}
	for _, advice := range ad.advice {
		a.Printf("advice     add to %s: %s\n", advice.File, strings.Join(advice.Lines, " "))
	}
	for _, d := range ad.found.Defects {
		what := fmt.Sprintf("%s:%d: %s", d.File, d.Line, d.What)
		a.Printf("defect     %s\n           %s\n", a.Wrapped(what, 11), a.Wrapped("fix: "+d.Fix, 11))
	}
	switch {
	case o.dryRun:
		a.Printf("dry run: nothing was written\n")
	case ad.plan.Empty():
		a.Printf("nothing to do: the project has everything that sdev needs\n")
	case !written:
		a.Printf("nothing was written\n")
	default:
		a.Printf("adopted %s\n", o.dir)
	}
	if !a.Quiet && !o.dryRun {
		a.Printf("next: %ssdev up --local\n", changeDirText(o.dir))
	}
}

func (a *commands) printAdoptionJSON(o initOptions, ad adoption, written, repository bool) error {
	abs, err := filepath.Abs(o.dir)
	if err != nil {
		return fmt.Errorf("find the directory: %w", err)
	}
	report := initReport{V: dev.WireVersion, Type: "init", Dir: abs, Name: cmp.Or(o.name, scaffold.SuggestName(filepath.Base(abs))), Auth: ad.found.Auth[0].Value, DryRun: o.dryRun, Changed: written, Git: repository,
		Files: ad.plan.Files, Adopted: true, Settings: ad.found.Table(), Defects: ad.found.Defects, Advice: ad.advice}
	if len(ad.found.Managers) > 0 {
		report.Deps = ad.found.Managers[0].Value
	}
	return a.PrintJSON(report)
}
