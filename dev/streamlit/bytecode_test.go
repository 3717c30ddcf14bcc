package streamlit

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// bytecodeRig runs Python with a cache of bytecode.
type bytecodeRig struct {
	*testing.T
	shim, cache, site, app string
	env                    []string
}

// newBytecodeRig has an installed package "lib" and a module of the project's, "mine". Each says its version.
func newBytecodeRig(t *testing.T) *bytecodeRig {
	t.Helper()
	root := tree(t, map[string]string{
		"env/lib/python3/site-packages/lib/__init__.py": "from lib.part import version\n",
		"env/lib/python3/site-packages/lib/part.py":     "version = 1\n",
		"app/mine.py": "version = 1\n",
	})
	return &bytecodeRig{T: t, shim: tree(t, map[string]string{ShimName: string(Shim())}), cache: t.TempDir(),
		site: filepath.Join(root, "env/lib/python3/site-packages"), app: filepath.Join(root, "app")}
}

// runs runs code in a new process and returns what it printed.
func (r *bytecodeRig) runs(code string) string {
	r.Helper()
	cmd := exec.CommandContext(r.Context(), "python3", "-c", code)
	// With SOURCE_DATE_EPOCH, which make exports, Python compiles for a comparison by hash.
	cmd.Env = append(os.Environ(), "SOURCE_DATE_EPOCH=", "PYTHONDONTWRITEBYTECODE=1", ShimBytecode+"="+r.cache, "PYTHONPATH="+strings.Join([]string{r.shim, r.app, r.site}, ":"))
	cmd.Env = append(cmd.Env, r.env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.Fatalf("python3: %v\n%s", err, out)
	}
	return strings.TrimSpace(string(out))
}

// compiled returns the modules among lib and mine that Python compiles for an import, by its own account.
func (r *bytecodeRig) compiled(imports string) string {
	r.Helper()
	return r.runs(`import sys, builtins, _frozen_importlib_external as e
names = []
compile_ = e.SourceFileLoader.source_to_code
def source_to_code(self, data, path, *args, **kwargs):
    names.append(self.name)
    return compile_(self, data, path, *args, **kwargs)
e.SourceFileLoader.source_to_code = source_to_code
import ` + imports + `
print(*sorted(names))`)
}

// kept lists the kept files by the names of their modules.
func (r *bytecodeRig) kept() []string {
	r.Helper()
	var out []string
	err := filepath.WalkDir(r.cache, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && (strings.Contains(path, r.site) || strings.Contains(path, r.app)) {
			out = append(out, path)
		}
		return err
	})
	if err != nil {
		r.Fatal(err)
	}
	return out
}

// save writes a file without changing its time.
func (r *bytecodeRig) save(path, text string, at time.Time) {
	r.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		r.Fatal(err)
	}
	if err := os.Chtimes(path, at, at); err != nil {
		r.Fatal(err)
	}
}

func TestBytecode_InstalledPackagesAreCompiledOnce(t *testing.T) {
	r := newBytecodeRig(t)
	if got := r.compiled("lib, mine"); got != "lib lib.part mine" {
		t.Errorf("the first start compiles %q", got)
	}
	if got := r.compiled("lib, mine"); got != "mine" {
		t.Errorf("the second start compiles %q", got)
	}
	if kept := r.kept(); len(kept) != 2 {
		t.Errorf("kept: %q", kept)
	}
	for _, dir := range []string{r.site, r.app} {
		if found, _ := filepath.Glob(dir + "/*/__pycache__"); len(found) > 0 {
			t.Errorf("beside the source: %q", found)
		}
	}
}

// Images may give all files one time, and two versions of a file may have one size.
func TestBytecode_OfAnotherSourceIsNotUsed(t *testing.T) {
	r := newBytecodeRig(t)
	at := time.Unix(1_700_000_000, 0)
	part := filepath.Join(r.site, "lib/part.py")
	for version := 1; version <= 3; version++ {
		r.save(part, fmt.Sprintf("version = %d\n", version), at)
		for range 2 {
			if got := r.runs("import lib; print(lib.version)"); got != fmt.Sprint(version) {
				t.Errorf("got version %s, want %d", got, version)
			}
		}
	}
}

func TestBytecode_TwoSavesOfTheProjectWithinASecondAreSeen(t *testing.T) {
	r := newBytecodeRig(t)
	at := time.Unix(1_700_000_000, 0)
	for version := 1; version <= 3; version++ {
		r.save(filepath.Join(r.app, "mine.py"), fmt.Sprintf("version = %d\n", version), at)
		if got := r.runs("import mine; print(mine.version)"); got != fmt.Sprint(version) {
			t.Errorf("got version %s, want %d", got, version)
		}
	}
}

// Bytecode that lies in the project is Python's matter, with the cache as without it.
func TestBytecode_InTheProjectIsTreatedAsByPython(t *testing.T) {
	for _, env := range []string{ShimBytecode + "=", "X=1"} {
		r := newBytecodeRig(t)
		at := time.Unix(1_700_000_000, 0)
		mine := filepath.Join(r.app, "mine.py")
		r.save(mine, "version = 1\n", at)
		r.env = []string{env}
		r.runs("import py_compile; py_compile.compile(" + fmt.Sprintf("%q", mine) + ")")
		r.save(mine, "version = 2\n", at) // Python takes it for unchanged
		if got := r.runs("import mine; print(mine.version)"); got != "1" {
			t.Errorf("%s: got version %s, want what Python does: 1", env, got)
		}
		r.save(mine, "version = 3\n", at.Add(time.Second))
		if got := r.runs("import mine; print(mine.version)"); got != "3" {
			t.Errorf("%s: got version %s, want 3", env, got)
		}
	}
}

func TestBytecode_OfTheImageIsUsedIfItFits(t *testing.T) {
	r := newBytecodeRig(t)
	r.runs("import compileall; compileall.compile_dir(" + fmt.Sprintf("%q", r.site) + ", quiet=1)")
	if got := r.compiled("lib"); got != "" || len(r.kept()) != 0 {
		t.Errorf("compiles %q, keeps %q", got, r.kept())
	}
	for _, name := range []string{"lib/__init__.py", "lib/part.py"} { // as if the image's times were set afterwards
		at := time.Unix(1_600_000_000, 0)
		if err := os.Chtimes(filepath.Join(r.site, name), at, at); err != nil {
			t.Fatal(err)
		}
	}
	if got := r.compiled("lib"); got != "lib lib.part" {
		t.Errorf("compiles %q", got)
	}
	if got := r.compiled("lib"); got != "" {
		t.Errorf("the second start compiles %q", got)
	}
}

func TestBytecode_ABrokenFileIsReplaced(t *testing.T) {
	r := newBytecodeRig(t)
	r.runs("import lib")
	for name, damage := range map[string]func([]byte) []byte{
		"empty":   func([]byte) []byte { return nil },
		"cut off": func(b []byte) []byte { return b[:len(b)-12] },
		"zeros":   func(b []byte) []byte { return make([]byte, len(b)) },
		"changed": func(b []byte) []byte { b[30] ^= 1; return b },
	} {
		for _, path := range r.kept() {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, damage(b), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got := r.compiled("lib"); got != "lib lib.part" {
			t.Errorf("%s: compiles %q", name, got)
		}
		if got := r.compiled("lib"); got != "" {
			t.Errorf("%s: the second start compiles %q", name, got)
		}
	}
}

func TestBytecode_IsNotKeptWhereItCannotBe(t *testing.T) {
	for name, env := range map[string][]string{
		"no directory":         {ShimBytecode + "=/nowhere/at/all"},
		"a relative directory": {ShimBytecode + "=here"},
		"a place of its own":   {"PYTHONPYCACHEPREFIX=" + t.TempDir()},
		"no tag for bytecode":  {"PYTHONDONTWRITEBYTECODE="},
	} {
		r := newBytecodeRig(t)
		r.env = env
		code := "import lib; print(lib.version)"
		if name == "no tag for bytecode" {
			code = "import sys; sys.implementation.cache_tag = None; " + code
		}
		if got := r.runs(code); got != "1" || len(r.kept()) != 0 {
			t.Errorf("%s: got %s, kept %q", name, got, r.kept())
		}
	}
}

func TestBytecode_OfAnotherUserIsNotUsed(t *testing.T) {
	r := newBytecodeRig(t)
	own := filepath.Join(r.cache, fmt.Sprint(os.Getuid()))
	if err := os.Symlink("/", own); err != nil { // its owner is root, or whoever runs the test; but it is no directory
		t.Fatal(err)
	}
	if got := r.runs("import lib; print(lib.version)"); got != "1" || len(r.kept()) != 0 {
		t.Errorf("got %s, kept %q", got, r.kept())
	}
}

// The flag -O gives bytecode of another kind, under another name.
func TestBytecode_OfEachKindIsKept(t *testing.T) {
	r := newBytecodeRig(t)
	r.runs("import lib")
	r.env = []string{"PYTHONOPTIMIZE=2"}
	if got := r.compiled("lib"); got != "lib lib.part" {
		t.Errorf("compiles %q", got)
	}
	if got := r.compiled("lib"); got != "" {
		t.Errorf("the second start compiles %q", got)
	}
}
