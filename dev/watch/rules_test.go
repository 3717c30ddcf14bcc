package watch

import (
	"testing"

	"sdev/dev"
)

func TestMatch_FirstRuleThatMatchesDecides(t *testing.T) {
	rules := []dev.Rule{
		{Path: "requirements.txt", Action: dev.Rebuild, Origin: "deps"},
		{Path: "code_package/data", Action: dev.Ignored, Origin: "data"},
		{Path: "code_package", Include: []string{"**/*.py"}, Ignore: []string{"**/test_*.py"}, Action: dev.Live, Origin: "source"},
		{Path: ".streamlit", Action: dev.Restart, Origin: "config"},
		{Path: "node_modules/mine", Action: dev.Live, Origin: "named"},
	}
	for path, want := range map[string]string{
		"requirements.txt":                  "deps",
		"sub/requirements.txt":              "",
		"code_package/Home.py":              "source",
		"code_package/a/b/c.py":             "source",
		"code_package/a/test_c.py":          "",
		"code_package/notes.md":             "",
		"code_package/data/x.py":            "data",
		"code_packages/x.py":                "",
		"code_package/__pycache__/x.py":     "",
		".streamlit/config.toml":            "config",
		".streamlit/config.toml~":           "",
		"node_modules/mine/x.js":            "named",
		"node_modules/mine/node_modules/x":  "",
		"node_modules/other/x.js":           "",
		".git/HEAD":                         "",
		"code_package/.Home.py.swp":         "",
		"code_package/Home.py___jb_tmp___":  "",
		"code_package/.venv/lib/package.py": "",
	} {
		r, ok := Match(rules, path)
		if r.Origin != want || ok != (want != "") {
			t.Errorf("%s: rule %q, %v; want %q", path, r.Origin, ok, want)
		}
	}
}

func TestMatch_PassesOverRulesThatCannotBeCompiled(t *testing.T) {
	rules := []dev.Rule{{Path: ".", Ignore: []string{"[a-"}, Origin: "bad"}, {Path: ".", Origin: "good"}}
	if r, ok := Match(rules, "x.py"); !ok || r.Origin != "good" {
		t.Errorf("rule %q, %v", r.Origin, ok)
	}
}

func TestRules_ReachOnlyDirectoriesInWhichSomethingMatters(t *testing.T) {
	type reach map[string]bool
	for name, c := range map[string]struct {
		rules []dev.Rule
		want  reach
	}{
		"no rules": {nil, reach{".": false, "a": false}},
		"a directory": {
			[]dev.Rule{{Path: "a/b", Action: dev.Live}},
			reach{".": true, "a": true, "a/b": true, "a/b/c": true, "a/c": false, "b": false},
		},
		"built-in": {
			[]dev.Rule{{Path: ".", Action: dev.Live}},
			reach{".git": false, "a/__pycache__": false, "a/.venv": false, "a/.venv/lib": false, "node_modules": false, ".sdev": false, "a": true},
		},
		"built-in but named": {
			[]dev.Rule{{Path: ".venv/src", Action: dev.Live}},
			reach{".venv": true, ".venv/src": true, ".venv/src/a": true, ".venv/lib": false, ".venv/src/.git": false},
		},
		"included names": {
			[]dev.Rule{{Path: ".", Include: []string{"requirements.txt", "conf/*.toml", "deep/**/x"}, Action: dev.Rebuild}},
			reach{".": true, "a": false, "conf": true, "conf/a": false, "deep": true, "deep/a/b": true},
		},
		"an included directory": {
			[]dev.Rule{{Path: ".", Include: []string{"pages"}, Action: dev.Live}},
			reach{"pages": true, "pages/a/b": true, "other": false},
		},
		"ignored": {
			[]dev.Rule{{Path: "app", Ignore: []string{"data", "**/cache"}, Action: dev.Live}},
			reach{"app": true, "app/data": false, "app/data/x": false, "app/a/cache": false, "app/a": true},
		},
		"a negation inside": {
			[]dev.Rule{{Path: ".", Ignore: []string{"data", "!data/in/keep.csv"}, Action: dev.Live}},
			reach{"data": true, "data/in": true, "data/out": false, "data/in/keep.csv": true},
		},
		"a negation elsewhere": {
			[]dev.Rule{{Path: ".", Ignore: []string{"data", "!README.md"}, Action: dev.Live}},
			reach{"data": false},
		},
		"a negation anywhere": {
			[]dev.Rule{{Path: ".", Ignore: []string{"data", "!**/*.md"}, Action: dev.Live}},
			reach{"data": true, "data/a": true},
		},
		"claimed by an ignored rule": {
			[]dev.Rule{
				{Path: "data", Action: dev.Ignored},
				{Path: "logs", Include: []string{"old"}, Action: dev.Ignored},
				{Path: "tmp", Ignore: []string{"keep"}, Action: dev.Ignored},
				{Path: ".", Action: dev.Live},
			},
			reach{".": true, "data": false, "data/a": false, "logs": true, "logs/old": false, "logs/new": true, "tmp": true, "tmp/keep": true},
		},
		"claimed too late": {
			[]dev.Rule{{Path: "data/live", Action: dev.Live}, {Path: "data", Action: dev.Ignored}, {Path: ".", Action: dev.Live}},
			reach{"data": true, "data/live": true, "data/other": false},
		},
	} {
		t.Run(name, func(t *testing.T) {
			rs, err := Compile(c.rules)
			if err != nil {
				t.Fatal(err)
			}
			for dir, want := range c.want {
				if got := rs.reaches(dir); got != want {
					t.Errorf("%s: %v, want %v", dir, got, want)
				}
			}
		})
	}
}
