package config

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/consts"
	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/compose-spec/compose-go/v2/utils"
	"go.yaml.in/yaml/v4"

	"sdev/dev"
)

// compose-go opens files by itself, and blocks on pipes and devices. To avoid that, it gets the content that
// dev.ReadFile has read, and files that it insists on opening are checked before. A file replaced in between can
// still block it; so callers do not wait for compose-go itself (see blocking.Call).

// withDotEnv is cli.WithEnvFiles and cli.WithDotEnv in one: the variables of a .env in the project directory, which
// do not override variables that are set.
func withDotEnv(o *cli.ProjectOptions) error {
	if err := cli.WithEnvFiles()(o); err != nil {
		return unfitEnv(".env", err)
	}
	for _, file := range o.EnvFiles {
		b, err := dev.ReadFile(file)
		if err != nil {
			return unfitEnv(display(o.WorkingDir, file), err)
		}
		values, err := dotenv.ParseWithLookup(bytes.NewReader(b), func(name string) (string, bool) {
			v, ok := o.Environment[name]
			return v, ok
		})
		if err != nil {
			return bad(dev.CodeComposeVariable, display(o.WorkingDir, file), 0, err.Error(), "fix the line: NAME=value, one per line")
		}
		o.Environment.Merge(values)
	}
	return nil
}

func unfitEnv(file string, err error) error {
	return bad(dev.CodeComposeVariable, file, 0, "the variables cannot be read: "+reasonOf(err), "put a regular file there, or remove it")
}

// reasonOf is an error about a file without the file's name.
func reasonOf(err error) string {
	if e, ok := errors.AsType[*os.PathError](err); ok {
		return e.Err.Error()
	}
	return err.Error()
}

// model makes compose-go build a model from files that were read.
func (p *Project) model(ctx context.Context, opts *cli.ProjectOptions, files sources, profiles []string, screens ...func(*loader.Options)) (*types.Project, error) {
	details := types.ConfigDetails{WorkingDir: p.Dir, Environment: opts.Environment}
	named := false
	for _, s := range files {
		var head struct {
			Name string `yaml:"name,omitempty"`
		}
		if err := yaml.Unmarshal(s.content, &head); err != nil {
			return nil, err
		}
		named = named || head.Name != ""
		details.ConfigFiles = append(details.ConfigFiles, types.ConfigFile{Filename: s.file, Content: s.content})
	}
	model, accepted, err := loadModel(ctx, details, append(screens, loader.WithProfiles(profilesOf(profiles, opts)), func(o *loader.Options) {
		if name := opts.Environment[consts.ComposeProjectName]; name != "" {
			o.SetProjectName(name, true)
		} else if !named {
			o.SetProjectName(loader.NormalizeProjectName(filepath.Base(p.Dir)), false)
		}
		o.ConvertWindowsPaths = utils.StringToBool(opts.Environment["COMPOSE_CONVERT_WINDOWS_PATHS"])
		o.SkipResolveEnvironment, o.SkipResolveLabels = true, true // once those files were looked at
	})...)
	if err != nil {
		return nil, err
	}
	p.accepted = accepted
	for _, f := range details.ConfigFiles {
		model.ComposeFiles = append(model.ComposeFiles, f.Filename)
	}
	if err := p.checkNamedFiles(model); err != nil {
		return nil, err
	}
	if model, err = model.WithServicesEnvironmentResolved(false); err != nil {
		return nil, err
	}
	return model.WithServicesLabelsResolved(false)
}

// loadModel is compose-go's loader, without the check of a model that has passed it before. accepted is what passed it now.
// The loader panics on some files that it has not checked yet: the panic becomes an error here.
func loadModel(ctx context.Context, details types.ConfigDetails, options ...func(*loader.Options)) (model *types.Project, accepted acceptance, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			model, err = nil, fmt.Errorf("the file cannot be parsed as a compose file: %v", fault)
		}
	}()
	accepted = acceptanceOf(details)
	if accepted.known() {
		model, err = loader.LoadWithContext(ctx, details, append(options, loader.WithSkipValidation)...)
		return model, acceptance{}, err
	}
	model, err = loader.LoadWithContext(ctx, details, options...)
	return model, accepted, err
}

// profilesOf are the requested profiles, or else those of the environment.
func profilesOf(asked []string, opts *cli.ProjectOptions) []string {
	if len(asked) > 0 {
		return asked
	}
	for _, s := range strings.Split(opts.Environment[consts.ComposeProfiles], ",") {
		asked = append(asked, strings.TrimSpace(s))
	}
	return asked
}

// checkNamedFiles checks the env_file and label_file of services.
func (p *Project) checkNamedFiles(model *types.Project) error {
	for _, name := range model.ServiceNames() {
		s := model.Services[name]
		specs := []types.ContainerSpec{s.ContainerSpec}
		for _, hook := range s.PreStart {
			specs = append(specs, hook.ContainerSpec)
		}
		for _, spec := range specs {
			for _, f := range spec.EnvFiles {
				if err := p.checkNamed(name, "env_file", f.Path, dev.CodeComposeEnvFile); err != nil {
					return err
				}
			}
			for _, f := range spec.LabelFiles {
				if err := p.checkNamed(name, "label_file", f, dev.CodeComposeInvalid); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (p *Project) checkNamed(service, key, path string, code dev.Code) error {
	if _, err := dev.ReadFile(path); dev.IsUnsuitableFile(err) {
		file, line := p.sources.locate("services", service, key)
		if f, l := p.sources.locateEnvFile(path); key == "env_file" && l > 0 {
			file, line = f, l
		}
		return bad(code, file, line, fmt.Sprintf("%s %s of service %s cannot be read: %s", key, display(p.Dir, path), service, reasonOf(err)), "put a regular file there, or use another path")
	}
	return nil
}

// checkSettings refuses settings files on which Streamlit in the container would block.
func (p *Project) checkSettings() error {
	for _, name := range []string{".streamlit/config.toml", secretsName} {
		if _, err := dev.ReadFile(filepath.Join(p.Dir, filepath.FromSlash(name))); dev.IsUnsuitableFile(err) {
			return bad(dev.CodeProjectInvalid, name, 0, "cannot be read: "+reasonOf(err), "put a regular file there, or remove it")
		}
	}
	return nil
}

// isOurs reports whether an error already is a complete *dev.Error.
func isOurs(err error) bool {
	_, ok := errors.AsType[*dev.Error](err)
	return ok
}

// checkEnvOf checks the env files of an include.
func (n *nesting) checkEnvOf(item *yaml.Node, paths []*yaml.Node, from source) {
	if len(paths) == 0 {
		return
	}
	for _, file := range n.envOfInclude(item, n.resolve(paths[0].Value, from), from) {
		_, err := dev.ReadFile(file)
		n.unfit(file, err, from, paths[0].Line)
	}
}

// envOfInclude are the env files of an include: those that it lists, or else the .env beside the included file.
func (n *nesting) envOfInclude(item *yaml.Node, first string, from source) []string {
	if named, ok := child(item, "env_file"); ok {
		var out []string
		for _, leaf := range leaves(named.value) {
			out = append(out, n.resolve(leaf.Value, from))
		}
		return out
	}
	dir := filepath.Dir(first)
	if named, ok := child(item, "project_directory"); ok {
		dir = n.resolve(named.value.Value, from)
	}
	return []string{filepath.Join(dir, ".env")}
}
