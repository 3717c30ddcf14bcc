package handoff_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/pelletier/go-toml/v2"
	"go.yaml.in/yaml/v4"

	"sdev/dev"
	"sdev/dev/handoff"
)

// hostile are the facts of a project whose author tries to inject code into every file.
func hostile(bad string) handoff.Facts {
	call := handoff.Call{What: "aws:ssm", Text: bad, File: bad, Line: 1}
	return handoff.Facts{
		Name: bad, Dir: bad, Bundle: "deploy/x", Version: bad,
		App: handoff.App{
			Service: bad, Entry: bad + ".py", Port: 8501, BasePath: bad, Roots: []string{bad}, Pages: []handoff.Page{{Script: bad, Path: "/" + bad}}, Python: handoff.Value{Text: bad, Source: bad},
			Streamlit: handoff.Value{Text: bad, Source: bad}, Deps: handoff.Value{Text: bad, Source: bad}, Login: []handoff.Value{{Text: "native", Source: bad}, {Text: "streamlit-oauth", Source: bad}},
			Env: []handoff.Variable{{Name: "A", Value: bad, Origin: bad}}, Command: []string{bad}, Context: bad, Dockerfile: bad, Target: bad, Platform: bad,
			Imports: []handoff.Import{{Module: bad, File: bad, Line: 1}}, Calls: []handoff.Call{call},
		},
		Git:    handoff.Git{Found: true, Remote: bad, Host: "github.com", Owner: bad, Repo: bad, Branch: bad, Commit: bad, Modified: []string{bad}},
		AWS:    handoff.AWS{Profile: bad, Region: handoff.Value{Text: bad, Source: bad}, Parameters: []handoff.Call{call}},
		Policy: []dev.Policy{{Path: "/" + bad, Allow: dev.Allow{Groups: []string{bad}, Emails: []string{bad}, Domains: []string{bad}}, Origin: bad}, {Path: "/a/*", Origin: bad}},
		People: []dev.Person{{Email: bad, Name: bad, Groups: []string{bad}}},
	}
}

// parses reads a file with a real parser of its language.
func parses(t *testing.T, f handoff.File) error {
	t.Helper()
	switch path.Ext(f.Path) {
	case ".json":
		return json.Unmarshal(f.Content, new(any))
	case ".yml", ".yaml":
		return yaml.Unmarshal(untagged.ReplaceAll(f.Content, nil), new(any))
	case ".toml":
		return toml.Unmarshal(f.Content, new(map[string]any))
	case ".sh":
		check := exec.CommandContext(t.Context(), "bash", "-n")
		check.Stdin = bytes.NewReader(f.Content)
		if out, err := check.CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
	case ".tf":
		if _, diags := hclparse.NewParser().ParseHCL(f.Content, f.Path); diags.HasErrors() {
			return diags
		}
	}
	return nil
}

// untagged matches CloudFormation's short forms, which are tags that other YAML parsers do not know.
var untagged = regexp.MustCompile(`!(Sub|Ref|GetAtt|If|Equals|Not|And|Or|Join|Select|Split|FindInMap|ImportValue|Condition|Base64|Cidr|GetAZs)\b`)

func TestTargets_NothingOfAHostileProjectBecomesCode(t *testing.T) {
	tree := os.DirFS("../../templates/targets")
	for _, target := range handoff.Targets() {
		t.Run(target.Name, func(t *testing.T) {
			for _, bad := range nasty() {
				f := hostile(bad)
				values, _, err := target.Resolve(f, handoff.Inputs{})
				if err != nil {
					t.Errorf("%q: %v", bad, err)
					continue
				}
				files, _, err := target.Render(tree, f, values)
				if err != nil {
					if dev.AsError(err).Code != dev.CodeDeployValue { // otherwise the error names the value
						t.Errorf("%q: %v", bad, err)
					}
					continue
				}
				for _, file := range files {
					if err := parses(t, file); err != nil {
						t.Errorf("%q: %s: %v", bad, file.Path, err)
					}
				}
			}
		})
	}
}

// paths are the paths of the files that are rendered for a harmless project.
func paths(t *testing.T, target handoff.Target) []string {
	t.Helper()
	f := hostile("plain")
	values, _, err := target.Resolve(f, handoff.Inputs{})
	if err != nil {
		t.Fatal(err)
	}
	files, _, err := target.Render(os.DirFS("../../templates/targets"), f, values)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, file := range files {
		out = append(out, file.Path)
	}
	return out
}

// quoted matches the parts of a command that a shell does not interpret.
var quoted = regexp.MustCompile(`\$?'[^']*'`)

func TestTargets_NextStepsAreSafeToPaste(t *testing.T) {
	for _, bad := range []string{"; rm -rf /", "$(id)", "`id`", "a && b", "a\nrm -rf /", "a | b", "> /etc/passwd"} {
		for _, target := range handoff.Targets() {
			f := hostile(bad)
			values, _, err := target.Resolve(f, handoff.Inputs{})
			if err != nil {
				t.Fatal(err)
			}
			for _, step := range target.NextSteps(f, values) {
				if bare := quoted.ReplaceAllString(step.Run, ""); strings.Contains(bare, bad) || strings.Contains(step.About, "\n") {
					t.Errorf("%s: %s", target.Name, step.Run)
				}
			}
		}
	}
}

func TestTargets_KeepTheRules(t *testing.T) {
	name := regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	var names []string
	for _, target := range handoff.Targets() {
		if slices.Contains(names, target.Name) {
			t.Errorf("%s is there twice", target.Name)
		}
		names = append(names, target.Name)
	}
	for _, target := range handoff.Targets() {
		if !name.MatchString(target.Name) || target.About == "" {
			t.Errorf("%s: %q", target.Name, target.About)
		}
		params := target.ParamNames()
		for i, p := range target.Params {
			if !name.MatchString(p.Name) || p.About == "" || slices.Index(params, p.Name) != i || p.Name == "suppress" || slices.Contains(names, p.Name) {
				t.Errorf("%s: parameter %q, %q", target.Name, p.Name, p.About)
			}
			for what, text := range map[string]string{"default": p.Default, "placeholder": p.Placeholder} {
				if text == "" {
					continue
				}
				if err := p.Validate(text); err != nil {
					t.Errorf("%s: the %s of %s: %v", target.Name, what, p.Name, err)
				}
			}
			if p.Optional && p.Placeholder != "" {
				t.Errorf("%s: %s is optional, so nothing ever stands for it", target.Name, p.Name)
			}
		}
		if files := paths(t, target); !slices.Contains(files, "README.md") || slices.Contains(files, handoff.SummaryFile) {
			t.Errorf("%s: files %v", target.Name, files)
		}
		values, _, err := target.Resolve(hostile("plain"), handoff.Inputs{})
		if err != nil || target.NextSteps == nil || len(target.NextSteps(hostile("plain"), values)) == 0 {
			t.Errorf("%s says nothing of what comes next: %v", target.Name, err)
		}
	}
}

func TestFind_NamesTheNearOne(t *testing.T) {
	for name, hint := range map[string]string{
		"ecs-congito": "did you mean: sdev deploy ecs-cognito?", "cloudrun": "did you mean: sdev deploy cloud-run?", "snow": "did you mean: sdev deploy snowflake?", "": "one of: ecs, ecs-cognito,", "heroku": "one of: ecs, ",
	} {
		_, err := handoff.Find(handoff.Targets(), name)
		if err == nil {
			t.Errorf("%s is a target", name)
			continue
		}
		if e := dev.AsError(err); !strings.HasPrefix(e.Hint, hint) || e.Exit != dev.ExitUsage {
			t.Errorf("%s: %v, %s", name, err, e.Hint)
		}
	}
}
