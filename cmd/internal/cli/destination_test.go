package cli

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sdev/dev"
)

func TestDeploy_RefusesDirectoriesThatAreNoBundles(t *testing.T) {
	dir := plainApp(t, map[string]string{"sub/link.txt": ""})
	if err := os.Symlink("..", filepath.Join(dir, "sub/up")); err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	must(t, os.MkdirAll(home+"/full/deeper", 0o755), os.MkdirAll(home+"/.config", 0o755), os.WriteFile(home+"/full/notes.txt", []byte("mine"), 0o600), os.Symlink("/etc", home+"/etc"),
		os.MkdirAll(home+"/other/.sdev", 0o700), os.Symlink(".sdev", home+"/other/led"), os.MkdirAll(dir+"/.sdev", 0o700), os.Symlink(".sdev", dir+"/led"), os.MkdirAll(dir+"/lib/deeper", 0o755), os.WriteFile(dir+"/lib/deeper/x.py", nil, 0o600))
	before := listing(t, home)
	for _, out := range []string{
		".", "..", "/", ".git", ".git/x", "sub/up", // where the project lies, and git's
		".sdev", ".sdev/x", "sub/../.sdev", ".SDEV", "led", home + "/other/.sdev", home + "/other/led/x", "deploy/snowflake/.handoff", // sdev's
		"/etc", "/etc/sdev", "/usr/lib/x", "/var/lib/x", "/proc/x", "/tmp", "/home", "/usr", home + "/etc", home + "/etc/x", "lib/../../../../../../../../../../etc/x", // the system's
		home, home + "/", home + "/.config/x", home + "/.ssh", home + "/full", // the user's own
		"lib", "lib/deeper", // the app's
	} {
		s, stdout, _ := Buffers(map[string]string{"FROM_HERE": "x", "PATH": os.Getenv("PATH"), "HOME": home})
		code := Main(t.Context(), t.Context(), s, append([]string{"-C", dir, "deploy", "--json", "--yes", "--out", out}, snowflake()...))
		if code != dev.ExitFailed || !strings.Contains(stdout.String(), string(dev.CodeDeployDir)) || exists(dir, "HANDOFF.md") || exists(dir, "../HANDOFF.md") {
			t.Errorf("--out %s: exit %d, %s", out, code, stdout)
		}
	}
	if after := listing(t, home); !slices.Equal(before, after) || len(listing(t, dir+"/.sdev")) != 1 {
		t.Errorf("there is %q, and was %q", after, before)
	}
}

func TestDeploy_TakesDirectoriesForBundles(t *testing.T) {
	dir, home := plainApp(t, nil), t.TempDir()
	must(t, os.MkdirAll(home+"/empty", 0o755), os.MkdirAll(dir+"/docs", 0o755), os.WriteFile(dir+"/docs/notes.md", nil, 0o600))
	for _, out := range []string{"handoff", "docs", "deploy/other", home + "/new/deeper", home + "/empty", home + "/empty/"} { // the last is a bundle by then
		s, stdout, errs := Buffers(map[string]string{"FROM_HERE": "x", "PATH": os.Getenv("PATH"), "HOME": home})
		Main(t.Context(), t.Context(), s, append([]string{"-C", dir, "deploy", "--json", "--yes", "--out", out}, snowflake()...))
		if strings.Contains(stdout.String(), string(dev.CodeDeployDir)) || !exists(filepath.Join(map[bool]string{true: "", false: dir}[filepath.IsAbs(out)], out), "HANDOFF.md") {
			t.Errorf("--out %s: %s%s", out, stdout, errs)
		}
	}
}

func TestInit_WritesToNoDirectoryOfSomebodyElse(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Symlink("/etc", dir+"/etc"), os.MkdirAll(dir+"/.git", 0o755))
	for _, target := range []string{"/", "/etc", "/etc/shop", "/usr/lib/shop", dir + "/etc/shop", dir + "/.git/shop", dir + "/.sdev", "/tmp"} {
		code, _, errs := runLine(t, dir, "init", target, "--yes", "--no-git", "--dry-run")
		if code != dev.ExitFailed || !strings.Contains(errs, "cannot take a project: it is") && !strings.Contains(errs, "cannot take a project: sdev keeps") || !strings.Contains(errs, "hint: ") {
			t.Errorf("init %s: exit %d, %s", target, code, errs)
		}
	}
	if code, _, errs := runLine(t, dir, "init", dir+"/shop", "--yes", "--no-git", "--dry-run"); code != dev.ExitOK {
		t.Errorf("exit %d: %s", code, errs)
	}
}

func TestPreflight_OverwritesNothingWithAReport(t *testing.T) {
	dir := plainApp(t, map[string]string{"report.sarif": "{\"version\": \"2.1.0\", \"runs\": []}\n", "empty.sarif": "", "notes.json": "{}\n"})
	must(t, os.Symlink("app.py", dir+"/led.sarif"), os.MkdirAll(dir+"/.sdev", 0o700))
	run := func(file string) (code int, errs string) {
		s, _, e := Buffers(map[string]string{"PATH": os.Getenv("PATH")})
		return Main(t.Context(), t.Context(), s, []string{"-C", dir, "preflight", "--sarif", file}), e.String()
	}
	for _, file := range []string{"app.py", "led.sarif", "notes.json", ".git/report.sarif", ".sdev/report.sarif", "/etc/report.sarif", "/usr/lib/report.sarif"} {
		before, _ := os.ReadFile(filepath.Join(dir, file))
		code, errs := run(file)
		after, _ := os.ReadFile(filepath.Join(dir, file))
		if code != dev.ExitFailed || !strings.Contains(errs, "the report is not written to ") || string(after) != string(before) {
			t.Errorf("--sarif %s: exit %d, %s", file, code, errs)
		}
	}
	for _, file := range []string{"new.sarif", "report.sarif", "empty.sarif", "/dev/null"} {
		if _, errs := run(file); strings.Contains(errs, "report") {
			t.Errorf("--sarif %s: %s", file, errs)
		}
	}
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// listing is every path below a directory.
func listing(t *testing.T, dir string) (names []string) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(name string, _ fs.DirEntry, err error) error {
		names = append(names, name)
		return err
	}))
	return names
}
