package process

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"sdev/dev"
	"sdev/dev/plan"
)

// Recipe says how to make the environment of a project from its own lists of dependencies.
type Recipe struct {
	Service string
	Dir     string   // where the installer runs, on this machine
	Files   []string // whose content decides what is installed, on this machine
	Python  string   // version specifier, such as ">=3.10,<3.13" or "3.11"; "" accepts any
	// Locked says that uv installs what the lock in Dir names; then Install has more arguments of "uv sync".
	Locked bool
	// UVVersion is the version of uv that pip fetches if this machine has none; "" if pip can install the packages itself.
	UVVersion string
	Install   []string // arguments of "pip install"; without any, the environment has no packages
	UV        []string // arguments of "uv pip install"; nil if they are the same
	Guessed   []string // packages in Install that may not exist
	// Source is the directory of the project if packages are built from it; "" if none are. Builds write beside the source,
	// so the installer runs in a copy.
	Source  string
	Command []string // of a service that names none; paths are those of a container
	WorkDir string   // of a service that names none; "" if it is unknown
	Mounted string   // the working directory instead, if no mount leads to WorkDir
	Env     map[string]string
}

// Environments are kept by content: a directory of the cache for each set of lists, Python and platform. A directory
// counts once its marker exists, which is written last. The directory is not made elsewhere and renamed, because programs in
// it name its path.
//
//	environments/KEY/        a virtual environment
//	environments/KEY/sdev.json   the marker
//	environments/KEY.lock    held by the sdev that makes it

// marker says that an environment is whole, and how it looked then.
type marker struct {
	Packages []string // names of the directories that describe installed packages
}

func markerFile(dir string) string { return filepath.Join(dir, "sdev.json") }

// isWhole reports whether an environment was made to the end, and still has its Python and its packages.
func isWhole(dir string) bool {
	var m marker
	if readJSON(markerFile(dir), &m) != nil {
		return false
	}
	if st, err := os.Stat(pythonOf(dir)); err != nil || st.IsDir() {
		return false // the Python that it was made from may have been removed
	}
	return slices.Equal(m.Packages, packagesIn(dir))
}

// packagesIn lists the directories that describe the packages of an environment, sorted. One without its description is
// damaged, and not in the list.
func packagesIn(dir string) []string {
	site := siteDir(dir)
	entries, _ := os.ReadDir(site) // an environment without one has no packages
	names := []string{}
	for _, e := range entries {
		if st, err := os.Stat(filepath.Join(site, e.Name(), "METADATA")); err == nil && st.Size() > 0 && strings.HasSuffix(e.Name(), ".dist-info") {
			names = append(names, e.Name())
		}
	}
	return names
}

// siteDir is the directory of an environment's packages; "" if there is none.
func siteDir(dir string) string {
	if runtime.GOOS == "windows" {
		return filepath.Join(dir, "Lib", "site-packages")
	}
	lib := filepath.Join(dir, "lib")
	entries, _ := os.ReadDir(lib) // a damaged environment may have none
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "python") {
			return filepath.Join(lib, e.Name(), "site-packages")
		}
	}
	return ""
}

// Build makes the environment of a project, unless it exists, and returns the image's id.
func (r *Runtime) Build(ctx context.Context, b plan.Build, emit func(dev.Event)) (string, error) {
	if r.recipe == nil {
		return "", &dev.Error{Code: dev.CodeImageMissing, Exit: dev.ExitFailed, Message: dev.Line("image %s needs a container engine", b.Tag), Hint: "install Docker, or run the command in the directory of the app"}
	}
	recipe, err := r.recipe(ctx, b)
	if err != nil {
		return "", err
	}
	start := time.Now()
	dir, id, err := r.makeEnvironment(ctx, recipe, emit)
	if err != nil {
		return "", err
	}
	rec := imageRecord{Ref: b.Tag, Dir: dir, Command: recipe.Command, WorkingDir: recipe.WorkDir, Mounted: recipe.Mounted, Env: ofImage(recipe.Env)}
	about, err := json.Marshal(rec)
	if err != nil {
		return "", err
	}
	rec.ID = id + "-" + shortSum(about)
	if err := r.setImage(rec); err != nil {
		return "", err
	}
	emit(dev.BuildDone{Service: b.Service, Image: b.Tag, MS: time.Since(start).Milliseconds()})
	return rec.ID, nil
}

// ofImage are the variables of an image that mean something on this machine: its programs and its home are in other places
// here, and so are those of installers.
func ofImage(env map[string]string) map[string]string {
	out := map[string]string{}
	for name, value := range env {
		tool := strings.HasPrefix(name, "PIP_") || strings.HasPrefix(name, "UV_") || strings.HasPrefix(name, "POETRY_")
		if !tool && !slices.Contains([]string{pathVariable, "HOME", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "TMPDIR"}, name) {
			out[name] = value
		}
	}
	return out
}

// makeEnvironment returns the directory and the id of an environment, which it makes if it does not exist or is damaged.
func (r *Runtime) makeEnvironment(ctx context.Context, recipe Recipe, emit func(dev.Event)) (dir, id string, err error) {
	m := &maker{Recipe: recipe, environ: r.environ, emit: emit}
	m.uv, _ = m.find("uv") // pip does without
	if err := m.choosePython(ctx); err != nil {
		return "", "", err
	}
	sum, err := m.sum()
	if err != nil {
		return "", "", err
	}
	parent := filepath.Join(r.cache, "environments")
	dir, id = filepath.Join(parent, sum), "environment:"+sum
	if isWhole(dir) {
		return dir, id, nil
	}
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return "", "", m.failed("the directory of environments cannot be made", err, "check the owner and the free space of "+r.cache)
	}
	l := lockOn(dir + ".lock")
	free, err := l.TryLock()
	if err == nil && !free {
		m.step("another sdev makes this environment; this one waits for it")
		_, err = l.TryLockContext(ctx, waitEvery)
	}
	if err != nil {
		return "", "", m.failed("the environment cannot be locked", err, "check the owner and the free space of "+r.cache)
	}
	defer l.Close() //nolint:errcheck // releases it
	if isWhole(dir) {
		return dir, id, nil
	}
	return dir, id, m.make(ctx, dir)
}

// maker makes one environment.
type maker struct {
	Recipe
	environ []string
	emit    func(dev.Event)
	uv      string // path of uv; "" if this machine has none
	python  string // path of the Python that the environment uses
	version string // of that Python, with its platform: "3.11.7 linux x86_64"
	pip     string // version of that Python's pip; "" if it has none
}

func (m *maker) step(text string) {
	m.emit(dev.BuildStep{Service: m.Service, Text: dev.Sanitize(text)})
}

// sum is the key of the environment.
func (m *maker) sum() (string, error) {
	h := &bytes.Buffer{}
	// The versions say what the key depends on; change the number with the way environments are made.
	fmt.Fprintln(h, "4", m.version, m.uv != "", m.Locked, m.Install, m.UV, m.Source)
	for _, file := range m.Files {
		b, err := dev.ReadFile(file)
		if err != nil {
			return "", m.failed("a list of dependencies cannot be read", err, "check the file's permissions")
		}
		fmt.Fprintln(h, filepath.Base(file), len(b))
		h.Write(b)
	}
	return shortSum(h.Bytes()), nil
}

// make makes the environment in a directory that nobody else writes to. What an earlier attempt has left is removed first.
func (m *maker) make(ctx context.Context, dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return m.failed("the remains of an environment cannot be removed", err, "remove "+dir+" by hand")
	}
	if err := m.install(ctx, dir); err != nil {
		_ = os.RemoveAll(dir) // the first error matters, and without a marker nobody uses it
		return err
	}
	if err := writeJSON(markerFile(dir), marker{Packages: packagesIn(dir)}); err != nil {
		return m.failed("the environment cannot be completed", err, "free some disk space")
	}
	return nil
}

// install runs the commands that make the environment.
func (m *maker) install(ctx context.Context, dir string) error {
	if m.UVVersion != "" && m.uv == "" {
		at := dir + ".uv"
		defer os.RemoveAll(at) //nolint:errcheck // the next attempt does it first
		if err := m.fetchUV(ctx, at); err != nil {
			return err
		}
	}
	commands := m.commands(dir, m.Install)
	if err := m.run(ctx, dir, commands[0]); err != nil { // it makes the directory
		return err
	}
	if m.Source != "" {
		leave, err := m.enterCopy(ctx, dir)
		if err != nil {
			return m.failed("the project cannot be copied for its installer", err, "free some disk space, or correct the permissions of the project's files")
		}
		defer leave()
	}
	for _, command := range commands[1:] {
		err := m.run(ctx, dir, command)
		if err != nil && len(m.Guessed) > 0 && ctx.Err() == nil {
			err = m.installGuessed(ctx, dir)
		}
		if err != nil {
			return err
		}
	}
	if m.Source == "" {
		return nil
	}
	if err := m.leadToSource(dir); err != nil {
		return m.failed("the environment cannot be completed", err, "free some disk space")
	}
	return nil
}

// fetchUV installs uv into an environment of its own, because nothing else can install the list.
func (m *maker) fetchUV(ctx context.Context, dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return m.failed("the remains of an environment cannot be removed", err, "remove "+dir+" by hand")
	}
	pip := maker{Recipe: Recipe{Service: m.Service, Dir: m.Dir}, environ: m.environ, emit: m.emit, python: m.python, pip: m.pip}
	for _, command := range pip.commands(dir, []string{"uv==" + m.UVVersion}) {
		if err := pip.run(ctx, dir, command); err != nil {
			return err
		}
	}
	m.uv = filepath.Join(filepath.Dir(pythonOf(dir)), "uv"+filepath.Ext(pythonOf(dir)))
	return nil
}

// installGuessed installs the packages one by one, and leaves out those that cannot be installed: the app then starts and
// shows what it lacks.
func (m *maker) installGuessed(ctx context.Context, dir string) error {
	sure := slices.DeleteFunc(slices.Clone(m.Install), func(name string) bool { return slices.Contains(m.Guessed, name) })
	last := func(args []string) []string { c := m.commands(dir, args); return c[len(c)-1] }
	if err := m.run(ctx, dir, last(sure)); err != nil {
		return err
	}
	for _, name := range m.Guessed {
		if err := m.run(ctx, dir, last(append(slices.Clone(sure), name))); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			m.step(name + " is not installed")
		}
	}
	return nil
}

// commands returns what makes the environment with packages: first a command that makes the directory, and at most one that
// installs, and compiles what it installs, as pip does anyway. Otherwise Python would do so at every start, because it keeps no
// bytecode beside the project's source.
func (m *maker) commands(dir string, packages []string) [][]string {
	python := pythonOf(dir)
	uvPackages := packages
	if m.UV != nil {
		uvPackages = m.UV
	}
	pip := []string{"install", "--disable-pip-version-check", "--no-input", "--progress-bar", "off"}
	switch {
	case m.uv != "" && m.Locked:
		sync := []string{m.uv, "sync", "--frozen", "--no-dev", "--compile-bytecode", "--python", python}
		if m.Source == "" {
			sync = append(sync, "--no-install-project")
		}
		return [][]string{{m.uv, "venv", "--python", m.python, dir}, append(sync, packages...)}
	case m.uv != "" && len(uvPackages) > 0:
		return [][]string{{m.uv, "venv", "--python", m.python, dir}, append([]string{m.uv, "pip", "install", "--compile-bytecode", "--python", python}, uvPackages...)}
	case len(packages) > 0 && accepts(pipForOthers, m.pip):
		return [][]string{{m.python, "-m", "venv", "--without-pip", dir}, slices.Concat([]string{m.python, "-m", "pip", "--python", python}, pip, packages)}
	case len(packages) > 0:
		return [][]string{{m.python, "-m", "venv", dir}, slices.Concat([]string{python, "-m", "pip"}, pip, packages)}
	}
	return [][]string{{m.python, "-m", "venv", "--without-pip", dir}}
}

// pipForOthers are the versions of pip that can install into another environment. That saves the time to install pip itself
// there first. Source: release notes of pip 22.3.
const pipForOthers = ">=22.3"

// lastLines is how many lines of a failed tool an error shows.
const lastLines = 12

// run runs a tool and reports its lines as steps.
func (m *maker) run(ctx context.Context, dir string, command []string) error {
	name := strings.TrimSuffix(filepath.Base(command[0]), ".exe")
	m.step(strings.Join(append([]string{name}, command[1:]...), " "))
	read, write := io.Pipe()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.Env, cmd.WaitDelay = m.Dir, write, write, m.toolEnv(dir), drainFor
	var last []string
	offline := false
	done := make(chan struct{})
	go func() {
		defer close(done)
		eachLine(read, func(text string) {
			m.step(text)
			offline = offline || isOffline(text)
			if last = append(last, dev.Sanitize(text)); len(last) > lastLines {
				last = last[1:]
			}
		})
	}()
	err := cmd.Run()
	_ = write.Close()
	<-done
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case len(last) == 0: // it may not even have started
		last = []string{err.Error()}
	case offline:
		return m.failed("the environment of service "+m.Service+" cannot be made: its packages cannot be downloaded", errors.New(strings.Join(last, "\n")),
			"connect this machine to the network, or set the proxy or the index of packages (PIP_INDEX_URL): once an environment is made, sdev needs no network")
	}
	return m.failed("the environment of service "+m.Service+" cannot be made: "+name+" failed", errors.New(strings.Join(last, "\n")), "correct the project's list of dependencies, then run the command again")
}

// isOffline reports whether a line of pip or uv says that no server can be reached.
func isOffline(line string) bool {
	return slices.ContainsFunc([]string{"name resolution", "Name or service not known", "nodename nor servname", "Failed to establish a new connection", "Network is unreachable",
		"Connection refused", "dns error", "error sending request", "client error (Connect)"}, func(text string) bool { return strings.Contains(line, text) })
}

// toolEnv is the environment of a tool. The user's own virtual environment must not reach it.
func (m *maker) toolEnv(dir string) []string {
	env := slices.DeleteFunc(slices.Clone(m.environ), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return slices.Contains([]string{"VIRTUAL_ENV", "SOURCE_DATE_EPOCH", "PYTHONHOME", "PYTHONPATH", "UV_PROJECT_ENVIRONMENT", "CONDA_PREFIX", "__PYVENV_LAUNCHER__"}, name)
	})
	return append(env, "UV_PROJECT_ENVIRONMENT="+dir, "PYTHONDONTWRITEBYTECODE=", "PIP_REQUIRE_VIRTUALENV=0")
}

// failed is an error about making the environment.
func (m *maker) failed(message string, cause error, hint string) error {
	return &dev.Error{Code: dev.CodeBuildFailed, Exit: dev.ExitFailed, Cause: cause, Message: dev.Line("%s: %v", message, dev.Lines(cause.Error(), "  ")), Hint: hint}
}

// find finds a program in the PATH of the user's environment.
func (m *maker) find(name string) (string, error) { return findProgram(name, "/", m.environ) }

// pythonQuestion prints the version and the platform of a Python, its path, and the version of its pip.
const pythonQuestion = `
import importlib.metadata, json, platform, sys
try:
    pip = importlib.metadata.version("pip")
except importlib.metadata.PackageNotFoundError:
    pip = ""
print(json.dumps([platform.python_version(), sys.platform, platform.machine(), sys.executable, pip]))
`

// choosePython finds the first Python of this machine that the project accepts.
func (m *maker) choosePython(ctx context.Context) error {
	var refused []string
	for _, name := range pythonNames(m.Python) {
		path, err := m.find(name)
		if err != nil {
			continue
		}
		cmd := exec.CommandContext(ctx, path, "-I", "-c", pythonQuestion)
		cmd.Dir, cmd.Env, cmd.WaitDelay = m.Dir, m.environ, drainFor // a version manager looks at the directory
		out, err := cmd.Output()
		var said []string
		if err != nil || json.Unmarshal(out, &said) != nil || len(said) != 5 {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			continue // Windows has a program of that name that only opens a shop
		}
		if !accepts(m.Python, said[0]) {
			refused = append(refused, said[0])
			continue
		}
		m.python, m.version, m.pip = said[3], strings.Join(said[:3], " "), said[4]
		return nil
	}
	e := &dev.Error{Code: dev.CodePython, Exit: dev.ExitFailed, Message: "this machine has no Python, which the app needs when it runs without a container engine",
		Hint: "install Python 3.11 or newer (https://www.python.org/downloads), or use Docker"}
	if len(refused) > 0 {
		slices.Sort(refused)
		e.Message = dev.Line("the project needs Python %s, but this machine has %s", m.Python, strings.Join(slices.Compact(refused), ", "))
		e.Hint = "install a Python that fits, or use Docker, whose image has its own"
	}
	return e
}
