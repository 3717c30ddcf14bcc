package handoff_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sdev/dev"
	"sdev/dev/handoff"
	"sdev/dev/tree"
)

// paramsOfEveryKind is a target with a parameter of every kind.
func paramsOfEveryKind() handoff.Target {
	short := func(s string) error {
		if len(s) > 8 {
			return fmt.Errorf("want 8 letters at most")
		}
		return nil
	}
	found := func(f handoff.Facts) (handoff.Value, bool) {
		return handoff.Value{Text: f.Name, Source: "name of the project"}, f.Name != ""
	}
	branch := func(f handoff.Facts) (handoff.Value, bool) {
		return handoff.Value{Text: f.Git.Branch, Source: "git branch"}, f.Git.Branch != ""
	}
	return handoff.Target{Name: "x", Params: []handoff.Param{
		{Name: "name", About: "a name", Check: short, FromFacts: found, Default: "app"},
		{Name: "region", About: "a region", Placeholder: "region-1"},
		{Name: "size", About: "a size", Choices: []string{"s", "m"}, Default: "s"},
		{Name: "branch", About: "a branch", FromFacts: branch, Default: "main"},
		{Name: "key", About: "a key", Optional: true},
		{Name: "other", About: "another"},
	}}
}

func TestResolve_TheFirstSourceDecides(t *testing.T) {
	config := map[string]handoff.Value{"region": {Text: "config", Source: "x-sdev.deploy.region (compose.yaml:3)"}}
	for name, tc := range map[string]struct {
		facts   handoff.Facts
		inputs  handoff.Inputs
		want    string
		missing string
	}{
		"nobody": {
			want: "name=app (default) region=region-1 (placeholder) size=s (default) branch=main (default) key= (not set) other=REPLACE-OTHER (placeholder)", missing: "region other",
		},
		"the project, where it fits": {
			facts: handoff.Facts{Name: "shop", Git: handoff.Git{Branch: "trunk"}},
			want:  "name=shop (name of the project) region=region-1 (placeholder) size=s (default) branch=trunk (git branch) key= (not set) other=REPLACE-OTHER (placeholder)", missing: "region other",
		},
		"a found value that does not fit is none": {
			facts: handoff.Facts{Name: "far too long"},
			want:  "name=app (default) region=region-1 (placeholder) size=s (default) branch=main (default) key= (not set) other=REPLACE-OTHER (placeholder)", missing: "region other",
		},
		"flags before the compose file before answers of before before the project": {
			facts: handoff.Facts{Name: "shop"},
			inputs: handoff.Inputs{
				Set: map[string]string{"region": "flag"}, Config: func(name string) (handoff.Value, bool) { v, ok := config[name]; return v, ok },
				Last: []handoff.NamedValue{{Name: "name", Value: handoff.Value{Text: "last", Source: "--set"}}, {Name: "region", Value: handoff.Value{Text: "last", Source: "your answer"}}},
			},
			want: "name=last (--set, earlier) region=flag (--set) size=s (default) branch=main (default) key= (not set) other=REPLACE-OTHER (placeholder)", missing: "other",
		},
		"the compose file before answers": {
			inputs: handoff.Inputs{
				Config: func(name string) (handoff.Value, bool) { v, ok := config[name]; return v, ok },
				Last:   []handoff.NamedValue{{Name: "region", Value: handoff.Value{Text: "last", Source: "your answer"}}}, Answers: map[string]string{"region": "now", "other": "now"},
			},
			want: "name=app (default) region=config (x-sdev.deploy.region (compose.yaml:3)) size=s (default) branch=main (default) key= (not set) other=now (your answer)",
		},
		"an answer is taken back": {
			inputs: handoff.Inputs{Set: map[string]string{"region": ""}, Last: []handoff.NamedValue{{Name: "region", Value: handoff.Value{Text: "last", Source: "--set"}}}},
			want:   "name=app (default) region=region-1 (placeholder) size=s (default) branch=main (default) key= (not set) other=REPLACE-OTHER (placeholder)", missing: "region other",
		},
		"of the last hand-off only what people said, and git where it is silent now": {
			inputs: handoff.Inputs{Last: []handoff.NamedValue{
				{Name: "name", Value: handoff.Value{Text: "old", Source: "name of the project"}}, {Name: "size", Value: handoff.Value{Text: "m", Source: "default"}},
				{Name: "branch", Value: handoff.Value{Text: "trunk", Source: "git branch"}}, {Name: "region", Value: handoff.Value{Text: "region-1", Source: "placeholder", Placeholder: true}},
			}},
			want: "name=app (default) region=region-1 (placeholder) size=s (default) branch=trunk (git branch) key= (not set) other=REPLACE-OTHER (placeholder)", missing: "region other",
		},
	} {
		t.Run(name, func(t *testing.T) {
			target := paramsOfEveryKind()
			values, missing, err := target.Resolve(tc.facts, tc.inputs)
			if err != nil {
				t.Fatal(err)
			}
			var got, names []string
			for _, v := range target.NamedValues(values) {
				source := v.Source
				if v.Remembered {
					source += ", earlier"
				}
				got = append(got, fmt.Sprintf("%s=%s (%s)", v.Name, v.Text, source))
			}
			for _, p := range missing {
				names = append(names, p.Name)
			}
			if diff := cmp.Diff(tc.want, strings.Join(got, " ")); diff != "" || strings.Join(names, " ") != tc.missing {
				t.Errorf("%s, missing: %v", diff, names)
			}
		})
	}
}

func TestResolve_Errors(t *testing.T) {
	config := func(text string) func(string) (handoff.Value, bool) {
		return func(name string) (handoff.Value, bool) {
			return handoff.Value{Text: text, Source: "x-sdev.deploy.x.size (compose.yaml:7)"}, name == "size"
		}
	}
	for name, tc := range map[string]struct {
		inputs     handoff.Inputs
		want, hint string
		code       dev.Code
	}{
		"unknown name, near one": {handoff.Inputs{Set: map[string]string{"reigon": "a"}}, `x has no value "reigon"`, "did you mean: --set region=a", dev.CodeUsage},
		"unknown name":           {handoff.Inputs{Set: map[string]string{"zzzzzzzz": "a"}}, `x has no value "zzzzzzzz"`, "its values are: name, region, size, branch, key, other", dev.CodeUsage},
		"refused":                {handoff.Inputs{Set: map[string]string{"name": "far too long"}}, "--set name: want 8 letters at most", "name: a name", dev.CodeDeployValue},
		"not one of them":        {handoff.Inputs{Config: config("xl")}, `compose.yaml:7: x-sdev.deploy.x.size: "xl" is not one of s, m`, "size: a size", dev.CodeDeployValue},
		"two lines":              {handoff.Inputs{Set: map[string]string{"key": "a\nb"}}, `--set key: "a\nb" is not one line of text`, "", dev.CodeDeployValue},
		"a zero byte":            {handoff.Inputs{Set: map[string]string{"key": "a\x00"}}, "not one line of text", "", dev.CodeDeployValue},
		"no UTF-8":               {handoff.Inputs{Set: map[string]string{"key": "a\xff"}}, "not one line of text", "", dev.CodeDeployValue},
		"a line separator":       {handoff.Inputs{Answers: map[string]string{"other": "a\u2028b"}}, "not one line of text", "", dev.CodeDeployValue},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := paramsOfEveryKind().Resolve(handoff.Facts{}, tc.inputs)
			e, ok := errors.AsType[*dev.Error](err)
			if !ok || !strings.Contains(e.Error(), tc.want) || !strings.Contains(e.Hint, tc.hint) || e.Code != tc.code || e.Exit != dev.ExitUsage {
				t.Errorf("%#v", e)
			}
		})
	}
}

func TestMissing_UnlessItWasPutInByHand(t *testing.T) {
	target := paramsOfEveryKind()
	values, _, err := target.Resolve(handoff.Facts{}, handoff.Inputs{})
	if err != nil {
		t.Fatal(err)
	}
	rendered := []byte("a\nregion: region-1\nother: REPLACE-OTHER\n")
	show := func(content string) string {
		var out []string
		for _, f := range target.MissingFindings(values, []handoff.Change{{Change: tree.Change{Path: "a.yml", Content: []byte(content)}, Rendered: rendered}}) {
			out = append(out, fmt.Sprintf("%s:%d %s", f.File, f.Line, f.Fix))
		}
		return strings.Join(out, ", ")
	}
	if got := show(string(rendered)); got != "a.yml:2 sdev deploy x --set region=…, a.yml:3 sdev deploy x --set other=…" {
		t.Error(got)
	}
	if got := show("a\nregion: eu-west-1\nother: mine\n"); got != "" {
		t.Error(got)
	}
	rendered = nil // in no file, so the user cannot have replaced it
	if got := show(""); got != ":0 sdev deploy x --set region=…, :0 sdev deploy x --set other=…" {
		t.Error(got)
	}
}
