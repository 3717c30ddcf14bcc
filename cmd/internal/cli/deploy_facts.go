package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/detect"
	"sdev/dev/git"
	"sdev/dev/handoff"
)

// subject is a project as it leaves this machine: everything that is known before anybody is asked.
type subject struct {
	project *config.Project
	service types.ServiceConfig // the one that ships
	found   *detect.Findings
	survey  detect.Survey
	repo    git.Repository
	facts   handoff.Facts // without Bundle and Image, which belong to one target
	handed  []string      // files outside of bundles that hand-offs of this project have written
}

// deployDir holds the bundles of a project.
const deployDir = "deploy"

// gather finds out what is known of the project here.
func (a *app) gather(ctx context.Context, choice entryChoice) (*subject, error) {
	p, err := a.load(ctx, runOptions{choice: choice})
	if err != nil {
		return nil, err
	}
	s := &subject{project: p}
	s.service, _ = p.ReleaseService()
	if s.found, err = look(p.Dir); err != nil {
		return nil, err
	}
	if entry := p.Settings.Entry; entry != "" {
		s.found.Choose(path.Clean(filepath.ToSlash(entry)), detect.Fact{Why: "x-sdev.entry"})
	} else if err := a.chooseEntry(ctx, p.Dir, s.found, choice); err != nil {
		if e, ok := errors.AsType[*dev.Error](err); ok && e.Code == dev.CodeAppAmbiguous && len(p.Files) > 0 {
			e.Hint = "name it in the compose file: x-sdev: {entry: PATH}"
		}
		return nil, err
	}
	s.survey = s.found.Survey()
	if s.repo, err = git.Read(ctx, p.Dir, a.Env); err != nil {
		return nil, err
	}
	s.facts = handoff.Facts{Name: p.Name, Dir: ".", App: s.appFacts(), Git: s.gitFacts(), AWS: s.awsFacts(),
		Policy: p.Settings.Auth.Policies, People: p.Settings.Auth.Users, Version: buildVersion}
	if rel, ok := s.repo.Inside(p.Dir); ok {
		s.facts.Dir = rel
	}
	return s, a.findHanded(s)
}

// findHanded collects what hand-offs to all targets have put at the root of the repository.
func (a *app) findHanded(s *subject) error {
	for _, t := range handoff.Targets() {
		place, err := a.placeOf(s, t.Name, "")
		if err != nil {
			return err
		}
		b, err := handoff.Open(place)
		if err != nil {
			continue // it is told where that target is handed over, or listed
		}
		if b.Last != nil {
			for _, f := range b.Last.Files {
				if strings.HasPrefix(f.File, handoff.AtRepository) {
					s.handed = append(s.handed, f.Path)
				}
			}
		}
		b.Close()
	}
	return nil
}

// root is the directory that files of a hand-off may be written below, besides a bundle that lies elsewhere.
func (s *subject) root() string {
	if _, ok := s.repo.Inside(s.project.Dir); ok {
		return s.repo.Root
	}
	return s.project.Dir
}

// within gives a path of this machine relative to the repository; "." where it lies outside.
func (s *subject) within(name string) string {
	rel, err := filepath.Rel(s.root(), name)
	if err != nil || !filepath.IsLocal(rel) {
		return "."
	}
	return filepath.ToSlash(rel)
}

func (s *subject) appFacts() handoff.App {
	f, p := s.found, s.project
	entry, _ := f.Entry()
	app := handoff.App{Service: s.service.Name, Entry: entry.Path, Platform: s.service.Platform, Python: asValue(f.Python), Streamlit: asValue(f.Streamlit)}
	app.Env, _ = shippedEnv(p, s.service)
	if app.Streamlit.Text == "any" {
		app.Streamlit = handoff.Value{}
	}
	app.Port, app.BasePath = p.AppPort(s.service)
	if len(f.Managers) > 0 {
		app.Deps = handoff.Value{Text: f.Managers[0].File, Source: f.Managers[0].Source()}
		app.Manager = f.Managers[0].Value
	}
	for _, r := range f.Roots {
		app.Roots = append(app.Roots, r.Value)
	}
	for _, a := range s.survey.Addresses {
		app.Pages = append(app.Pages, handoff.Page{Script: a.Script, Path: a.Path})
	}
	for _, l := range f.Auth {
		app.Login = append(app.Login, asValue(l))
	}
	for _, i := range s.survey.Imports {
		app.Imports = append(app.Imports, handoff.Import{Module: i.Value, File: i.File, Line: i.Line})
	}
	for _, c := range s.survey.Calls {
		app.Calls = append(app.Calls, handoff.Call(c))
	}
	app.Command = s.command()
	app.Entrypoint, app.Args = s.service.Entrypoint, s.service.Command
	if b := s.service.Build; b != nil {
		app.Context, app.Target = s.within(b.Context), b.Target
		if app.Dockerfile = b.Dockerfile; app.Dockerfile == "" && b.DockerfileInline == "" {
			app.Dockerfile = "Dockerfile"
		}
		app.Dockerfile = filepath.ToSlash(app.Dockerfile)
	}
	return app
}

func asValue(f detect.Fact) handoff.Value { return handoff.Value{Text: f.Value, Source: f.Source()} }

// inShell are signs that a shell would read as something else than themselves.
const inShell = "\"'`$;&|<>\\()*?~[]{}"

// command is what the service runs: what the compose file says, else what the Dockerfile does.
func (s *subject) command() []string {
	if c := slices.Concat([]string(s.service.Entrypoint), []string(s.service.Command)); len(c) > 0 {
		return c
	}
	if s.service.Build == nil {
		return nil
	}
	for _, d := range s.found.Dockerfiles {
		if filepath.Join(s.project.Dir, filepath.FromSlash(d.Path)) != filepath.Join(s.service.Build.Context, cmp.Or(s.service.Build.Dockerfile, "Dockerfile")) {
			continue
		}
		d, _ = s.found.Image("", d.Path, s.service.Build.Target) // the stage that is built
		return wordsOf(d.Command.Value)
	}
	return nil
}

// wordsOf are those of ENTRYPOINT and CMD as they are written, one behind the other: lists, or a line that
// the builder hands to a shell. It is nil where they are both, since then the shell ignores the list.
func wordsOf(text string) []string {
	var all []string
	for lists := json.NewDecoder(strings.NewReader(text)); ; {
		var words []string
		err := lists.Decode(&words)
		switch {
		case err == nil:
			all = append(all, words...)
		case errors.Is(err, io.EOF):
			return all
		case strings.Contains(text, "["):
			return nil
		case strings.ContainsAny(text, inShell):
			return []string{"/bin/sh", "-c", text}
		default:
			return strings.Fields(text)
		}
	}
}

var (
	secretName = regexp.MustCompile(`(?i)secret|token|passw|credential|private|api_?key|access_?key|_key$|_pwd$|_dsn$`)
	secretText = regexp.MustCompile(`://[^/\s:@]+:[^/\s@]+@|-----BEGIN|\b(AKIA|ASIA)[A-Z0-9]{16}\b|\bgh[pousr]_[A-Za-z0-9]{20,}`)
)

// local are variables that mean something on a developer's machine alone.
var local = []string{"LOCAL_STREAMLIT", "AWS_PROFILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"}

// shippedEnv are the variables that the service has wherever it runs: those whose values stand in the
// compose file, without what is local and what looks like a secret. left are the others.
func shippedEnv(p *config.Project, service types.ServiceConfig) (env []handoff.Variable, left []string) {
	literal := p.Literal(service.Name)
	for _, name := range slices.Sorted(maps.Keys(service.Environment)) {
		value, stands := literal[name]
		switch {
		case slices.Contains(local, name):
		case !stands, secretName.MatchString(name), secretText.MatchString(value):
			left = append(left, name)
		default:
			env = append(env, handoff.Variable{Name: name, Value: value, Origin: "environment of service " + service.Name})
		}
	}
	return env, left
}

// findingsOfEnv are about variables that are not handed over, and that the platform does not fill in either.
func (s *subject) findingsOfEnv(filled []string) []dev.Finding {
	_, left := shippedEnv(s.project, s.service)
	left = slices.DeleteFunc(left, func(name string) bool { return slices.Contains(filled, name) })
	if len(left) == 0 {
		return nil
	}
	return []dev.Finding{{ID: "ship.environment", Severity: dev.Warns, Where: "service " + s.service.Name,
		Message: "not handed over, since their values come from this machine or look like secrets: " + dev.Printable(strings.Join(left, ", ")),
		Fix:     "keep them in the platform's store of secrets, and name them in the bundle; or write a value that is none into the compose file"}}
}

func (s *subject) gitFacts() handoff.Git {
	r := s.repo
	host, owner, name := git.Split(r.Remote)
	return handoff.Git{Found: r.Found, Remote: r.Remote, Host: host, Owner: owner, Repo: name, Branch: r.Branch, Commit: r.Commit, Modified: r.Modified}
}

// regionLiteral is how code names the region of a service.
var regionLiteral = regexp.MustCompile(`region_name\s*=\s*["']([a-z]{2}(?:-[a-z]+)+-\d)["']`)

// awsFacts are what the project says of AWS, and nothing that only this machine does.
func (s *subject) awsFacts() handoff.AWS {
	set := s.project.Settings.AWS
	out := handoff.AWS{Profile: set.Profile}
	if set.Region != "" {
		out.Region = handoff.Value{Text: set.Region, Source: "x-sdev.aws.region"}
	}
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION"} {
		if v := s.service.Environment[name]; out.Region.Text == "" && v != nil && *v != "" {
			out.Region = handoff.Value{Text: *v, Source: name + " of service " + s.service.Name}
		}
	}
	for _, c := range s.survey.Calls {
		if m := regionLiteral.FindStringSubmatch(c.Text); m != nil && out.Region.Text == "" && strings.HasPrefix(c.What, "aws:") {
			out.Region = handoff.Value{Text: m[1], Source: detect.Fact{Why: "the code names it", File: c.File, Line: c.Line}.Source()}
		}
	}
	for _, f := range s.found.Login.Parameters {
		out.Parameters = append(out.Parameters, handoff.Call{What: "aws:ssm", Text: f.Value, File: f.File, Line: f.Line})
	}
	return out
}

// placeOf says where a bundle lies. out is --out, "" for the usual directory.
func (a *app) placeOf(s *subject, target, out string) (handoff.Place, error) {
	root := s.root()
	if out == "" {
		out = filepath.Join(s.project.Dir, deployDir, target)
	} else if !filepath.IsAbs(out) {
		out = filepath.Join(a.dir, out)
	}
	out, err := filepath.Abs(out)
	if err != nil {
		return handoff.Place{}, err
	}
	if why := a.misplaced(s.project.Dir, root, out); why != "" {
		return handoff.Place{}, &dev.Error{Code: dev.CodeDeployDir, Exit: dev.ExitFailed, Message: dev.Printable(out) + " cannot take a bundle: " + why,
			Hint: "name one for it alone, for example --out handoff"}
	}
	// What lies in the repository by its name stays there: links in it that lead out are refused.
	for _, seen := range []string{out, dev.RealPath(out)} {
		if rel, err := filepath.Rel(root, seen); err == nil && filepath.IsLocal(rel) {
			return handoff.Place{Root: root, Bundle: filepath.ToSlash(rel)}, nil
		}
	}
	return handoff.Place{Root: dev.RealPath(out), Bundle: "."}, nil
}

// misplaced says why a directory is none for a bundle; "" where it is one. A bundle lies in the project, or
// in a directory of its own.
func (a *app) misplaced(project, root, out string) string {
	for _, seen := range []string{out, dev.RealPath(out)} {
		if within(seen, dev.RealPath(project)) {
			return "the project lies in it"
		}
	}
	inside := false
	for _, seen := range [][2]string{{root, out}, {dev.RealPath(root), dev.RealPath(out)}} {
		if rel, err := filepath.Rel(seen[0], seen[1]); err == nil && filepath.IsLocal(rel) {
			inside = true
			if why := reserved(rel); why != "" {
				return why
			}
		}
	}
	switch {
	case !inside:
		return cmp.Or(a.unfit(out), a.notForBundle(out))
	case isSource(dev.RealPath(out)):
		return "the project has code in it"
	}
	return ""
}

// bundlesOf are the directories and files of the repository that hand-offs of this project have written, and
// the one that is about to: committing them is no change of what is handed over.
func bundlesOf(s *subject, b *handoff.Bundle) []string {
	out := append([]string{path.Join(s.facts.Dir, deployDir)}, s.handed...)
	if b.Place.Root == s.root() && b.Place.Bundle != "." {
		out = append(out, b.Place.Bundle)
	}
	var files []string
	for _, c := range b.Changes {
		files = append(files, c.Path)
	}
	if b.Last != nil { // before anything is rendered, these are known
		for _, f := range b.Last.Files {
			files = append(files, f.Path)
		}
	}
	for _, file := range files {
		if b.Place.Root == s.root() && !strings.HasPrefix(file, b.Place.Bundle+"/") {
			out = append(out, file)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// dirty are the files that are not as committed, hand-offs left out.
func (s *subject) dirty(bundles []string) []string {
	return slices.DeleteFunc(slices.Clone(s.repo.Modified), func(name string) bool {
		return slices.ContainsFunc(bundles, func(b string) bool { return name == b || strings.HasPrefix(name, b+"/") })
	})
}

// findingsOfGit are about a repository that does not tell what is handed over.
func (s *subject) findingsOfGit() []dev.Finding {
	var out []dev.Finding
	for _, name := range s.repo.Absent {
		out = append(out, dev.Finding{ID: "ship.submodule", Severity: dev.Warns, Message: "the files of submodule " + dev.Printable(name) + " are not here", Where: name, Fix: "git submodule update --init --recursive"})
	}
	return out
}
