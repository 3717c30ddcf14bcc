//go:build foreign

package handoff

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestForeignCheckov_Passes has Checkov look at all bundles at once: it takes seconds to start. What is
// left out says why in the file where it is.
func TestForeignCheckov_Passes(t *testing.T) {
	t.Parallel()
	checkov := program(t, "SDEV_FOREIGN_CHECKOV")
	all, bundles := t.TempDir(), 0
	for _, target := range elsewhere() {
		everyBundle(t, target, func(t *testing.T, files map[string]string) {
			if !strings.Contains(t.Name(), "scaffolded") && !strings.HasSuffix(t.Name(), "nasty/a") {
				return // nothing that Checkov looks at is different there
			}
			moved := map[string]string{}
			for name, content := range files {
				moved[strings.TrimPrefix(name, "@repository/")] = content
			}
			writeTree(t, filepath.Join(all, strings.ReplaceAll(t.Name(), "/", "-")), moved)
			bundles++
		})
	}
	out, _ := run(t, all, []string{"CKV_IGNORE_HIDDEN_DIRECTORIES=false"}, checkov, "--directory", ".", "--framework", "terraform", "github_actions", "secrets",
		"--compact", "--quiet", "--skip-download", "--output", "json")
	var reports []struct {
		CheckType string `json:"check_type"`
		Results   struct {
			Failed []struct {
				ID       string `json:"check_id"`
				Name     string `json:"check_name"`
				Path     string `json:"file_path"`
				Resource string `json:"resource"`
			} `json:"failed_checks"`
		} `json:"results"`
		Summary struct{ Passed, Skipped, Resource_count, Parsing_errors int } `json:"summary"`
	}
	text := out[strings.IndexAny(out+"[", "[{"):]
	if strings.HasPrefix(text, "{") {
		text = "[" + text + "]"
	}
	if jsonErr := json.NewDecoder(strings.NewReader(text)).Decode(&reports); jsonErr != nil {
		t.Fatalf("checkov: %v\n%s", jsonErr, out)
	}
	passed := 0
	for _, r := range reports {
		passed += r.Summary.Passed
		t.Logf("%s: %+v", r.CheckType, r.Summary)
		if r.Summary.Parsing_errors > 0 {
			t.Errorf("%s: %d files could not be read", r.CheckType, r.Summary.Parsing_errors)
		}
		for _, f := range r.Results.Failed {
			t.Errorf("%s %s: %s, %s", f.Path, f.Resource, f.ID, f.Name)
		}
	}
	if passed == 0 || bundles == 0 {
		t.Errorf("checkov passed %d checks on %d bundles:\n%s", passed, bundles, out)
	}
}

// TestForeignCloudRun_WorkflowsAreSound reads the workflow of every bundle as GitHub would.
func TestForeignCloudRun_WorkflowsAreSound(t *testing.T) {
	var workflows []string
	everyBundle(t, cloudRun(), func(t *testing.T, files map[string]string) {
		for name, content := range files {
			if strings.HasPrefix(name, "@repository/.github/workflows/") {
				workflows = append(workflows, content)
			}
		}
	})
	dir := t.TempDir()
	args := []string{"run", "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12", "-no-color", "-shellcheck=", "-pyflakes="}
	for i, content := range workflows {
		name := filepath.Join(dir, fmt.Sprintf("%d.yml", i))
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, name)
	}
	if len(workflows) < len(scenarios()) {
		t.Fatalf("%d workflows", len(workflows))
	}
	mustRun(t, dir, []string{"GOFLAGS="}, "go", args...)
}
