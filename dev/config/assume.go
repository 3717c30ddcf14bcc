package config

// The assumptions that replace a missing compose file, or a missing part of it.

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/consts"
	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/distribution/reference"
	"go.yaml.in/yaml/v4"

	"sdev/dev"
)

// Assumption describes the one service of a project that has no compose file. Paths of the project
// are relative to it, with slashes.
type Assumption struct {
	Name       string // of the project; "" is that of its directory
	Service    string
	Entry      string // the script, for x-sdev
	EntryWhy   string // why it is the app
	Context    string // of the build
	Dockerfile string // relative to Context; "" where Inline is the Dockerfile
	Inline     string
	Reads      []string // with Inline: the files and directories that it copies, relative to Context
	Workdir    string   // "" leaves the image's own
	Command    []string // nil leaves the image's own
	PythonPath string   // "" leaves the image's own
	Mounts     []dev.Mount
	Hidden     []string // directories of the image below a mount that must stay visible
	// Why holds reasons by key of the service: "build", "command", "volumes", "PYTHONPATH".
	Why map[string]string
	// Warnings describe the assumptions.
	Warnings []dev.Warning
}

// YAML is the assumption as a compose file, with the reason after each value.
func (a Assumption) YAML() ([]byte, error) {
	service := mapping()
	build := mapping(text("context"), text(a.Context))
	if a.Inline != "" {
		inline := text(a.Inline)
		inline.Style = yaml.LiteralStyle
		build.Content = append(build.Content, text("dockerfile_inline"), inline)
	} else {
		build.Content = append(build.Content, text("dockerfile"), text(a.Dockerfile))
	}
	a.put(service, "build", build, "build")
	if a.Workdir != "" {
		a.put(service, "working_dir", text(a.Workdir), "working_dir")
	}
	if a.Command != nil {
		a.put(service, "command", flow(a.Command), "command")
	}
	if a.PythonPath != "" {
		path := text(a.PythonPath)
		path.LineComment = a.Why["PYTHONPATH"]
		service.Content = append(service.Content, text("environment"), mapping(text("PYTHONPATH"), path))
	}
	a.put(service, "init", &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: "true"}, "init")
	a.put(service, "ports", sequence(text("127.0.0.1:"+strconv.Itoa(defaultPort)+":"+strconv.Itoa(defaultPort))), "ports")
	var volumes []*yaml.Node
	for _, m := range a.Mounts {
		volumes = append(volumes, mapping(text("type"), text("bind"), text("source"), text(dotted(m.Project)), text("target"), text(m.Container)))
	}
	for _, h := range a.Hidden {
		volumes = append(volumes, mapping(text("type"), text("volume"), text("target"), text(h)))
	}
	a.put(service, "volumes", sequence(volumes...), "volumes")
	doc := mapping()
	if a.Name != "" {
		doc.Content = append(doc.Content, text("name"), text(a.Name))
	}
	doc.Content = append(doc.Content, text("x-sdev"), mapping(text("app"), text(a.Service), text("entry"), text(a.Entry)),
		text("services"), mapping(text(a.Service), service))
	var out strings.Builder
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(doc); err != nil {
		return nil, fmt.Errorf("write the compose model: %w", err)
	}
	return []byte(out.String()), nil
}

// put adds a key with its reason: behind a value on one line, above one on several.
func (a Assumption) put(to *yaml.Node, key string, value *yaml.Node, why string) {
	k := text(key)
	if value.Kind == yaml.ScalarNode || value.Style == yaml.FlowStyle {
		value.LineComment = a.Why[why]
	} else {
		k.HeadComment = a.Why[why]
	}
	to.Content = append(to.Content, k, value)
}

// dotted prefixes a directory with ./, so that it is not taken for the name of a volume.
func dotted(dir string) string {
	if dir == "." || dir == ".." || strings.HasPrefix(dir, "../") {
		return dir
	}
	return "./" + dir
}

func text(s string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s} }

func mapping(content ...*yaml.Node) *yaml.Node {
	return &yaml.Node{Kind: yaml.MappingNode, Content: content}
}

func sequence(content ...*yaml.Node) *yaml.Node {
	return &yaml.Node{Kind: yaml.SequenceNode, Content: content}
}

func flow(list []string) *yaml.Node {
	n := sequence()
	n.Style = yaml.FlowStyle
	for _, s := range list {
		n.Content = append(n.Content, text(s))
	}
	return n
}

// notes returns the reasons as comments on the effective model.
func (a Assumption) notes() []Note {
	var out []Note
	for _, key := range []string{"build", "working_dir", "command", "ports", "volumes", "init"} {
		if why := a.Why[key]; why != "" {
			out = append(out, Note{Path: []string{"services", a.Service, key}, Why: why})
		}
	}
	return out
}

// assumed returns the assumed project if there is no compose file; nil if nothing may be assumed here.
func assumed(ctx context.Context, o Options) (*Project, error) {
	if o.Assume == nil || len(o.Files) > 0 || slices.ContainsFunc(o.Env, func(kv string) bool { return strings.HasPrefix(kv, consts.ComposeFilePath+"=") }) {
		return nil, nil
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, missing(o, err)
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil { // as for a compose file
		dir = real
	}
	if err := CheckStateDir(filepath.Join(dir, dev.StateDir)); err != nil {
		return nil, err
	}
	a, err := o.Assume(dir)
	if err != nil {
		return nil, err
	}
	if a == nil {
		return nil, bad(dev.CodeProjectMissing, "", 0, "no Streamlit app in "+dir+", and no compose file there or above it", "run: sdev init")
	}
	return loadAssumed(ctx, o, dir, a)
}

// loadAssumed makes a project from an assumption, as if its compose file were in dir.
func loadAssumed(ctx context.Context, o Options, dir string, a *Assumption) (*Project, error) {
	opts, err := cli.NewProjectOptions(nil, cli.WithWorkingDirectory(dir), cli.WithEnv(o.Env), withDotEnv)
	if isOurs(err) {
		return nil, err
	}
	if err != nil {
		return nil, bad(dev.CodeComposeVariable, ".env", 0, err.Error(), "fix .env")
	}
	content, err := a.YAML()
	if err != nil {
		return nil, err
	}
	name := loader.NormalizeProjectName(filepath.Base(dir))
	if v := opts.Environment[consts.ComposeProjectName]; v != "" {
		name = v
	}
	if name == "" { // the directory's name has no character that a project name may have
		name = a.Service
	}
	p := &Project{Plain: name, Named: opts.Environment[consts.ComposeProjectName] != "", Dir: dir}
	name = p.runName(o)
	model, accepted, err := loadModel(ctx, types.ConfigDetails{WorkingDir: dir, Environment: opts.Environment,
		ConfigFiles: []types.ConfigFile{{Filename: filepath.Join(dir, "compose.yaml"), Content: content}}},
		func(l *loader.Options) {
			l.SetProjectName(name, true)
			l.SkipInterpolation = true
		})
	if err != nil {
		return nil, fromCompose(nil, err)
	}
	*p = Project{Name: model.Name, Plain: p.Plain, Named: p.Named, Dir: dir, searched: &stateSearch{}, Model: model, App: a.Service, AppWhy: "assumed: there is no compose file", accepted: accepted, Settings: Settings{App: a.Service, Entry: a.Entry}, EntryWhy: a.EntryWhy,
		Warnings: a.Warnings, defaultFiles: true, assumed: true, buildReads: a.Reads, notes: a.notes()}
	settings := p.settingsDir()
	p.settingsBase, p.settingsTrusted = readBase(settings), readTrusted(settings)
	return p, nil
}

// dropDuplicates removes services that would run instead of the app and that nothing depends on: those that
// publish the same host port, or run the same command. Document 000's
// streamlit and streamlit-local are such a pair.
func (p *Project) dropDuplicates() {
	for _, name := range p.Model.ServiceNames() {
		why := p.duplicateOf(p.Model.Services[name])
		if name == p.App || why == "" || p.needed(name) {
			continue
		}
		p.Model = p.Model.WithServicesDisabled(name)
		file, line := p.sources.locate("services", name)
		p.recordAssumption(fmt.Sprintf("service %s is not started: it %s, as %s does, so it is the same app (%s:%d)", name, why, p.App, file, line))
	}
}

// duplicateOf says why a service would run instead of the app; "" if it would not.
func (p *Project) duplicateOf(s types.ServiceConfig) string {
	app := p.Model.Services[p.App]
	if main, ok := p.mainPort(); ok && main.Published != "" &&
		slices.ContainsFunc(s.Ports, func(port types.ServicePortConfig) bool { return port.Published == main.Published }) {
		return "publishes port " + main.Published
	}
	if looksLikeStreamlit(s) && len(s.Command) > 0 && slices.Equal(s.Command, app.Command) && slices.Equal(s.Entrypoint, app.Entrypoint) && p.isVariant(s) {
		return "runs the same command"
	}
	return ""
}

// isVariant reports whether a service is another form of the app, and not an app of its own beside it: one of the two is
// the local form of the other, or they run the same in everything.
func (p *Project) isVariant(s types.ServiceConfig) bool {
	for _, suffix := range localVariants() {
		if s.Name+suffix == p.App || p.App+suffix == s.Name {
			return true
		}
	}
	app := p.Model.Services[p.App]
	if s.WorkingDir != app.WorkingDir || s.Build != nil && app.Build != nil && (s.Build.Context != app.Build.Context || s.Build.Dockerfile != app.Build.Dockerfile || s.Build.Target != app.Build.Target) {
		return false
	}
	return maps.EqualFunc(s.Environment, app.Environment, func(a, b *string) bool { return (a == nil) == (b == nil) && (a == nil || *a == *b) })
}

func (p *Project) needed(name string) bool {
	for _, s := range p.Model.Services {
		if _, ok := s.DependsOn[name]; ok {
			return true
		}
	}
	return false
}

// assumeBuild adds a build to the app if its image has no registry, the compose file has no build, and there is a
// Dockerfile beside it.
func (p *Project) assumeBuild() {
	s := p.Model.Services[p.App]
	if build, of := p.sharedBuild(s); s.Build == nil && build != nil {
		s.Build = build
		p.Model.Services[p.App] = s
		p.notes = append(p.notes, Note{Path: []string{"services", p.App, "build"}, Why: "assumed: service " + of + " builds the same image"})
		return
	}
	if s.Build != nil || !isLocal(s.Image) || s.PullPolicy == types.PullPolicyAlways || s.PullPolicy == types.PullPolicyNever {
		return
	}
	names := []string{"Dockerfile", "dockerfile"} // builders look for both
	i := slices.IndexFunc(names, func(name string) bool {
		st, err := os.Stat(filepath.Join(p.Dir, name))
		return err == nil && st.Mode().IsRegular()
	})
	if i < 0 {
		return
	}
	dockerfile := names[i]
	s.Build = &types.BuildConfig{Context: p.Dir, Dockerfile: dockerfile}
	p.Model.Services[p.App] = s
	p.BuildAssumed = true
	file, line := p.sources.locate("services", p.App, "image")
	why := fmt.Sprintf("image %s names no registry, and there is a Dockerfile beside %s", s.Image, file)
	p.notes = append(p.notes, Note{Path: []string{"services", p.App, "build"}, Why: "assumed: " + why})
	p.recordAssumption(fmt.Sprintf("service %s is built from ./%s: %s (%s:%d)", p.App, dockerfile, why, file, line))
}

// assumeSource mounts the source over its copy in the image if saves would not reach the app otherwise: without a
// mount of it and without develop.watch. A mount of a .env file, of data or of modules beside the script is none of the
// source. If assumeSource finds nothing to mount, it warns that saves are not live.
func (p *Project) assumeSource(o Options) {
	s := p.Model.Services[p.App]
	if o.Source == nil || s.Develop != nil && len(s.Develop.Watch) > 0 || p.mountsSource(o, s) {
		return
	}
	in, why := p.sourceInImage(o, s)
	if in.Workdir != "" {
		s.WorkingDir = in.Workdir
		p.recordAssumption(fmt.Sprintf("service %s starts in %s: its image has the source at its root, where nothing can be mounted", p.App, in.Workdir))
	}
	for _, m := range in.Mounts {
		s.Volumes = append(slices.Clone(s.Volumes), types.ServiceVolumeConfig{Type: types.VolumeTypeBind, Source: filepath.Join(p.Dir, filepath.FromSlash(m.Project)), Target: m.Container})
		p.recordAssumption(fmt.Sprintf("%s is mounted at %s in service %s, so that saves are live: the compose file has no mount for the source", dotted(m.Project), m.Container, p.App))
	}
	for _, h := range in.Hidden {
		s.Volumes = append(s.Volumes, types.ServiceVolumeConfig{Type: types.VolumeTypeVolume, Target: h})
	}
	if len(in.Mounts) > 0 {
		p.notes = append(p.notes, Note{Path: []string{"services", p.App, "volumes"}, Why: "assumed: the source, where the Dockerfile copies it to"})
	} else if holdsPython(p.Dir) {
		file, line := p.sources.locate("services", p.App)
		p.Warnings = append(p.Warnings, dev.Warning{Code: dev.CodeReloadUnmounted,
			Message: fmt.Sprintf("saves are not live: service %s has no mount of the app's source (%s:%d), and sdev can derive none: %s", p.App, file, line, why),
			Hint:    fmt.Sprintf("in %s, mount the source where the container has it, for example: volumes: [\".:/app\"] (--sync copies only what is mounted)", file)})
	}
	p.Model.Services[p.App] = s
}

// sourceInImage returns what to mount where the app's image has the source. If there is nothing to mount, it says why.
func (p *Project) sourceInImage(o Options, s types.ServiceConfig) (in Placed, why string) {
	switch {
	case s.Build == nil:
		return in, "the compose file has no build for it"
	case !filepath.IsAbs(s.Build.Context):
		return in, "its image is not built from a directory"
	case filepath.IsAbs(s.Build.Dockerfile) || s.Build.Dockerfile == "":
		return in, "its Dockerfile is no file of the build context"
	}
	in = o.Source(p.Dir, p.Start(p.App), p.Settings.Entry)
	switch {
	case len(in.Mounts) == 0:
		return Placed{}, "its Dockerfile does not say where it copies the script to, or copies it to the root of the image"
	case in.Workdir != "" && s.WorkingDir != "" && s.WorkingDir != "/":
		return Placed{}, "its image has the script at its root, and working_dir is another directory"
	}
	taken := places(s)
	in.Mounts = slices.DeleteFunc(in.Mounts, func(m dev.Mount) bool { return slices.Contains(taken, path.Clean(m.Container)) })
	in.Hidden = slices.DeleteFunc(in.Hidden, func(h string) bool { return slices.Contains(taken, path.Clean(h)) })
	if len(in.Mounts) == 0 {
		in = Placed{}
	}
	return in, "other mounts cover the places where the image has it"
}

// dropMissingAWS removes the mount of a missing ~/.aws, of which [ReadMachine] warns: the mount would create an
// empty directory in the user's home.
func (p *Project) dropMissingAWS() {
	s := p.Model.Services[p.App]
	s.Volumes = slices.DeleteFunc(slices.Clone(s.Volumes), func(v types.ServiceVolumeConfig) bool {
		if v.Type != types.VolumeTypeBind || filepath.Base(v.Source) != ".aws" {
			return false
		}
		_, err := os.Stat(v.Source)
		return isNotExist(err)
	})
	p.Model.Services[p.App] = s
}

// replaceNetworkMode puts an app of the machine's network, or of the engine's default one, into the project's network,
// because it has to run behind the gateway. Programs on this machine then have another name for it.
func (p *Project) replaceNetworkMode() {
	s := p.Model.Services[p.App]
	mode := s.NetworkMode
	if mode != "host" && mode != "bridge" {
		return
	}
	file, line := p.sources.locate("services", p.App, "network_mode")
	s.NetworkMode, s.Networks = "", map[string]*types.ServiceNetworkConfig{"default": nil}
	if _, ok := p.Model.Networks["default"]; !ok {
		networks := maps.Clone(p.Model.Networks)
		if networks == nil {
			networks = types.Networks{}
		}
		networks["default"] = types.NetworkConfig{Name: p.Model.Name + "_default"}
		p.Model.Networks = networks
	}
	consequence := ""
	if mode == "host" {
		consequence = "; there, this machine is not localhost but " + HostName
	}
	p.Model.Services[p.App] = s
	p.recordAssumption(fmt.Sprintf("%s:%d: network_mode: %s is not applied to %s, which runs in the network of the gateway%s", file, line, mode, p.App, consequence))
}

// isLocal reports whether an image's name has no registry.
func isLocal(image string) bool {
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return image != "" && !strings.Contains(image, "/") // to be refused elsewhere
	}
	return reference.Domain(named) == "docker.io" && !strings.HasPrefix(image, "docker.io/")
}

func (p *Project) recordAssumption(message string) {
	p.Warnings = append(p.Warnings, dev.Warning{Code: dev.CodeAssumed, Message: message})
}

// checkCommand checks the script that the app's container starts, if it is a file of the project: the engine's own
// error names neither the file nor a fix.
func checkCommand(p *Project) error {
	command := p.command(ImageFacts{})
	if len(command) == 0 || path.IsAbs(command[0]) || !strings.Contains(command[0], "/") {
		return nil
	}
	script := filepath.Join(p.Dir, filepath.FromSlash(command[0]))
	if rel, ok := p.relative(script); !ok || rel == "." {
		return nil
	}
	st, err := os.Stat(script)
	if err != nil || !st.Mode().IsRegular() {
		return nil // it may be in the image
	}
	file, line := p.sources.locate("services", p.App, "command")
	if len(p.Model.Services[p.App].Entrypoint) > 0 {
		return nil // it is an argument
	}
	if st.Mode()&0o111 == 0 {
		return bad(dev.CodeProjectInvalid, file, line, fmt.Sprintf("service %s starts %s, which is not executable", p.App, command[0]),
			fmt.Sprintf("run: chmod +x %s (and, to commit that: git update-index --chmod=+x %[1]s)", command[0]))
	}
	head := make([]byte, 256)
	f, err := dev.OpenFile(script)
	if err != nil {
		return nil
	}
	defer f.Close() //nolint:errcheck // only read
	n, _ := f.Read(head)
	first, _, _ := strings.Cut(string(head[:n]), "\n")
	switch {
	case strings.HasSuffix(first, "\r"):
		return bad(dev.CodeProjectInvalid, file, line, fmt.Sprintf("service %s starts %s, whose Windows line endings hide its interpreter", p.App, command[0]),
			fmt.Sprintf("run: sed -i 's/\\r$//' %s (and add \"*.sh text eol=lf\" to .gitattributes)", command[0]))
	case !strings.HasPrefix(first, "#!") && !strings.HasPrefix(first, "\x7fELF"):
		return bad(dev.CodeProjectInvalid, file, line, fmt.Sprintf("service %s starts %s, which has no #! line", p.App, command[0]), "add #!/bin/sh as its first line")
	}
	return nil
}

// mountsSource reports whether the compose file mounts the app's script into its service. If the script is unknown, a
// mount of Python code is enough, or of a directory beside the project.
func (p *Project) mountsSource(o Options, s types.ServiceConfig) bool {
	inside := slices.DeleteFunc(sourceMounts(p, s), func(m dev.Mount) bool {
		return !holdsPython(filepath.Join(p.Dir, filepath.FromSlash(m.Project)))
	})
	mounts := append(inside, outsideMounts(p, s)...)
	if len(mounts) == 0 {
		return false
	}
	if whole := slices.ContainsFunc(inside, func(m dev.Mount) bool { return m.Project == "." }); whole && (s.Build == nil || p.holdsContext(s)) {
		return true // whatever the script is: to find it takes a look at the whole tree
	}
	script := p.script(o)
	return script == "" || slices.ContainsFunc(mounts, func(m dev.Mount) bool {
		_, ok := relativeTo(filepath.FromSlash(m.Project), filepath.FromSlash(script))
		return ok
	})
}

// holdsContext reports whether a service is built from a directory of the project.
func (p *Project) holdsContext(s types.ServiceConfig) bool {
	_, inside := p.relative(s.Build.Context)
	return inside
}

// script is the script that the app runs, relative to the project; "" if it is unknown.
func (p *Project) script(o Options) string {
	if p.Settings.Entry != "" {
		return p.entryPath(p.Settings.Entry)
	}
	for _, c := range p.candidates(o) {
		if c.Service == p.App && c.Script != "" {
			return c.Script
		}
	}
	return ""
}

// holdsPython reports whether a file is Python code, or a directory holds some. It looks at a limited number of files, and
// then supposes so.
func holdsPython(name string) bool {
	const most = 5000
	seen, found := 0, false
	_ = filepath.WalkDir(name, func(at string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil // what cannot be read is no code
		}
		if seen++; !d.IsDir() && filepath.Ext(at) == ".py" || seen > most {
			found = true
			return fs.SkipAll
		}
		return nil
	})
	return found
}
