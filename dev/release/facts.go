package release

import (
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"sdev/dev/detect"
	"sdev/dev/git"
	"sdev/dev/handoff"
	"sdev/dev/pattern"
)

// appFacts are the facts of the app as it ships.
func (p *Project) appFacts() handoff.App {
	f := p.found
	entry, _ := f.Entry()
	app := handoff.App{Service: p.service.Name, Entry: entry.Path, Platform: p.service.Platform, Python: asValue(f.Python), Streamlit: asValue(f.Streamlit)}
	app.Env, _ = p.environment()
	if app.Streamlit.Text == "any" {
		app.Streamlit = handoff.Value{}
	}
	app.Port, app.BasePath = p.config.AppPort(p.service)
	if len(f.Managers) > 0 {
		app.Deps = handoff.Value{Text: f.Managers[0].File, Source: f.Managers[0].Source()}
		app.Manager = f.Managers[0].Value
	}
	for _, r := range f.Roots {
		app.Roots = append(app.Roots, r.Value)
	}
	for _, a := range p.survey.Addresses {
		app.Pages = append(app.Pages, handoff.Page{Script: a.Script, Path: a.Path})
	}
	for _, l := range f.Auth {
		app.Login = append(app.Login, asValue(l))
	}
	for _, i := range p.survey.Imports {
		app.Imports = append(app.Imports, handoff.Import{Module: i.Value, File: i.File, Line: i.Line})
	}
	for _, c := range p.survey.Calls {
		app.Calls = append(app.Calls, handoff.Call(c))
	}
	app.Command = p.command()
	app.Entrypoint, app.Args = p.service.Entrypoint, p.service.Command
	if b := p.service.Build; b != nil {
		app.Context, app.Target = p.inRepository(b.Context), b.Target
		if app.Dockerfile = b.Dockerfile; app.Dockerfile == "" && b.DockerfileInline == "" {
			app.Dockerfile = "Dockerfile"
		}
		app.Dockerfile = filepath.ToSlash(app.Dockerfile)
	}
	return app
}

func asValue(f detect.Fact) handoff.Value { return handoff.Value{Text: f.Value, Source: f.Source()} }

// shellMetacharacters are the characters with a meaning in a shell.
const shellMetacharacters = "\"'`$;&|<>\\()*?~[]{}"

// command is the command of the service: that of the compose file, or else that of the Dockerfile.
func (p *Project) command() []string {
	if c := slices.Concat([]string(p.service.Entrypoint), []string(p.service.Command)); len(c) > 0 {
		return c
	}
	if p.service.Build == nil {
		return nil
	}
	for _, d := range p.found.Dockerfiles {
		if filepath.Join(p.config.Dir, filepath.FromSlash(d.Path)) != filepath.Join(p.service.Build.Context, cmp.Or(p.service.Build.Dockerfile, "Dockerfile")) {
			continue
		}
		d, _ = p.found.Image("", d.Path, p.service.Build.Target) // the stage that is built
		return splitCommand(d.Command.Value)
	}
	return nil
}

// splitCommand splits the joined texts of ENTRYPOINT and CMD. Each is a JSON list, or a line that the builder passes to
// a shell. It returns nil if the two forms are mixed, because the shell then ignores the list.
func splitCommand(text string) []string {
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
		case strings.ContainsAny(text, shellMetacharacters):
			return []string{"/bin/sh", "-c", text}
		default:
			return strings.Fields(text)
		}
	}
}

// gitFacts are the facts of the repository.
func (p *Project) gitFacts() handoff.Git {
	r := p.Repository
	host, owner, name := git.Split(r.Remote)
	return handoff.Git{Found: r.Found, Remote: r.Remote, Host: host, Owner: owner, Repo: name, Branch: r.Branch, Commit: r.Commit, Modified: r.Modified}
}

// regionLiteral matches how code sets the region of an AWS client.
var regionLiteral = pattern.New(`region_name\s*=\s*["']([a-z]{2}(?:-[a-z]+)+-\d)["']`)

// awsFacts are the facts about AWS in the project. Settings that are only on this machine are left out.
func (p *Project) awsFacts() handoff.AWS {
	set := p.config.Settings.AWS
	out := handoff.AWS{Profile: set.Profile}
	if set.Region != "" {
		out.Region = handoff.Value{Text: set.Region, Source: "x-sdev.aws.region"}
	}
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION"} {
		if v := p.service.Environment[name]; out.Region.Text == "" && v != nil && *v != "" {
			out.Region = handoff.Value{Text: *v, Source: name + " of service " + p.service.Name}
		}
	}
	for _, c := range p.survey.Calls {
		if m := regionLiteral.FindStringSubmatch(c.Text); m != nil && out.Region.Text == "" && strings.HasPrefix(c.What, "aws:") {
			out.Region = handoff.Value{Text: m[1], Source: detect.Fact{Why: "the code names it", File: c.File, Line: c.Line}.Source()}
		}
	}
	for _, f := range p.found.Login.Parameters {
		out.Parameters = append(out.Parameters, handoff.Call{What: "aws:ssm", Text: f.Value, File: f.File, Line: f.Line})
	}
	return out
}
