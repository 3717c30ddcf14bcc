package process_test

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
	"sdev/dev/devtest"
	"sdev/dev/plan"
	"sdev/dev/process"
)

// wheel makes a package that has one module, and further files by name and content.
func wheel(t *testing.T, dir, name, version string, more ...[2]string) {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, fmt.Sprintf("%s-%s-py3-none-any.whl", name, version)))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z := zip.NewWriter(f)
	info := fmt.Sprintf("%s-%s.dist-info/", name, version)
	for _, file := range append(more, [][2]string{
		{name + ".py", fmt.Sprintf("version = %q\n", version)},
		{info + "METADATA", fmt.Sprintf("Metadata-Version: 2.1\nName: %s\nVersion: %s\n", name, version)},
		{info + "WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"},
		{info + "RECORD", ""},
	}...) {
		h := &zip.FileHeader{Name: file[0]}
		h.SetMode(0o755) // for scripts
		w, err := z.CreateHeader(h)
		if err == nil {
			_, err = w.Write([]byte(file[1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
}

// environments is a runtime that makes the environment of one recipe.
type environments struct {
	*process.Runtime
	recipe process.Recipe
	cache  string

	mu    sync.Mutex
	steps []string // guarded by mu
}

// newEnvironments has no uv in its PATH, so that pip installs.
func newEnvironments(t *testing.T, recipe process.Recipe, environ ...string) *environments {
	t.Helper()
	e := &environments{recipe: recipe}
	o := options(t.TempDir())
	e.cache = filepath.Join(o.Cache, "environments")
	if o.Environ = environ; environ == nil {
		o.Environ = hostPython(t)
	}
	o.Recipe = func(context.Context, plan.Build) (process.Recipe, error) { return e.recipe, nil }
	e.Runtime = process.New(o)
	return e
}

// hostPython is the environment of a machine that has Python, and no uv.
func hostPython(t *testing.T) []string {
	t.Helper()
	python, err := exec.CommandContext(t.Context(), "python3", "-c", "import sys; print(sys.executable)").Output()
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if err := os.Symlink(strings.TrimSpace(string(python)), filepath.Join(bin, "python3")); err != nil {
		t.Fatal(err)
	}
	return []string{"PATH=" + bin, "HOME=" + t.TempDir()}
}

func (e *environments) build(ctx context.Context) (string, error) {
	return e.Build(ctx, plan.Build{Service: "app", Tag: image}, func(ev dev.Event) {
		if s, ok := ev.(dev.BuildStep); ok {
			e.mu.Lock()
			defer e.mu.Unlock()
			e.steps = append(e.steps, s.Text)
		}
	})
}

// made returns how often an environment was made.
func (e *environments) made() (n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, s := range e.steps {
		if strings.Contains(s, "-m venv") {
			n++
		}
	}
	return n
}

func (e *environments) dir(id string) string {
	sum, _, _ := strings.Cut(strings.TrimPrefix(id, "environment:"), "-")
	return filepath.Join(e.cache, sum)
}

func TestEnvironment_IsKeptByContent(t *testing.T) {
	packages := t.TempDir()
	wheel(t, packages, "demo", "1.0")
	wheel(t, packages, "demo", "2.0")
	project := devtest.Project(t, map[string]string{"requirements.txt": "demo==1.0\n"})
	kept := devtest.KeepTree(t, project)
	list := filepath.Join(project, "requirements.txt")
	e := newEnvironments(t, process.Recipe{Service: "app", Dir: project, Files: []string{list}, Install: []string{"--no-index", "--find-links", packages, "-r", "requirements.txt"}})
	build := func(version string, made int) string {
		t.Helper()
		id, err := e.build(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got, err := e.Versions(t.Context(), id, "demo", "missing"); err != nil || len(got) != 1 || got["demo"] != version {
			t.Errorf("versions %v, %v, want demo %s", got, err, version)
		}
		if e.made() != made {
			t.Errorf("made %d times, want %d: %q", e.made(), made, e.steps)
		}
		return id
	}
	first := build("1.0", 1)
	build("1.0", 1) // nothing to do
	kept.Check("an environment was made")

	metadata, err := filepath.Glob(filepath.Join(e.dir(first), "lib", "python*", "site-packages", "demo-1.0.dist-info", "METADATA"))
	if err != nil || len(metadata) != 1 {
		t.Fatal(metadata, err)
	}
	if err := os.Remove(metadata[0]); err != nil {
		t.Fatal(err)
	}
	if _, found, err := e.Image(t.Context(), image); found || err != nil {
		t.Errorf("an image whose environment is damaged: %t, %v", found, err)
	}
	if again := build("1.0", 2); again != first {
		t.Errorf("ids %s and %s", first, again)
	}

	devtest.Write(t, list, "demo==2.0\n")
	if other := build("2.0", 3); other == first {
		t.Errorf("both lists have the environment %s", other)
	}
	devtest.Write(t, list, "demo==1.0\n")
	build("1.0", 3) // it is still there

	devtest.Write(t, list, "demo==3.0\n")
	_, err = e.build(t.Context())
	if got := dev.AsError(err); got.Code != dev.CodeBuildFailed || !strings.Contains(got.Message, "demo==3.0") || got.Hint == "" {
		t.Errorf("a package that does not exist: %+v", got)
	}
}

func TestEnvironment_TwoMakersMakeItOnce(t *testing.T) {
	e := newEnvironments(t, process.Recipe{Service: "app", Dir: t.TempDir()})
	var makers sync.WaitGroup
	for range 3 {
		makers.Go(func() {
			if _, err := e.build(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	makers.Wait()
	if e.made() != 1 {
		t.Errorf("made %d times: %q", e.made(), e.steps)
	}
}

func TestEnvironment_AHalfMadeOneIsMadeAgain(t *testing.T) {
	e := newEnvironments(t, process.Recipe{Service: "app", Dir: t.TempDir()})
	id, err := e.build(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(e.dir(id), "left")
	devtest.Write(t, left, "")
	if err := os.Remove(filepath.Join(e.dir(id), "sdev.json")); err != nil {
		t.Fatal(err)
	}
	if _, err := e.build(t.Context()); err != nil || e.made() != 2 {
		t.Errorf("made %d times, %v", e.made(), err)
	}
	if _, err := os.Stat(left); err == nil {
		t.Error("a file of the half-made environment is still there")
	}
}

func TestEnvironment_AnInterruptedOneIsNotUsed(t *testing.T) {
	e := newEnvironments(t, process.Recipe{Service: "app", Dir: t.TempDir(), Install: []string{"--no-index", "demo"}})
	ctx, cancel := context.WithCancel(t.Context())
	e.recipe.Python = ""
	done := make(chan error, 1)
	go func() {
		_, err := e.Build(ctx, plan.Build{Service: "app", Tag: image}, func(dev.Event) { cancel() })
		done <- err
	}()
	if err := <-done; err == nil || ctx.Err() == nil {
		t.Errorf("%v", err)
	}
	if _, found, err := e.Image(t.Context(), image); found || err != nil {
		t.Errorf("%t, %v", found, err)
	}
}

func TestEnvironment_NoNetworkIsSaid(t *testing.T) {
	e := newEnvironments(t, process.Recipe{Service: "app", Dir: t.TempDir(), Install: []string{"--retries", "1", "--index-url", "http://127.0.0.1:1/simple", "demo"}})
	_, err := e.build(t.Context())
	if got := dev.AsError(err); got.Code != dev.CodeBuildFailed || !strings.Contains(got.Message, "cannot be downloaded") || !strings.Contains(got.Hint, "network") {
		t.Errorf("%+v", got)
	}
}

func TestEnvironment_NeedsAPythonThatFits(t *testing.T) {
	old := newEnvironments(t, process.Recipe{Service: "app", Dir: t.TempDir(), Python: ">=3.99"})
	_, err := old.build(t.Context())
	if got := dev.AsError(err); got.Code != dev.CodePython || !strings.Contains(got.Message, ">=3.99") || !strings.Contains(got.Message, "has 3.") {
		t.Errorf("%+v", got)
	}
	none := newEnvironments(t, process.Recipe{Service: "app", Dir: t.TempDir()}, "PATH="+t.TempDir())
	_, err = none.build(t.Context())
	if got := dev.AsError(err); got.Code != dev.CodePython || !strings.Contains(got.Message, "no Python") {
		t.Errorf("%+v", got)
	}
}

// backend builds a project in editable mode as PEP 660 says, and leaves a file beside the source, as setuptools does.
const backend = `
import os, zipfile

def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    with open("left-behind", "w") as f:
        f.write("x")
    name = "shop-1.0-py3-none-any.whl"
    info = "shop-1.0.dist-info/"
    with zipfile.ZipFile(os.path.join(wheel_directory, name), "w") as z:
        z.writestr("__editable__.shop-1.0.pth", os.path.join(os.getcwd(), "src"))
        z.writestr(info + "METADATA", "Metadata-Version: 2.1\nName: shop\nVersion: 1.0\n")
        z.writestr(info + "WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        z.writestr(info + "RECORD", "")
    return name
`

// A build writes beside the source. What it installs in editable mode is the project all the same.
func TestEnvironment_IsBuiltFromACopyOfTheProject(t *testing.T) {
	dir := devtest.Project(t, map[string]string{
		"pyproject.toml": "[build-system]\nrequires = []\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n[project]\nname = \"shop\"\nversion = \"1.0\"\n",
		"backend.py":     backend, "src/shop.py": "price = 1\n", "venv/pyvenv.cfg": "home = /usr\n",
	})
	tree := devtest.KeepTree(t, dir)
	e := newEnvironments(t, process.Recipe{Service: "app", Dir: dir, Source: dir, Install: []string{"--no-index", "-e", "."}})
	id, err := e.build(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	tree.Check("after the build")
	devtest.Write(t, filepath.Join(dir, "src", "shop.py"), "price = 2\n")
	out, err := exec.CommandContext(t.Context(), filepath.Join(e.dir(id), "bin", "python"), "-c", "import shop; print(shop.price, shop.__file__)").CombinedOutput()
	if want := "2 " + filepath.Join(dir, "src", "shop.py") + "\n"; err != nil || string(out) != want {
		t.Errorf("%s, %v; want %s", out, err, want)
	}
	if entries, err := os.ReadDir(filepath.Join(e.dir(id), "source")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the copy is still there: %v, %v", entries, err)
	}
}

func TestEnvironment_LeavesOutGuessedPackagesThatDoNotExist(t *testing.T) {
	packages := t.TempDir()
	for _, name := range []string{"demo", "other"} {
		wheel(t, packages, name, "1.0")
	}
	e := newEnvironments(t, process.Recipe{Service: "app", Dir: t.TempDir(), Install: []string{"--no-index", "--find-links", packages, "demo", "absent", "other"}, Guessed: []string{"absent", "other"}})
	id, err := e.build(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	have, err := e.Versions(t.Context(), id, "demo", "absent", "other")
	if want := map[string]string{"demo": "1.0", "other": "1.0"}; err != nil || !maps.Equal(have, want) {
		t.Errorf("%v, %v; want %v", have, err, want)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if !slices.Contains(e.steps, "absent is not installed") {
		t.Errorf("steps %v", e.steps)
	}
}

// Only uv can install what its lock names, so pip fetches it first. The uv here is a script that prints its arguments.
func TestEnvironment_FetchesUVForALock(t *testing.T) {
	packages := t.TempDir()
	wheel(t, packages, "uv", "1.2.3", [2]string{"uv-1.2.3.data/scripts/uv", "#!/bin/sh\necho called uv \"$@\"\nfor last; do :; done\n[ \"$1\" != venv ] || /bin/mkdir \"$last\"\n"})
	recipe := process.Recipe{Service: "app", Dir: t.TempDir(), Locked: true, UVVersion: "1.2.3", Install: []string{"--extra", "app"}}
	e := newEnvironments(t, recipe, append(hostPython(t), "PIP_NO_INDEX=1", "PIP_FIND_LINKS="+packages)...)
	id, err := e.build(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	dir := e.dir(id)
	for _, want := range []string{"called uv venv --python ", "called uv sync --frozen --no-dev --compile-bytecode --python " + dir + "/bin/python --no-install-project --extra app"} {
		if !slices.ContainsFunc(e.steps, func(s string) bool { return strings.HasPrefix(s, want) }) {
			t.Errorf("no step %q in %q", want, e.steps)
		}
	}
	if left, _ := filepath.Glob(dir + ".uv"); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
}

// A Dockerfile sets variables and a working directory. The project's directory has its place there, although only a directory
// below it is mounted.
func TestEnvironment_HasTheImagesVariablesAndDirectory(t *testing.T) {
	project := devtest.Project(t, map[string]string{"pages/one.py": "", "pages/settings.toml": ""})
	recipe := process.Recipe{Service: "app", Dir: project, WorkDir: "/srv/app", Mounted: "/srv/app/pages", Env: map[string]string{
		"SETTINGS": "/srv/app/pages/settings.toml", "MODE": "demo", "OURS": "image", "SSL_CERT_FILE": "/opt/certs/ours.pem", "PATH": "/opt/venv/bin", "HOME": "/home/app", "UV_LINK_MODE": "copy"}}
	for _, c := range []struct{ workDir, mount, dir string }{
		{"/srv/app", "/srv/app/pages", project},
		{"/opt/elsewhere", "/srv/app/pages", filepath.Join(project, "pages")},
		{"/srv/app", "/srv/app", filepath.Join(project, "pages")},
	} {
		recipe.WorkDir, recipe.Mounted = c.workDir, c.mount
		e := newEnvironments(t, recipe)
		id, err := e.build(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		w := &world{T: t, Runtime: e.Runtime, labels: plan.Labels{Project: "demo", App: "app", Dir: project}}
		t.Cleanup(w.clean)
		s := service("import os; print(*[os.environ.get(n, '-') for n in ('MODE', 'OURS', 'SSL_CERT_FILE', 'UV_LINK_MODE')]); print(os.getcwd()); print(os.environ['HOME']); print(os.environ.get('SETTINGS')); open(__import__('sys').argv[1])")
		s.Config.Volumes = []types.ServiceVolumeConfig{{Type: types.VolumeTypeBind, Source: filepath.Join(project, "pages"), Target: c.mount}}
		s.Config.Environment = types.MappingWithEquals{"OURS": text("compose")}
		s.Config.Tmpfs = types.StringList{filepath.Dir(project)} // it does not hide the project
		s.Config.Command = append(s.Config.Command, filepath.Join(project, "pages", "one.py"))
		w.run(s)
		if c := w.ended(); c.ExitCode != 0 {
			t.Errorf("exit code %d", c.ExitCode)
		}
		got := w.Tail(t.Context(), w.one(), 10)
		if len(got) != 4 || got[0] != "demo compose - -" || got[1] != c.dir || got[2] == "/home/app" || c.mount == "/srv/app/pages" && got[3] != filepath.Join(project, "pages", "settings.toml") {
			t.Errorf("%+v: %q", c, got)
		}
		recipe.Env["MODE"] = "other"
		e.recipe = recipe
		if other, err := e.build(t.Context()); err != nil || other == id || e.dir(other) != e.dir(id) {
			t.Errorf("after a change of a variable: %s, %s, %v", id, other, err)
		}
		recipe.Env["MODE"] = "demo"
	}
}
