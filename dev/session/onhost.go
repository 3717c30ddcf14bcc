package session

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/detect"
)

// RuntimeDocker, RuntimeProcess and RuntimeAuto are the values of Options.Runtime; "" is the runtime of the last up.
const (
	RuntimeDocker  = "docker"
	RuntimeProcess = "process"
	RuntimeAuto    = "auto"
)

// Runtimes are the values that users may choose.
func Runtimes() []string { return []string{RuntimeDocker, RuntimeProcess, RuntimeAuto} }

// HostEnvironment says how the app's environment is made on this machine, and how the app starts there. Paths of the
// environment are this machine's; those of the app are a container's.
type HostEnvironment struct {
	detect.Environment
	Command []string
	Workdir string            // "" if it is unknown
	Mounted string            // where the app's source is; "" if that is unknown
	Env     map[string]string // of the image that the Dockerfile makes
	Tree    string            // the directory of the project and its build context if packages are built from it; else ""
}

// EnvironmentOf reads how the app's environment is made from the project's files.
func EnvironmentOf(p *config.Project) (HostEnvironment, error) {
	app := p.Start(p.App)
	base, below := wider(p.Dir, []config.Start{app})
	found, err := detect.Dir(base)
	if err != nil {
		return HostEnvironment{}, err
	}
	found.UseService(launch(app, below))
	if p.Settings.Entry != "" {
		found.Choose(into(below, cleanPath(p.Settings.Entry)), detect.Fact{})
	}
	out := HostEnvironment{}
	var ok bool
	if out.Environment, ok = found.Environment(); !ok {
		why := "only " + out.Manager + " can"
		if slices.Contains([]string{"pip", "uv", "pyproject", "setup"}, out.Manager) {
			why = "some of it is outside the project's directory"
		}
		return out, &dev.Error{Code: dev.CodeBuildFailed, Exit: dev.ExitFailed, File: out.File,
			Message: dev.Line("without a container engine, sdev cannot install what %s lists: %s", filepath.Base(out.File), why),
			Hint:    "use Docker (--runtime docker), or export the list: a requirements.txt beside it"}
	}
	at := func(name string) string { return filepath.Join(base, filepath.FromSlash(name)) }
	out.Dir = at(out.Dir)
	if out.Source {
		out.Tree = base
	}
	for i, name := range out.Files {
		out.Files[i] = at(name)
	}
	recipe, ok := found.Recipe()
	if !ok {
		return out, nil
	}
	out.Command, out.Workdir = recipe.Command, recipe.Workdir
	if len(recipe.Mounts) > 0 {
		out.Mounted = recipe.Mounts[0].To
	}
	var args []string
	if app.Context != "" && app.Inline == "" {
		image, _ := found.Image(into(below, app.Context), app.Dockerfile, app.Target)
		out.Workdir, out.Env = cmp.Or(out.Workdir, image.Workdir), image.Env
		args, _ = image.StreamlitArguments()
	}
	if e, known := found.Entry(); out.Command == nil && known {
		out.Command = startOnHost(args, at(e.Path))
	}
	return out, nil
}

// startOnHost is the command that starts an entry script with the arguments of an image's command, which names the script by
// its path in the image.
func startOnHost(args []string, script string) []string {
	if i := slices.IndexFunc(args, func(arg string) bool { return strings.HasSuffix(arg, ".py") }); i >= 0 {
		args = slices.Clone(args)
		args[i] = script
		return append([]string{"streamlit"}, args...)
	}
	return []string{"streamlit", "run", script}
}

// onHost chooses the sockets of a run on this machine. Their paths must be short: systems allow a hundred characters.
// Python has no unix sockets on Windows.
func onHost(getenv func(string) string, stateDir string) *config.OnHost {
	dir := getenv("XDG_RUNTIME_DIR")
	if dir == "" {
		dir = os.TempDir()
	}
	sum := sha256.Sum256([]byte(stateDir))
	dir = filepath.Join(dir, "sdev-"+hex.EncodeToString(sum[:8]))
	out := &config.OnHost{Control: filepath.Join(dir, "control.sock")}
	if runtime.GOOS != "windows" {
		out.Socket = filepath.Join(dir, "app.sock")
	}
	return out
}

// doorOnHostError refuses a front door without a container engine: the hosts of its keys lead to the gateway only in a network
// of the app's own.
func doorOnHostError(mode dev.Mode) error {
	return &dev.Error{Code: dev.CodeAuthMode, Exit: dev.ExitUsage, Message: "--with-auth=" + string(mode) + " needs a container engine: the app then asks the real hosts of its keys, which lead to the gateway only in a network of the app's own",
		Hint: "use Docker: --runtime docker"}
}

// notStarted warns of the services that need a container engine.
func notStarted(e *config.Effective) []dev.Warning {
	if len(e.NotStarted) == 0 {
		return nil
	}
	return []dev.Warning{{Code: dev.CodeServiceEngine, Message: "not started, because they need a container engine: " + dev.Inline(strings.Join(e.NotStarted, ", ")), Hint: "use Docker, or run them by other means; the app then reaches them by localhost"}}
}
