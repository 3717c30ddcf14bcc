package config

import (
	"context"
	"errors"
	"fmt"
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
	"github.com/distribution/reference"
	"go.yaml.in/yaml/v4"

	"sdev/dev"
	"sdev/dev/blocking"
)

// Project is a checked compose project as its files describe it, before sdev derives anything.
type Project struct {
	Name     string
	Plain    string   // the name that the project's files give, or its directory; Name differs from it in a second checkout
	Named    bool     // the user gave the name: COMPOSE_PROJECT_NAME
	Dir      string   // absolute; base of relative paths
	Files    []string // the compose files, absolute, in the order in which they override
	App      string   // name of the service that is the Streamlit app
	AppWhy   string   // why sdev chose it
	EntryWhy string   // why Settings.Entry is the script
	Settings Settings
	Model    *types.Project
	Renamed  []string // what a checkout beside another one has under a name of its own, as "volume NAME → OWN"
	Warnings []dev.Warning
	// BuildAssumed says that the compose file has no build for the app: if an image exists that sdev did not
	// build, it is used unchanged.
	BuildAssumed bool

	sources    sources
	env        map[string]string // for interpolation
	notes      []Note            // about assumptions
	searched   *stateSearch      // where state directories were looked for in this reading; nil keeps nothing
	assumed    bool              // there is no compose file
	accepted   acceptance        // what has passed Compose's check in this reading
	buildReads []string          // what an assumed build reads of its context; nil: all of it

	settingsBase string // server.baseUrlPath of .streamlit/config.toml
	// settingsTrusted is its server.trustedUserHeaders.
	settingsTrusted map[string]any
	defaultFiles    bool // the files have the default names
}

// Options are the settings of [Load].
type Options struct {
	Dir      string   // where to start looking; "" is the working directory
	Files    []string // compose files; none means the default names, in Dir or above
	Profiles []string
	Env      []string // KEY=VALUE, for interpolation

	// Targets are the parameters that x-sdev.deploy may set, by platform; nil skips the check.
	Targets map[string][]string

	// Assume describes the app of a directory (absolute) without a compose file; it returns nil if there is no
	// app. It may be nil itself.
	Assume func(dir string) (*Assumption, error)
	// App is the service that is the app, and Entry the script that it runs, if flags name them.
	App, Entry string
	// Name returns the name under which the project of a directory (absolute) runs. plain is the name that its files give.
	// It is not asked about a name that the user gave. It may be nil itself: then the project has its plain name.
	Name func(dir, plain string) string
	// Earlier returns the service and the script that were chosen before; "" if none was. It may be nil itself.
	Earlier func(dir string) (app, entry string)
	// Candidates returns the services that may be the app, judging by the files of the project. It may be nil itself.
	Candidates func(dir string, services []Start) []Candidate
	// Ask asks the user for one of several candidates; it returns "" if there is nobody to ask. It may be nil itself.
	Ask func([]Candidate) (service string)
	// Source says where an image has the source of the app, if the app is built in the project and the compose file
	// does not mount the source. entry is the script if that is not the one of the app's command. Paths are relative
	// to dir, with slashes. It may be nil itself.
	Source func(dir string, app Start, entry string) Placed
}

// Placed is where an image has the app's source. The zero value means that nobody knows.
type Placed struct {
	Mounts  []dev.Mount
	Hidden  []string // directories of the image below a mount that must stay visible
	Workdir string   // the directory in which the app has to start, so that it runs what is mounted; "" is the image's own
}

// Load reads and checks the project. Every error is a *dev.Error with exit code 3, or 2 if it is about a flag.
func Load(ctx context.Context, o Options) (*Project, error) {
	return blocking.Call(ctx, func() (*Project, error) { return load(ctx, o) })
}

// load reads a project in steps, each of which needs the ones before: the files, the model, the settings and the app
// among the services, then what the files leave out, and last the checks of all that.
func load(ctx context.Context, o Options) (*Project, error) {
	opts, err := findFiles(o)
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
	p := &Project{Dir: dir, searched: &stateSearch{}, defaultFiles: len(o.Files) == 0, env: opts.Environment}
	if err := CheckStateDir(p.StatePath()); err != nil {
		return nil, err
	}
	unsupported, err := p.readModel(ctx, opts, o)
	if err != nil {
		return nil, err
	}
	if err := p.readSettings(o); err != nil {
		return nil, err
	}
	p.complete(o)
	if err := p.check(unsupported); err != nil {
		return nil, err
	}
	return p, nil
}

// findFiles finds the compose files and the variables, in Compose's order: a .env where the search starts may name the
// files, and the one beside the first of them sets the variables.
func findFiles(o Options) (*cli.ProjectOptions, error) {
	opts, err := cli.NewProjectOptions(o.paths(), cli.WithWorkingDirectory(o.Dir), cli.WithEnv(o.Env), withDotEnv,
		cli.WithConfigFileEnv, cli.WithDefaultConfigPath, besideFirstFile, withDotEnv)
	if err == nil && len(opts.ConfigPaths) == 0 {
		err = os.ErrNotExist
	}
	return opts, err
}

// readModel reads the files, included ones too, and their model. It returns the keys that sdev does not support: only
// those of services that run matter, and which do is not known yet.
func (p *Project) readModel(ctx context.Context, opts *cli.ProjectOptions, o Options) (unsupported []loader.UnsupportedAttribute, err error) {
	named, err := readSources(opts.ConfigPaths, p.Dir)
	if err != nil {
		return nil, err
	}
	nested, err := nestedSources(named, p.Dir, opts.Environment)
	if err != nil {
		return nil, err
	}
	p.sources = append(nested, named...)
	if err := p.sources.checkSections(); err != nil {
		return nil, err
	}
	p.Named = opts.Environment[consts.ComposeProjectName] != "" // reading the model sets the variable
	p.Model, err = p.model(ctx, opts, named, o.Profiles, collectUnsupported(&unsupported))
	if err == nil {
		p.Plain = p.Model.Name
		if name := p.runName(o); name != p.Plain {
			unsupported, opts.Environment[consts.ComposeProjectName] = nil, name
			p.Model, err = p.model(ctx, opts, named, o.Profiles, collectUnsupported(&unsupported))
		}
	}
	switch {
	case isOurs(err):
		return nil, err
	case err != nil:
		return nil, p.explain(err, opts.Environment)
	}
	if err := p.checkSettings(); err != nil {
		return nil, err
	}
	p.Name, p.Files = p.Model.Name, p.Model.ComposeFiles
	p.separate()
	return unsupported, checkProfiles(p.Model, o.Profiles)
}

// readSettings reads x-sdev and Streamlit's settings, and finds the app among the services.
func (p *Project) readSettings(o Options) (err error) {
	if p.Settings, err = settings(p.sources, o.Targets); err != nil {
		return err
	}
	p.Settings.AWS.fill(p.Model.Extensions["x-sdev"])
	p.Settings.Auth.fill(p.Model.Extensions["x-sdev"])
	p.Settings.Deploy.fill(p.Model.Extensions["x-sdev"])
	chosen, err := p.findApp(o)
	if err != nil {
		return err
	}
	p.App, p.AppWhy = chosen.app, chosen.appWhy
	if p.Settings.App != "" && p.Settings.App != p.App {
		p.recordAssumption(fmt.Sprintf("the app is service %s, and not %s, which x-sdev.app names: %s; to go back: --app %[2]s", p.App, p.Settings.App, p.AppWhy))
	}
	p.Settings.Entry, p.EntryWhy = chosen.entry, chosen.entryWhy
	settings := p.settingsDir()
	p.settingsBase, p.settingsTrusted = readBase(settings), readTrusted(settings)
	return p.useEntry()
}

// complete adds to the app's service what the compose file leaves out, and replaces what cannot work behind the
// gateway. assumeSource comes last, because it needs the build that assumeBuild adds.
func (p *Project) complete(o Options) {
	p.dropDuplicates()
	p.assumeBuild()
	p.dropMissingAWS()
	p.replaceNetworkMode()
	p.assumeSource(o)
}

// check refuses what sdev cannot run, and warns of what will not work.
func (p *Project) check(unsupported []loader.UnsupportedAttribute) error {
	if err := checkKeys(p, unsupported); err != nil {
		return err
	}
	if err := checkState(p); err != nil {
		return err
	}
	_, notApplied := neighbours(p)
	p.Warnings = slices.Concat(p.Warnings, checkVariables(p, p.env), checkReload(p), notApplied, checkMounts(p))
	return checkCommand(p)
}

// paths are the requested files, relative to Dir.
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

// besideFirstFile makes the first compose file's directory the project directory, as Compose does. It resolves
// links in that directory, because compose-go resolves those of watched paths: otherwise a watched path would
// seem to lie outside the project. It does not resolve a file that is a link itself.
func besideFirstFile(o *cli.ProjectOptions) error {
	for i, path := range o.ConfigPaths {
		abs, err := filepath.Abs(path)
		if err != nil {
			return err
		}
		if dir, err := filepath.EvalSymlinks(filepath.Dir(abs)); err == nil { // readSources reports the error
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

// checkVariables warns once of each unset variable. Its value is empty, as in Compose.
func checkVariables(p *Project, env map[string]string) []dev.Warning {
	var warnings []dev.Warning
	known := map[string]bool{}
	for _, src := range p.sources {
		if src.root == nil || src.nested {
			continue // an included file may have its own .env
		}
		for _, use := range unsetVariables(src.root, env) {
			if known[use.name] {
				continue
			}
			known[use.name] = true
			warnings = append(warnings, dev.Warning{Code: dev.CodeComposeVariable,
				Message: fmt.Sprintf("%s:%d: variable %s is not set, so its value is empty", src.path, use.line, use.name), Hint: use.hint()})
		}
	}
	return warnings
}

// CheckImages checks the references of images, which an unset variable can leave half empty. It is not part of
// [Load], so that a project that cannot start can still be taken down.
func (p *Project) CheckImages() error {
	for _, name := range slices.Sorted(maps.Keys(p.Model.Services)) {
		image := p.Model.Services[name].Image
		if image == "" {
			continue
		}
		if _, err := reference.ParseNormalizedNamed(image); err == nil {
			continue
		}
		file, line := p.sources.locate("services", name, "image")
		for _, src := range p.sources {
			if src.path != file || src.root == nil {
				continue
			}
			for _, use := range unsetVariables(src.root, p.env) {
				if use.line == line {
					return use.missing(src)
				}
			}
		}
		return bad(dev.CodeComposeInvalid, file, line, fmt.Sprintf("image %q of service %s is not a valid reference", image, name), "write NAME:TAG, in lower case")
	}
	return nil
}

// checkReload warns if the compose file switches off what makes saves live. Its variables override sdev's.
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

// explain turns an error of compose-go into ours. An unset variable is a likelier reason than the error that its
// empty value caused.
func (p *Project) explain(err error, env map[string]string) error {
	e := fromCompose(p.sources, err)
	if e.Code != dev.CodeComposeInvalid {
		return e
	}
	for _, src := range p.sources {
		if src.root == nil {
			continue
		}
		if unset := unsetVariables(src.root, env); len(unset) > 0 {
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
}

func unsetVariables(n *yaml.Node, env map[string]string) []variableUse {
	var found []variableUse
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			found = append(found, unsetVariables(n.Content[i+1], env)...)
		}
	case yaml.SequenceNode:
		for _, c := range n.Content {
			found = append(found, unsetVariables(c, env)...)
		}
	case yaml.ScalarNode:
		vars := template.ExtractVariables(map[string]any{"": n.Value}, template.DefaultPattern)
		for _, name := range slices.Sorted(maps.Keys(vars)) {
			v := vars[name]
			if _, set := env[name]; !set && !v.Required && v.DefaultValue == "" && v.PresenceValue == "" && isPlainUse(n.Value, name) {
				found = append(found, variableUse{name, n.Line})
			}
		}
	}
	return found
}

// isPlainUse is false for ${NAME:-} and the like: an empty default is deliberate.
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

// StatePath is the path of the state directory, which may not exist.
func (p *Project) StatePath() string { return filepath.Join(p.Dir, dev.StateDir) }

// StateDir is the project's private directory for data that can be recreated. The first use creates it, with its
// own .gitignore; an existing one is checked by [CheckStateDir].
func (p *Project) StateDir() (string, error) {
	dir := p.StatePath()
	if err := CheckStateDir(dir); err != nil {
		return "", err
	}
	before, _ := os.Stat(p.Dir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", bad(dev.CodeProjectInvalid, "", 0, "cannot create "+dir+": "+err.Error(), "make the project directory writable")
	}
	if before != nil {
		_ = os.Chtimes(p.Dir, time.Time{}, before.ModTime()) // the user's files have not changed
	}
	ignore := filepath.Join(dir, ".gitignore")
	if _, err := os.Lstat(ignore); isNotExist(err) {
		if err := dev.WriteFile(ignore, []byte("*\n"), 0o600); err != nil {
			return "", bad(dev.CodeProjectInvalid, "", 0, err.Error(), "make the project directory writable")
		}
	}
	return dir, nil
}
