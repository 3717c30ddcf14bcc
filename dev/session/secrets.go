package session

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/detect"
	"sdev/dev/secrets"
)

// Inputs is what the app's code reads from outside, and where each of it comes from on this machine: with the bypass, and in
// each login mode. Unread are the names that the project sets and the code does not read.
type Inputs struct {
	Reads  dev.Inputs
	Views  []secrets.View // the first is the bypass; the second, if there is one, is what --with-auth means for the project
	Unread []secrets.Unread
}

// ReadInputs finds the inputs of the project. It needs no engine, and changes nothing. Unless everyMode is set, it looks at one
// login mode only: each reads the project again.
func ReadInputs(ctx context.Context, h Host, o Options, everyMode bool) (Inputs, error) {
	p, err := Load(ctx, h, o)
	if err != nil {
		return Inputs{}, err
	}
	found, err := Inspect(ctx, p, o.Entry)
	if err != nil {
		return Inputs{}, err
	}
	in := Inputs{Reads: found.Inputs()}
	own, err := p.SecretNames()
	if err != nil {
		return Inputs{}, err
	}
	for _, v := range p.Variables() {
		in.Unread = append(in.Unread, secrets.Unread{Kind: dev.InputVariable, Name: v.Name, From: v.Place})
	}
	for _, s := range own {
		in.Unread = append(in.Unread, secrets.Unread{Kind: dev.InputSecret, Name: s.Name, From: dev.Place{File: s.File, Line: s.Line}.String()})
	}
	local, err := in.view(ctx, h, o, "", found, own)
	if err != nil {
		return Inputs{}, err
	}
	in.Views = append(in.Views, local)
	usual := p.Settings.Auth.Mode
	if usual == "" {
		if usual, _, err = LoginMode(found); err != nil {
			usual = "" // the code has no login, and nothing says how one would be made
		}
	}
	modes := config.LoginModes()
	if i := slices.Index(modes, string(usual)); i > 0 {
		modes = slices.Insert(slices.Delete(modes, i, i+1), 0, string(usual))
	}
	for _, name := range modes {
		if len(in.Views) > 1 && !everyMode {
			break
		}
		mode := dev.Mode(name)
		v, err := in.view(ctx, h, o, mode, found, own)
		if _, ok := errors.AsType[*dev.Error](err); ok && mode != usual {
			continue // the project does not fit this mode
		}
		if err != nil {
			return Inputs{}, err
		}
		in.Views = append(in.Views, v)
	}
	return in, nil
}

// view is what the app gets in a mode; "" is the bypass.
func (in *Inputs) view(ctx context.Context, h Host, o Options, mode dev.Mode, found *detect.Findings, own []config.SecretName) (secrets.View, error) {
	o.Auth = string(mode)
	s, err := New(ctx, h, o)
	if err != nil {
		return secrets.View{}, err
	}
	e, err := s.Effective(ctx, nil)
	if err != nil {
		return secrets.View{}, err
	}
	image := map[string]secrets.Source{}
	if app := s.Project.Model.Services[s.Project.App]; app.Build != nil || len(s.Project.Files) == 0 {
		for _, d := range found.Dockerfiles[:min(1, len(found.Dockerfiles))] {
			for name := range d.Env {
				image[name] = secrets.Source{State: secrets.Set, From: d.Path}
			}
		}
	}
	return run{s.Project, e, found, in.Reads, own, image}.view(), nil
}

// run is what a view is computed from.
type run struct {
	project   *config.Project
	effective *config.Effective
	found     *detect.Findings
	reads     dev.Inputs
	own       []config.SecretName
	image     map[string]secrets.Source // the variables of the image
}

// view is what the app gets in the run.
func (r run) view() secrets.View {
	v := secrets.View{Name: string(r.effective.Mode), Variables: r.variables(), Secrets: map[string]secrets.Source{}, Parameters: map[string]secrets.Source{}}
	for _, n := range r.own {
		v.Secrets[n.Name] = secrets.Source{State: secrets.Set, From: dev.Place{File: n.File, Line: n.Line}.String()}
	}
	if r.effective.Mode == dev.Native {
		for _, key := range []string{"redirect_uri", "cookie_secret", "client_id", "client_secret", "server_metadata_url"} {
			v.Secrets["auth."+key] = secrets.Source{State: secrets.Set, From: "sdev: the local provider"}
		}
	}
	v.Manager = secrets.Source{State: secrets.Unknown, From: "AWS"}
	if r.project.Settings.AWS.Mode == config.AWSNone {
		v.Manager = secrets.Source{State: secrets.Missing}
	}
	v.Store = v.Manager
	if r.effective.Mode == dev.AppLogin {
		r.store(&v)
	}
	return v
}

// store adds what sdev's stand-in for the parameter store holds.
func (r run) store(v *secrets.View) {
	v.Store = secrets.Source{State: secrets.Missing}
	for _, f := range r.found.Login.Parameters {
		if isClientParameter(f.Value) {
			v.Parameters[f.Value] = secrets.Source{State: secrets.Set, From: "sdev: the app's client at the local provider"}
		}
	}
	for name := range r.project.Settings.AWS.Parameters {
		v.Parameters[name] = secrets.Source{State: secrets.Set, From: "x-sdev.aws.parameters"}
	}
}

// variables are the variables of the app: those of its image, of the compose file and of sdev, and of a file .env that the
// code itself loads.
func (r run) variables() map[string]secrets.Source {
	out := map[string]secrets.Source{}
	if r.reads.DotEnv {
		maps.Copy(out, dotEnv(r.project.Dir))
	}
	maps.Copy(out, r.image)
	for _, v := range r.effective.AppVariables(r.project) {
		state := secrets.Set
		if v.Empty {
			state = secrets.Empty
		}
		out[v.Name] = secrets.Source{State: state, From: v.From}
	}
	return out
}

// dotEnv are the variables of the project's file .env.
func dotEnv(dir string) map[string]secrets.Source {
	b, err := dev.ReadFile(filepath.Join(dir, ".env"))
	if err != nil {
		return nil // there is none, or nobody may read it: the app cannot either
	}
	out := map[string]secrets.Source{}
	for i, line := range strings.Split(string(b), "\n") {
		if name, _, ok := dev.CutAssignment(line); ok {
			out[name] = secrets.Source{State: secrets.Set, From: dev.Place{File: ".env", Line: i + 1}.String()}
		}
	}
	return out
}

// missingShown is the number of names in a warning.
const missingShown = 5

// missingWarnings is the warning about what the code reads and nothing sets, though it cannot go on without.
func (d derivation) missingWarnings(e *config.Effective, found *detect.Findings, image map[string]string) []dev.Warning {
	own, err := d.project.SecretNames()
	if err != nil {
		failed := dev.AsError(err)
		return []dev.Warning{{Code: failed.Code, Message: failed.Error(), Hint: failed.Hint}}
	}
	r := run{d.project, e, found, found.Inputs(), own, map[string]secrets.Source{}}
	for name := range image {
		r.image[name] = secrets.Source{State: secrets.Set}
	}
	view := r.view()
	var names []string
	for _, row := range secrets.Compute(r.reads, []secrets.View{view}, nil).Missing(view.Name) {
		if row.Kind == dev.InputVariable || row.Kind == dev.InputSecret { // about parameters there are warnings of the login
			names = append(names, fmt.Sprintf("%s (%s)", row.Name, row.Places[0]))
		}
	}
	if len(names) == 0 {
		return nil
	}
	if more := len(names) - missingShown; more > 0 {
		names = append(names[:missingShown], fmt.Sprintf("%d more", more))
	}
	return []dev.Warning{{Code: dev.CodeSecretsMissing, Message: "the code reads secrets and variables that nothing sets: " + strings.Join(names, ", "), Hint: "see: sdev secrets"}}
}
