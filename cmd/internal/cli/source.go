package cli

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/docker"
	"sdev/dev/engine"
	"sdev/dev/plan"
	"sdev/dev/streamlit"
)

// runOptions are the flags that say how a project runs.
type runOptions struct {
	port     int // 0: the project's own
	profiles []string
	aws      string // one of config.AWSModes; "" as the project says
	choice   entryChoice
	sync     bool   // never mount the project
	mount    bool   // never copy it, unless its rules say so
	auth     string // one of config.LoginModes, or detected; "" bypasses the login
	as       string // e-mail of who signs in without being asked
}

// load reads the project that the global flags point at.
func (a *app) load(ctx context.Context, o runOptions) (*config.Project, error) {
	p, err := config.Load(ctx, config.Options{Dir: a.dir, Files: a.files, Profiles: o.profiles, Env: a.Env, Targets: targetParams(),
		Assume: func(dir string) (*config.Assumption, error) { return a.assume(ctx, dir, o.choice) }, Guess: a.guess(ctx, o.choice), Source: sourceIn})
	if err != nil {
		return nil, err
	}
	if o.choice.entry != "" && len(p.Files) > 0 {
		return nil, usage("--entry is for projects without a compose file, and here is "+filepath.Base(p.Files[0]), "say it there: command: streamlit run "+o.choice.entry)
	}
	if o.aws != "" {
		p.Settings.AWS.Mode = o.aws
	}
	return p, nil
}

// blueprint gives a project as the engine wants it: what is fixed now, and how the rest follows
// from the app's image and the port.
func (a *app) blueprint(ctx context.Context, p *config.Project, o runOptions, login signIn, runtime *docker.Engine, given *supplies) (engine.Project, error) {
	parts, warnings, err := a.parts(p)
	if err != nil {
		return engine.Project{}, err
	}
	host := runtime.Host()
	parts.Mode = login.mode
	parts.Sync = o.sync || !o.mount && engine.Blind(p.StatePath(), host)
	state, err := p.StateDir()
	if err != nil {
		return engine.Project{}, err
	}
	if err := parts.Machine.CA.Write(); err != nil {
		return engine.Project{}, err
	}
	out := engine.Project{
		Name: p.Name, App: p.App, Gateway: config.GatewayService, StateDir: state, Files: p.RelativeFiles(),
		Labels:   plan.Labels{Project: p.Name, App: p.App, Gateway: config.GatewayService, Dir: p.Dir, ConfigFiles: p.Files},
		Warnings: slices.Concat(p.Warnings, warnings, login.warnings), Mode: login.mode, Reserved: p.ReservedPorts(), Port: p.WantedPort(), PortNamed: p.WantedPort(), GatewayImage: parts.GatewayImage,
	}
	out.Host, out.Mounted, out.MountOnly = host, !parts.Sync, o.mount
	if o.port != 0 {
		out.Port, out.PortFixed = o.port, true
	}
	effective, err := config.Overlay(p, parts)
	if err != nil {
		return engine.Project{}, err
	}
	if out.Images, err = imageSources(ctx, p, effective, parts.Machine); err != nil {
		return engine.Project{}, err
	}
	out.Copies, out.Rules, out.Container = effective.Copies, outside(effective.Sidecar), plan.ContainerName(p.Name, effective.Project.Services[p.App])
	out.Effective = func(ctx context.Context, image plan.ImageInfo, ports engine.Ports) (engine.Effective, error) {
		parts.Port, parts.Identity, parts.Image = ports.App, ports.Identity, imageFacts(image)
		told, err := login.login(p, ports, config.Page(p, parts))
		if err != nil {
			return engine.Effective{}, err
		}
		checked, err := login.checkImage(ctx, runtime, out, image.ID)
		if err != nil {
			return engine.Effective{}, err
		}
		parts.Login = login.surroundings(p, ports)
		effective, err := config.Overlay(p, parts)
		if err != nil {
			return engine.Effective{}, err
		}
		given.setLogin(told)
		derived, err := asEffective(effective)
		derived.Warnings = func() []dev.Warning { return append(checked, login.stubborn(p.Dir)...) }
		return derived, err
	}
	return out, nil
}

// parts is what an overlay is made of as far as it is known before the engine is asked; the port is
// the one that the project wants.
func (a *app) parts(p *config.Project) (config.Parts, []dev.Warning, error) {
	machine, warnings, err := config.ReadMachine(p, a.Getenv, a.now())
	if err != nil {
		return config.Parts{}, nil, err
	}
	cache, err := a.cacheDir()
	if err != nil {
		return config.Parts{}, nil, err
	}
	gateway, err := docker.GatewayRef(cache)
	return config.Parts{Machine: machine, Mode: dev.Local, Port: p.WantedPort(), Identity: engine.IdentityPort, GatewayImage: gateway, Env: streamlit.DevEnv, Shim: streamlit.Shim(), StateDir: p.StatePath()}, warnings, err
}

func imageFacts(i plan.ImageInfo) config.ImageFacts {
	return config.ImageFacts{Env: i.Env, Command: i.Command, WorkingDir: i.WorkingDir, User: i.User}
}

func asEffective(e *config.Effective) (engine.Effective, error) {
	out := engine.Effective{Mode: e.Mode, URL: e.URL, Issuer: e.Issuer}
	files, err := e.ReadFiles()
	if err != nil {
		return out, err
	}
	out.Desired = func(images map[string]string) plan.Desired {
		want := plan.Want(e.Project, e.App, config.GatewayService, plan.Given{Images: images, Files: files})
		for i, s := range want.Services {
			want.Services[i].Synced = slices.ContainsFunc(e.Copies, func(c dev.Copy) bool { return c.Service == s.Config.Name })
		}
		return want
	}
	out.Prepare = func() error {
		if err := e.MakeDirs(); err != nil {
			return err
		}
		for _, s := range e.Seeds {
			if err := seed(s); err != nil {
				return &dev.Error{Code: dev.CodeProjectInvalid, Exit: dev.ExitFailed, Cause: err, Message: "prepare the private AWS cache: " + err.Error(), Hint: "check the permissions of ~/.aws and .sdev"}
			}
		}
		return nil
	}
	return out, nil
}

// create writes a new file. It follows no link that the app's container puts in its place meanwhile.
func create(file string, content []byte) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Close())
}

// seed copies the files of a directory that are newer than what is there, and nothing below it.
func seed(s config.Seed) error {
	if err := os.MkdirAll(s.To, 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(s.From)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		from, err := entry.Info()
		if err != nil || !from.Mode().IsRegular() {
			continue
		}
		target := filepath.Join(s.To, entry.Name())
		if to, err := os.Lstat(target); err == nil && !from.ModTime().After(to.ModTime()) {
			continue
		}
		b, err := dev.ReadFile(filepath.Join(s.From, entry.Name()))
		if err != nil {
			return err
		}
		// An app that runs as root leaves files that nobody else may write to, in a directory of ours.
		if err := os.Remove(target); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := create(target, b); err != nil {
			return err
		}
	}
	return nil
}
