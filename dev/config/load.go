package config

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/consts"
	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/template"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/sirupsen/logrus"
	"go.yaml.in/yaml/v4"

	"sdev/dev"
)

// Project is a compose project as its files describe it, checked, before anything is derived.
type Project struct {
	Name     string
	Dir      string   // absolute; where relative paths start
	Files    []string // the compose files, absolute, in the order in which they override
	App      string   // name of the service that is the Streamlit app
	AppWhy   string   // how that was found out
	Settings Settings
	Model    *types.Project
	Warnings []dev.Warning
	// BuildAssumed says that the app's build is none of the compose file's: an image that is there
	// and that sdev did not make is used as it is.
	BuildAssumed bool

	sources sources
	notes   []Note // on what was assumed
	assumed bool   // there is no compose file

	settingsBase string // server.baseUrlPath of .streamlit/config.toml
	// settingsTrusted is its server.trustedUserHeaders.
	settingsTrusted map[string]any
	usual           bool // the files were found under their usual names
}

// Options says where to look.
type Options struct {
	Dir      string   // where to start looking; "" is the working directory
	Files    []string // compose files; none means the usual names, here or above
	Profiles []string
	Env      []string // KEY=VALUE, for interpolation

	// Targets are the names of the parameters that x-sdev.deploy may set, by platform; nil means that they
	// are not checked.
	Targets map[string][]string

	// Assume is asked for a directory, absolute, that has no compose file; nil means that it has no app
	// either. It may be nil itself.
	Assume func(dir string) (*Assumption, error)
	// Guess is asked which of these services is the app where their names, images and commands do not
	// tell; "" means that it cannot tell either. It may be nil itself.
	Guess func(dir string, services []string) (name, why string)
	// Source is asked where an image has the app's source, when the app is built in the project and
	// the compose file mounts nothing of it. Paths are relative to dir, with slashes; hidden are
	// directories of the image below a mount that must stay visible. It may be nil itself.
	Source func(dir, context, dockerfile, target string) (mounts []dev.Mount, hidden []string)
}

// Load reads and checks the project. Every error is a *dev.Error with exit code 3.
func Load(ctx context.Context, o Options) (*Project, error) {
	return dev.Interruptible(ctx, func() (*Project, error) { return load(ctx, o) })
}

func load(ctx context.Context, o Options) (*Project, error) {
	// compose-go tells by logging what Load reports itself, with places.
	logrus.SetOutput(io.Discard)

	// In Compose's own order: a .env where the search starts may name the files, and the one beside
	// the first of them fills in the variables.
	var refused []loader.UnsupportedAttribute
	opts, err := cli.NewProjectOptions(o.paths(), cli.WithWorkingDirectory(o.Dir), cli.WithEnv(o.Env), withDotEnv,
		cli.WithConfigFileEnv, cli.WithDefaultConfigPath, besideFirstFile, withDotEnv)
	if err == nil && len(opts.ConfigPaths) == 0 {
		err = os.ErrNotExist
	}
	if isOurs(err) {
		return nil, err
	}
	if err != nil {
		if p, assumeErr := assumed(ctx, o); p != nil || assumeErr != nil {
			return p, assumeErr
		}
		return nil, missing(o, err)
	}
	dir, err := opts.GetWorkingDir()
	if err != nil {
		return nil, missing(o, err)
	}
	p := &Project{Dir: dir, usual: len(o.Files) == 0}
	if err := Private(p.StatePath()); err != nil {
		return nil, err
	}
	if p.sources, err = readSources(opts.ConfigPaths, dir); err != nil {
		return nil, err
	}
	named := p.sources
	nested, err := nestedSources(named, dir, opts.Environment)
	if err != nil {
		return nil, err
	}
	p.sources = append(nested, named...)
	if err := p.sources.checkSections(); err != nil {
		return nil, err
	}
	if p.Model, err = p.model(ctx, opts, named, o.Profiles, screen(&refused)); err != nil {
		if isOurs(err) {
			return nil, err
		}
		return nil, p.explain(err, opts.Environment)
	}
	if err := p.checkSettings(); err != nil {
		return nil, err
	}
	p.Name, p.Files = p.Model.Name, p.Model.ComposeFiles
	if err := checkProfiles(p.Model, o.Profiles); err != nil {
		return nil, err
	}
	if p.Settings, err = settings(p.sources, o.Targets); err != nil {
		return nil, err
	}
	p.Settings.AWS.fill(p.Model.Extensions["x-sdev"])
	p.Settings.Deploy.fill(p.Model.Extensions["x-sdev"])
	if p.App, p.AppWhy, err = findApp(p, o.Guess); err != nil {
		return nil, err
	}
	p.settingsBase, p.settingsTrusted = readBase(p.Dir), readTrusted(p.Dir)
	if err := p.useEntry(); err != nil {
		return nil, err
	}
	p.leaveOut()
	p.assumeBuild()
	p.withoutMissingAWS()
	p.assumeSource(o)
	if err := checkKeys(p, refused); err != nil {
		return nil, err
	}
	if err := checkState(p); err != nil {
		return nil, err
	}
	unset, err := checkVariables(p, opts.Environment)
	if err != nil {
		return p, err
	}
	p.Warnings = slices.Concat(p.Warnings, unset, checkReload(p), checkMounts(p))
	return p, checkCommand(p)
}

// paths are the files that were asked for, seen from Dir.
func (o Options) paths() []string {
	var out []string
	for _, f := range o.Files {
		if !filepath.IsAbs(f) {
			f = filepath.Join(o.Dir, f)
		}
		out = append(out, f)
	}
	return out
}

// besideFirstFile makes the directory of the first compose file the project's, as Compose does,
// wherever the search for it started. Links that lead to a file's directory are followed, since
// compose-go follows those of watched paths: else the one would seem to lie outside the other. A
// file that is a link itself stays where it is.
func besideFirstFile(o *cli.ProjectOptions) error {
	for i, path := range o.ConfigPaths {
		abs, err := filepath.Abs(path)
		if err != nil {
			return err
		}
		if dir, err := filepath.EvalSymlinks(filepath.Dir(abs)); err == nil { // readSources says what is wrong with it
			o.ConfigPaths[i] = filepath.Join(dir, filepath.Base(abs))
		}
	}
	if len(o.ConfigPaths) > 0 {
		o.WorkingDir = filepath.Dir(o.ConfigPaths[0])
	}
	return nil
}

func missing(o Options, err error) error {
	if len(o.Files) > 0 {
		return bad(dev.CodeProjectMissing, "", 0, err.Error(), "check the path given with --file")
	}
	if !isNotExist(err) && slices.ContainsFunc(o.Env, func(kv string) bool { return strings.HasPrefix(kv, consts.ComposeFilePath+"=") }) {
		return bad(dev.CodeProjectMissing, "", 0, err.Error(), "check the path given with COMPOSE_FILE")
	}
	where := o.Dir
	if abs, e := filepath.Abs(o.Dir); e == nil {
		where = abs
	}
	return bad(dev.CodeProjectMissing, "", 0, "no compose file in "+where+" or above it", "run: sdev init")
}

func readSources(paths []string, dir string) (sources, error) {
	var all sources
	for _, path := range paths {
		s, err := readSource(path, display(dir, path))
		if isNotExist(err) {
			return nil, bad(dev.CodeProjectMissing, path, 0, "no such file", "check the path given with --file")
		}
		if err != nil {
			if e, ok := errors.AsType[*dev.Error](err); ok {
				return nil, e
			}
			message, hint := unreadable(path, err)
			return nil, bad(dev.CodeProjectInvalid, path, 0, message, hint)
		}
		all = append(all, s)
	}
	return all, nil
}

// findApp decides which service is the Streamlit app, and says why.
func findApp(p *Project, guess func(dir string, services []string) (name, why string)) (name, why string, err error) {
	services := p.Model.Services
	if want := p.Settings.App; want != "" {
		if _, ok := services[want]; ok {
			return want, "x-sdev.app", nil
		}
		file, line := p.sources.locate("x-sdev", "app")
		hint := "services here: " + strings.Join(p.Model.ServiceNames(), ", ")
		if of := p.sources.profilesOf(want); len(of) > 0 {
			hint = want + " belongs to a profile: add --profile " + of[0]
		}
		return "", "", bad(dev.CodeXSdev, file, line, fmt.Sprintf("x-sdev.app names %q, which is no active service", want), hint)
	}
	var found []string
	for _, s := range p.Model.ServiceNames() {
		if looksLikeStreamlit(services[s]) {
			found = append(found, s)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], "its name, image or command speaks of Streamlit", nil
	case slices.Contains(found, "streamlit-local"):
		return "streamlit-local", "the service for local work", nil
	case len(found) == 0 && asleep(p) != nil:
		return "", "", asleep(p)
	case len(found) == 0 && len(services) == 1:
		return p.Model.ServiceNames()[0], "the only service", nil
	}
	file, line := p.sources.locate("services")
	list := found
	if len(list) == 0 {
		list = p.Model.ServiceNames()
	}
	if guess != nil {
		if name, why := guess(p.Dir, list); name != "" {
			return name, why, nil
		}
	}
	return "", "", bad(dev.CodeAppMissing, file, line, "cannot tell which service is the Streamlit app: "+strings.Join(list, ", "),
		"add to the compose file: x-sdev: {app: NAME}")
}

func looksLikeStreamlit(s types.ServiceConfig) bool {
	text := strings.Join(append(append([]string{s.Name, s.Image}, s.Command...), s.Entrypoint...), " ")
	return strings.Contains(strings.ToLower(text), "streamlit")
}

// checkVariables looks for variables without a value. In a service that will run that is an
// error: a blank where a value was meant is found out late and far away. Elsewhere it is a warning.
func checkVariables(p *Project, env map[string]string) ([]dev.Warning, error) {
	var warnings []dev.Warning
	for _, src := range p.sources {
		if src.root == nil || src.nested {
			continue // what is included may have an .env of its own
		}
		for _, use := range unsetVariables(src.root, nil, env) {
			if service := use.service(); service != "" {
				if _, active := p.Model.Services[service]; !active {
					warnings = append(warnings, dev.Warning{Code: dev.CodeComposeVariable,
						Message: fmt.Sprintf("%s:%d: variable %s is not set; service %s is not started, so it does not matter now", src.path, use.line, use.name, service), Hint: use.hint()})
					continue
				}
			}
			return nil, use.missing(src)
		}
	}
	return warnings, nil
}

// checkReload warns where the compose file itself switches off what makes saves live. That wins over
// what sdev would set, as every variable of the compose file does.
func checkReload(p *Project) []dev.Warning {
	var warnings []dev.Warning
	off := map[string]string{"STREAMLIT_SERVER_RUN_ON_SAVE": "false", "STREAMLIT_SERVER_FILE_WATCHER_TYPE": "none"}
	for _, name := range slices.Sorted(maps.Keys(off)) {
		if v := p.Model.Services[p.App].Environment[name]; v != nil && strings.EqualFold(*v, off[name]) {
			file, line := p.sources.locate("services", p.App, "environment", name)
			warnings = append(warnings, dev.Warning{Code: dev.CodeReloadOff,
				Message: fmt.Sprintf("%s:%d: %s=%s keeps Streamlit from noticing saves", file, line, name, *v), Hint: "remove it from the compose file"})
		}
	}
	return warnings
}

// explain words why compose-go refused the project. Where a variable has no value, that is the
// likelier reason than what its blank led to.
func (p *Project) explain(err error, env map[string]string) error {
	e := fromCompose(p.sources, err)
	if e.Code != dev.CodeComposeInvalid {
		return e
	}
	for _, src := range p.sources {
		if src.root == nil {
			continue
		}
		if unset := unsetVariables(src.root, nil, env); len(unset) > 0 {
			return unset[0].missing(src)
		}
	}
	return e
}

func (u variableUse) missing(src source) *dev.Error {
	return bad(dev.CodeComposeVariable, src.path, u.line, fmt.Sprintf("variable %s is not set", u.name), u.hint())
}

func (u variableUse) hint() string {
	return fmt.Sprintf("set %s in the environment or in .env, or write ${%s:-} for an empty default", u.name, u.name)
}

type variableUse struct {
	name string
	line int
	path []string
}

func (u variableUse) service() string {
	if len(u.path) > 1 && u.path[0] == "services" {
		return u.path[1]
	}
	return ""
}

func unsetVariables(n *yaml.Node, path []string, env map[string]string) []variableUse {
	var found []variableUse
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			found = append(found, unsetVariables(n.Content[i+1], append(slices.Clip(path), n.Content[i].Value), env)...)
		}
	case yaml.SequenceNode:
		for _, c := range n.Content {
			found = append(found, unsetVariables(c, path, env)...)
		}
	case yaml.ScalarNode:
		vars := template.ExtractVariables(map[string]any{"": n.Value}, template.DefaultPattern)
		for _, name := range slices.Sorted(maps.Keys(vars)) {
			v := vars[name]
			if _, set := env[name]; !set && !v.Required && v.DefaultValue == "" && v.PresenceValue == "" && isPlainUse(n.Value, name) {
				found = append(found, variableUse{name, n.Line, path})
			}
		}
	}
	return found
}

// isPlainUse is false for ${NAME:-} and its kin: an empty default is a decision too.
func isPlainUse(value, name string) bool {
	return strings.Contains(value, "${"+name+"}") || !strings.Contains(value, "${"+name)
}

func leaves(n *yaml.Node) []*yaml.Node {
	if n.Kind == yaml.ScalarNode {
		return []*yaml.Node{n}
	}
	var out []*yaml.Node
	for _, c := range n.Content {
		out = append(out, leaves(c)...)
	}
	return out
}

// StatePath is where StateDir is, or would be.
func (p *Project) StatePath() string { return filepath.Join(p.Dir, dev.StateDir) }

// StateDir is the project's private directory for things that can be made again. It is created, with
// a .gitignore of its own, on first use. What is there already is checked as [Private] does.
func (p *Project) StateDir() (string, error) {
	dir := p.StatePath()
	if err := Private(dir); err != nil {
		return "", err
	}
	before, _ := os.Stat(p.Dir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", bad(dev.CodeProjectInvalid, "", 0, "cannot create "+dir+": "+err.Error(), "make the project directory writable")
	}
	if before != nil {
		_ = os.Chtimes(p.Dir, time.Time{}, before.ModTime()) // nothing of the user's has changed
	}
	ignore := filepath.Join(dir, ".gitignore")
	if _, err := os.Lstat(ignore); isNotExist(err) {
		if err := dev.WriteFile(ignore, []byte("*\n"), 0o600); err != nil {
			return "", bad(dev.CodeProjectInvalid, "", 0, err.Error(), "make the project directory writable")
		}
	}
	return dir, nil
}
