package streamlit

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// watcherModule is Streamlit's watcher of modules, reduced to what it registers and what a save unloads.
const watcherModule = `
import collections, sys

WatchedModule = collections.namedtuple("WatchedModule", "watcher module_name")

class PathWatcher:
    def __init__(self, path):
        print("watches", path.rsplit("/", 1)[-1])

    def close(self):
        pass

class LocalSourcesWatcher:
    def __init__(self):
        self._watched_modules = {}

    def _register_watcher(self, filepath, module_name):
        self._watched_modules[filepath] = WatchedModule(PathWatcher(filepath), module_name)

    def update_watched_modules(self, within):
        for name, module in sorted(sys.modules.items()):
            path = getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", [])), "")
            if path.startswith(within):
                self._register_watcher(path, name)

    def on_path_changed(self):
        for watched in self._watched_modules.values():
            sys.modules.pop(watched.module_name, None)

    def close(self):
        for watched in self._watched_modules.values():
            watched.watcher.close()
`

// tree writes files below a fresh directory and returns it.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// python runs code with the shim in front of the given path entries and gives everything it printed.
func python(t *testing.T, code string, path ...string) string {
	t.Helper()
	files := map[string]string{ShimName: string(Shim())}
	for name, content := range ShimModules() {
		files[name] = string(content)
	}
	shim := tree(t, files)
	cmd := exec.CommandContext(t.Context(), "python3", "-c", code)
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1",
		"PYTHONPATH="+strings.Join(append([]string{shim}, path...), string(os.PathListSeparator)))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("python3: %v\n%s", err, out)
	}
	return strings.TrimSpace(string(out))
}

func streamlitTree(t *testing.T, watcher string) string {
	t.Helper()
	return tree(t, map[string]string{
		"streamlit/__init__.py":                      "",
		"streamlit/watcher/__init__.py":              "",
		"streamlit/watcher/local_sources_watcher.py": watcher,
		"project/outer/__init__.py":                  "",
		"project/outer/inner/module.py":              "x = 1\n",
	})
}

// TestShim_UnloadsAPackageThatItDoesNotWatch imports a package without __init__.py from a package that has one. After a
// save, Python imports both again.
func TestShim_UnloadsAPackageThatItDoesNotWatch(t *testing.T) {
	site := streamlitTree(t, watcherModule)
	got := python(t, "import sys\nfrom streamlit.watcher.local_sources_watcher import LocalSourcesWatcher\n"+
		"import outer.inner.module\nw = LocalSourcesWatcher()\n"+fmt.Sprintf("w.update_watched_modules(%q)\n", site+"/project")+
		"w.on_path_changed(); w.close()\nfrom outer.inner.module import x; print('imported again', x)", site, site+"/project")
	if want := "watches __init__.py\nwatches module.py\nimported again 1"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestShim_WatchesADirectoryThatTheSettingsName(t *testing.T) {
	site := streamlitTree(t, watcherModule)
	got := python(t, "from streamlit.watcher.local_sources_watcher import LocalSourcesWatcher\n"+
		fmt.Sprintf("LocalSourcesWatcher()._register_watcher(%q, None)", site+"/project"), site)
	if got != "watches project" {
		t.Errorf("got %q", got)
	}
}

func TestShim_ImportsStreamlitOnlyWhenTheAppDoes(t *testing.T) {
	site := streamlitTree(t, watcherModule)
	got := python(t, "import sys; print([m for m in sys.modules if m.startswith('streamlit')])", site)
	if got != "[]" {
		t.Errorf("imported at start: %s", got)
	}
}

func TestShim_LeavesADifferentStreamlitAlone(t *testing.T) {
	for name, watcher := range map[string]string{
		"no watcher":         "x = 1\n",
		"no list of modules": "WatchedModule = print\nclass LocalSourcesWatcher:\n    def _register_watcher(self, path, name): return 'theirs'\n",
		"no kind of module":  "class LocalSourcesWatcher:\n    def _register_watcher(self, path, name): return 'theirs'\n",
		"not a method":       "WatchedModule = print\nclass LocalSourcesWatcher:\n    _register_watcher = None\n",
	} {
		t.Run(name, func(t *testing.T) {
			site := streamlitTree(t, watcher)
			got := python(t, "from streamlit.watcher import local_sources_watcher as w\n"+
				"f = getattr(getattr(w, 'LocalSourcesWatcher', None), '_register_watcher', None); print(f(w.LocalSourcesWatcher(), '/', 'root') if f else 'theirs')", site)
			if got != "theirs" {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestShim_SaysNothingWithoutStreamlit(t *testing.T) {
	got := python(t, "import sys\nsys.path[:] = sys.path[:2]\ntry:\n import streamlit.watcher.local_sources_watcher\nexcept ModuleNotFoundError as e:\n print(e.name)")
	if got != "streamlit" {
		t.Errorf("got %q, want the plain error of an absent module", got)
	}
}

func TestShim_HandsOverToTheNextSitecustomize(t *testing.T) {
	first := tree(t, map[string]string{ShimName: "import sys\nprint('first', __name__, __file__ == __spec__.origin)\nmark = 'theirs'\n"})
	second := tree(t, map[string]string{ShimName: "print('second')\n"})
	got := python(t, "import sitecustomize; print(sitecustomize.mark)", first, second)
	if want := "first sitecustomize True\ntheirs"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestShim_KeepsTheWordsOfABrokenSitecustomize(t *testing.T) {
	broken := tree(t, map[string]string{ShimName: "raise RuntimeError('theirs is broken')\n"})
	got := python(t, "print('started')", broken)
	if !strings.Contains(got, "theirs is broken") || !strings.HasSuffix(got, "started") {
		t.Errorf("got %q", got)
	}
}

// TestShim_CostsNextToNothing compares the import of the shim with that of asyncio in the same process, by Python's own
// account of imports. Streamlit imports asyncio at every start, among much else. It takes the best of a few starts.
func TestShim_CostsNextToNothing(t *testing.T) {
	shim := tree(t, map[string]string{ShimName: string(Shim())})
	line := regexp.MustCompile(`import time:\s+\d+ \|\s+(\d+) \|\s+(sitecustomize|asyncio)\n`)
	best := map[string]int{} // microseconds
	for range 5 {
		cmd := exec.CommandContext(t.Context(), "python3", "-X", "importtime", "-c", "import asyncio")
		cmd.Env = append(os.Environ(), "PYTHONPATH="+shim)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("python3: %v\n%s", err, out)
		}
		for _, m := range line.FindAllSubmatch(out, -1) {
			us, err := strconv.Atoi(string(m[1]))
			if err != nil {
				t.Fatal(err)
			}
			if known, ok := best[string(m[2])]; !ok || us < known {
				best[string(m[2])] = us
			}
		}
	}
	t.Logf("the shim adds %d µs to every start of Python, asyncio %d µs", best["sitecustomize"], best["asyncio"])
	if best["sitecustomize"] == 0 || best["sitecustomize"] > best["asyncio"]/4 {
		t.Error("that is more than a quarter of asyncio")
	}
}
