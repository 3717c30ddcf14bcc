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
	"time"
)

// watcherModule is what Streamlit's watcher looks like to the shim: a function found by name.
const watcherModule = `
def get_module_paths(module):
    return set(module)

def watched(module):
    return sorted(get_module_paths(module))
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
		"streamlit/__init__.py":                       "",
		"streamlit/watcher/__init__.py":               "",
		"streamlit/watcher/local_sources_watcher.py":  watcher,
		"streamlit/watcher/another_sources_module.py": watcherModule,
		"package/module.py":                           "",
	})
}

func TestShim_DropsDirectoriesFromTheWatchList(t *testing.T) {
	site := streamlitTree(t, watcherModule)
	list := fmt.Sprintf("[%q, %q, %q]", site+"/package", site+"/package/module.py", site+"/gone.py")
	got := python(t, "from streamlit.watcher import local_sources_watcher as w, another_sources_module as a\n"+
		"print(w.watched("+list+")); print(a.watched("+list+"))", site)
	want := fmt.Sprintf("['%[1]s/gone.py', '%[1]s/package/module.py']\n['%[1]s/gone.py', '%[1]s/package', '%[1]s/package/module.py']", site)
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
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
		"no such function": "x = 1\n",
		"not a function":   "get_module_paths = None\n",
		"another result":   "def get_module_paths(module): return None\nassert get_module_paths(1) is None\n",
	} {
		t.Run(name, func(t *testing.T) {
			site := streamlitTree(t, watcher)
			got := python(t, "from streamlit.watcher import local_sources_watcher as w\n"+
				"f = getattr(w, 'get_module_paths', None); print(f(1) if f else None)", site)
			if got != "None" {
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

// TestShim_CostsNextToNothing takes the best of a few starts, by Python's own account of imports.
func TestShim_CostsNextToNothing(t *testing.T) {
	shim := tree(t, map[string]string{ShimName: string(Shim())})
	line := regexp.MustCompile(`import time:\s+\d+ \|\s+(\d+) \|\s+sitecustomize\n`)
	best := time.Hour
	for range 5 {
		cmd := exec.CommandContext(t.Context(), "python3", "-X", "importtime", "-c", "")
		cmd.Env = append(os.Environ(), "PYTHONPATH="+shim)
		out, err := cmd.CombinedOutput()
		m := line.FindSubmatch(out)
		if err != nil || m == nil {
			t.Fatalf("python3: %v\n%s", err, out)
		}
		us, err := strconv.Atoi(string(m[1]))
		if err != nil {
			t.Fatal(err)
		}
		best = min(best, time.Duration(us)*time.Microsecond)
	}
	t.Logf("the shim adds %v to every start of Python", best)
	if best > 5*time.Millisecond {
		t.Error("that is more than 5 ms")
	}
}
