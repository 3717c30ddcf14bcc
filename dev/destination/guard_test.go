package destination_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sdev/dev/destination"
	"sdev/dev/devtest"
)

func TestRefuseDir_NamesWhoseADirectoryIs(t *testing.T) {
	home := t.TempDir()
	for link, to := range map[string]string{"settings": "/etc", "state": ".sdev"} {
		if err := os.Symlink(to, filepath.Join(home, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(home, ".sdev"), 0o700); err != nil {
		t.Fatal(err)
	}
	g := destination.NewGuard(home)
	for dir, want := range map[string]string{
		"/": "system", "/etc": "system", "/etc/shop": "system", "/usr/lib/shop": "system", "/tmp": "system", "/home": "system",
		home + "/settings": "system", home + "/settings/shop": "system",
		home + "/shop/.git": "git", home + "/shop/.GIT/hooks": "git",
		home + "/.sdev": "sdev", home + "/state": "sdev", home + "/shop/deploy/ecs/.handoff": "sdev",
		home: "", home + "/shop": "", home + "/not/there/yet": "", "/tmp/shop": "", "/opt/shop": "",
	} {
		if why := g.RefuseDir(dir); (why == "") != (want == "") || !strings.Contains(why, want) {
			t.Errorf("%s: %q, want a word of %q", dir, why, want)
		}
	}
}

// A home directory may be in a directory of the system, as root's is on some machines.
func TestRefuseDir_AHomeIsItsUsers(t *testing.T) {
	if why := destination.NewGuard("/var/lib/ci").RefuseDir("/var/lib/ci/shop"); why != "" {
		t.Errorf("in a home directory: %s", why)
	}
	for _, home := range []string{"", "/", "//", "var/lib/ci"} {
		if g := destination.NewGuard(home); g.Home != "" || g.RefuseDir("/var/lib/ci/shop") == "" {
			t.Errorf("HOME=%q: %+v", home, g)
		}
	}
}

func TestRefuseReport_KeepsWhatIsNoReport(t *testing.T) {
	dir := devtest.Project(t, map[string]string{"app.py": "x = 1\n", "old.json": "{}", "empty": ""})
	if err := os.Symlink("app.py", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	var g destination.Guard
	for name, refused := range map[string]bool{"app.py": true, "link": true, ".git/report": true, ".sdev/report": true, "/etc/report": true, "old.json": false, "empty": false, "new": false, "/dev/null": false} {
		file := name
		if !filepath.IsAbs(file) {
			file = filepath.Join(dir, name)
		}
		if why := g.RefuseReport(file, json.Valid); (why != "") != refused {
			t.Errorf("%s: %q", name, why)
		}
	}
}
