package console

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/docker"
	"sdev/dev/plan"
	"sdev/dev/process"
	"sdev/dev/session"
)

// OpenFor opens the runtime of a project: a container engine, or processes of this machine. choice is the value of
// --runtime; "" stands for the runtime of the last up. attached says that processes end with this one. The caller closes the
// result.
func (c *Console) OpenFor(ctx context.Context, p *config.Project, choice string, attached bool) (Engine, error) {
	if c.UsesProcesses(p, choice) {
		return c.openProcesses(p, attached)
	}
	e, err := c.Open(ctx)
	if choice != session.RuntimeAuto {
		return e, err
	}
	if failure, ok := errors.AsType[*dev.Error](err); ok && failure.Exit == dev.ExitEngine {
		processes, err := c.openProcesses(p, attached)
		processes.Warnings = []dev.Warning{{Code: dev.CodeEngineUnreachable, Message: "no container engine answers, so the app runs as a process of this machine",
			Hint: "to run it as it will be deployed, install Docker: https://docs.docker.com/get-docker"}}
		return processes, err
	}
	return e, err
}

// UsesProcesses reports whether a project runs as processes of this machine, whatever container engine answers.
func (c *Console) UsesProcesses(p *config.Project, choice string) bool {
	return choice == session.RuntimeProcess || choice == "" && ranAsProcesses(p)
}

// runtimeFile is the file of a project's state that exists if its last up ran processes of this machine.
func runtimeFile(p *config.Project) string { return filepath.Join(p.StatePath(), "processes") }

func ranAsProcesses(p *config.Project) bool {
	_, err := os.Stat(runtimeFile(p))
	return err == nil
}

// SwitchTo keeps what a project runs on, for later commands. It fails if the project still runs on the other runtime.
func (c *Console) SwitchTo(ctx context.Context, p *config.Project, chosen Engine) error {
	if chosen.OnHost == ranAsProcesses(p) {
		return nil
	}
	if err := c.refuseBoth(ctx, p, chosen.OnHost); err != nil {
		return err
	}
	return rememberRuntime(p, chosen.OnHost)
}

// refuseBoth returns an error if the project runs on the runtime that onHost does not mean. An engine that does not answer
// runs nothing that the user could reach.
func (c *Console) refuseBoth(ctx context.Context, p *config.Project, onHost bool) error {
	var other Engine
	var err error
	where := "as processes of this machine"
	if onHost {
		where = "in containers"
		if other, err = c.Open(ctx); err != nil {
			return nil
		}
	} else if other, err = c.openProcesses(p, false); err != nil {
		return err
	}
	defer other.Close() //nolint:errcheck // it is only read from
	i, err := session.Observe(ctx, other.Containers, p)
	if err != nil || !slices.ContainsFunc(i.Observed.Containers, func(c plan.Container) bool { return c.Running }) {
		return err
	}
	return &dev.Error{Code: dev.CodeBusy, Exit: dev.ExitFailed, Message: "project " + p.Name + " already runs " + where, Hint: "stop it first: sdev down"}
}

func rememberRuntime(p *config.Project, onHost bool) error {
	if !onHost {
		err := os.Remove(runtimeFile(p))
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		return err
	}
	if _, err := p.StateDir(); err != nil {
		return err
	}
	return dev.ReplaceFile(runtimeFile(p), nil, 0o600)
}

// OpenAll opens every runtime on which projects may run: processes of this machine, and the container engine unless none
// answers, which it says. The caller closes them.
func (c *Console) OpenAll(ctx context.Context) ([]Engine, error) {
	processes, err := c.openProcesses(nil, false)
	if err != nil {
		return nil, err
	}
	e, err := c.Open(ctx)
	if err == nil {
		return []Engine{e, processes}, nil
	}
	if failure, ok := errors.AsType[*dev.Error](err); ok && failure.Exit == dev.ExitEngine {
		if !c.Quiet {
			c.Notef("no container engine answers, so these are the projects that run as processes of this machine\n")
		}
		return []Engine{processes}, nil
	}
	return nil, errors.Join(err, processes.Close())
}

// ProcessHost is the address of the runtime without a container engine, for messages and in statuses.
const ProcessHost = "this machine"

// openProcesses returns the runtime without a container engine. Without a project it makes no environments.
func (c *Console) openProcesses(p *config.Project, attached bool) (Engine, error) {
	executable, err := os.Executable()
	if err != nil {
		return Engine{}, err
	}
	state, cache, err := c.processDirs()
	if err != nil {
		return Engine{}, err
	}
	o := process.Options{State: state, Cache: cache, Keeper: []string{executable, "keep"}, Attached: attached, Environ: c.Env}
	if p != nil {
		o.Recipe = func(_ context.Context, b plan.Build) (process.Recipe, error) { return recipeFor(p, b) }
	}
	r := process.New(o)
	return Engine{
		Containers: session.Containers{Runtime: r, Images: r, Exec: r, Files: r, Machine: r, Catalog: r, Host: ProcessHost, OnHost: true},
		Endpoint:   docker.Endpoint{Host: ProcessHost, Why: "--runtime process"}, Meter: r, Leave: r.Detach, Closer: r,
	}, nil
}

func recipeFor(p *config.Project, b plan.Build) (process.Recipe, error) {
	e, err := session.EnvironmentOf(p)
	return process.Recipe{Service: b.Service, Dir: e.Dir, Files: e.Files, Python: e.Python, Locked: e.Locked, UVVersion: e.UVVersion, Install: e.Args, UV: e.UV, Guessed: e.Guessed, Source: e.Tree, Command: e.Command, WorkDir: e.Workdir, Mounted: e.Mounted, Env: e.Env}, err
}

// processDirs returns the directories for the state of processes and for their environments. They are not sdev's cache, whose
// content must not lead elsewhere: an environment has links to the Python of this machine.
func (c *Console) processDirs() (state, cache string, err error) {
	if cache, err = os.UserCacheDir(); err != nil {
		return "", "", err
	}
	state = c.Getenv("XDG_STATE_HOME")
	switch {
	case filepath.IsAbs(state):
	case runtime.GOOS == "windows" || runtime.GOOS == "darwin":
		state = cache
	default:
		state = filepath.Join(dev.Home(c.Getenv), ".local", "state")
	}
	state = filepath.Join(state, "sdev-processes")
	if strings.ContainsRune(state, os.PathListSeparator) {
		return "", "", dev.UsageError("the directory "+state+" cannot hold programs: its name has a "+string(os.PathListSeparator), "set XDG_STATE_HOME to another directory")
	}
	return state, filepath.Join(cache, "sdev-environments"), nil
}
