package session

import (
	"testing"

	"sdev/dev"
	"sdev/dev/devtest"
	"sdev/dev/mirror"
)

func places(t *testing.T, l *layout, file string) []string {
	t.Helper()
	out := []string{}
	for _, at := range l.Places(file) {
		out = append(out, l.Roots()[at.Root].Path+" "+at.Path)
	}
	return out
}

func TestLayout_SaysWhereEachFileGoes(t *testing.T) {
	dir := devtest.Project(t, map[string]string{"src/a.py": "", "src/data/x.csv": "", "one.toml": "", "lib/b.py": ""})
	rules := []dev.Rule{
		{Path: "lib/skip", Action: dev.Rebuild, Origin: "rebuild"},
		{Path: "lib", Action: dev.Sync, Origin: "sync"},
		{Path: "one.toml", Action: dev.SyncRestart, Origin: "file"},
	}
	l, err := newLayout(dir, rules, []dev.Copy{
		{Path: "src", Target: "/app/src/", Whole: true},
		{Path: "src/data", Target: "/app/src/data", Whole: true},
		{Path: ".", Target: "/all"},
		{Path: "lib", Target: "/opt/lib", Rule: "sync"},
		{Path: "one.toml", Target: "/etc/app/", Rule: "file"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		"src/a.py":           "[/app/src a.py /all src/a.py]",
		"src/data/x.csv":     "[/app/src/data x.csv /all src/data/x.csv]",
		"lib/b.py":           "[/all lib/b.py /opt/lib b.py]",
		"lib/skip/c.py":      "[/all lib/skip/c.py]",
		"one.toml":           "[/all one.toml /etc/app one.toml]",
		"src/.venv/lib/x.py": "[]",
		".git/HEAD":          "[]",
		"src/app.py~":        "[]",
	} {
		if got := places(t, l, file); fmtList(got) != want {
			t.Errorf("%s: %s, want %s", file, fmtList(got), want)
		}
	}
	for dir, want := range map[string]bool{"src": true, "src/.venv": false, ".git": false, "lib": true, "new": true} {
		if l.Reaches(dir) != want {
			t.Errorf("%s: reaches %v", dir, !want)
		}
	}
	if got := l.Roots()[0]; got != (mirror.Root{Path: "/app/src", Own: true}) {
		t.Errorf("root %+v", got)
	}
}

func fmtList(list []string) string {
	out := "["
	for i, s := range list {
		if i > 0 {
			out += " "
		}
		out += s
	}
	return out + "]"
}

func TestHostRules_IgnoreFilesThatTheGatewayWatches(t *testing.T) {
	rules := []dev.Rule{{Path: "a", Action: dev.Live}, {Path: "b", Action: dev.SyncExec}}
	if got := hostRules(dev.GatewayConfig{Root: "/project", Rules: rules}); got[0].Action != dev.Ignored || got[1].Action != dev.SyncExec || rules[0].Action != dev.Live {
		t.Errorf("%+v of %+v", got, rules)
	}
	if got := hostRules(dev.GatewayConfig{Rules: rules}); got[0].Action != dev.Live {
		t.Errorf("a gateway that sees nothing: %+v", got)
	}
}
