package handoff

import (
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclwrite"
)

// These tests hold every target to the same rules. A new one needs no row in them.

// TestTargets_RenderAsOnRecord shows every change of what is rendered for the scaffolded project. Renew the golden
// files with SDEV_GOLDEN=write; templates.TargetsVersion says whether to raise it.
func TestTargets_RenderAsOnRecord(t *testing.T) {
	for _, target := range Targets() {
		t.Run(target.Name, func(t *testing.T) {
			f := shop()
			got, _ := bundle(t, target, f, valuesOf(t, target, f, nil))
			golden := filepath.Join("testdata", "golden", target.Name)
			if os.Getenv("SDEV_GOLDEN") == "write" {
				writeTree(t, golden, got)
			}
			want := map[string]string{}
			err := fs.WalkDir(os.DirFS(golden), ".", func(name string, entry fs.DirEntry, err error) error {
				if err != nil || entry.IsDir() {
					return err
				}
				content, err := os.ReadFile(filepath.Join(golden, name))
				want[name] = string(content)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("on record (-) and rendered (+):\n%s", diff)
			}
		})
	}
}

// TestTargets_PlaceholdersAndDefaultsAreValues wants placeholders and defaults to pass the parameter's own check.
func TestTargets_PlaceholdersAndDefaultsAreValues(t *testing.T) {
	for _, target := range Targets() {
		for _, p := range target.Params {
			for _, text := range []string{p.Placeholder, p.Default} {
				if text == "" {
					continue
				}
				if err := p.Validate(text); err != nil {
					t.Errorf("%s %s: %s: %v", target.Name, p.Name, text, err)
				}
			}
			if p.Placeholder == "" && p.Default == "" && !p.Optional {
				t.Errorf("%s %s has neither a default nor a placeholder", target.Name, p.Name)
			}
			if p.About == "" || len(p.Choices) == 0 && p.Check == nil {
				t.Errorf("%s %s takes anything, or does not say what it is", target.Name, p.Name)
			}
		}
	}
}

// TestTargets_ChecksRefuseWhatIsNoValueAnywhere covers the parameters of a target that has no rows in the tables of
// refused values.
func TestTargets_ChecksRefuseWhatIsNoValueAnywhere(t *testing.T) {
	for _, target := range Targets() {
		for _, p := range target.Params {
			if p.Check != nil && p.Validate(`../no "value" of ${any} kind`) == nil {
				t.Errorf("%s %s takes anything", target.Name, p.Name)
			}
		}
	}
}

// TestTargets_TerraformParsesAndIsFormatted parses every file as Terraform does, and checks that everything it refers
// to is declared.
func TestTargets_TerraformParsesAndIsFormatted(t *testing.T) {
	for _, target := range Targets() {
		everyBundle(t, target, func(t *testing.T, files map[string]string) {
			parser := hclparse.NewParser()
			var bodies []hcl.Body
			for _, name := range slices.Sorted(maps.Keys(files)) {
				switch {
				case strings.HasSuffix(name, ".tf"):
					file, diags := parser.ParseHCL([]byte(files[name]), name)
					if diags.HasErrors() {
						t.Fatal(diags)
					}
					if got := string(hclwrite.Format([]byte(files[name]))); got != files[name] {
						t.Errorf("%s is not formatted: %s", name, cmp.Diff(got, files[name]))
					}
					bodies = append(bodies, file.Body)
				case strings.HasSuffix(name, ".tfvars.json"):
					if _, diags := parser.ParseJSON([]byte(files[name]), name); diags.HasErrors() {
						t.Fatal(diags)
					}
				}
			}
			if len(bodies) == 0 && slices.ContainsFunc(inTerraform(), func(other Target) bool { return other.Name == target.Name }) {
				t.Fatal("no Terraform was rendered")
			}
		})
	}
}

// TestTargets_GiveTerraformNoNull wants no null in the variables: a null list has no length.
func TestTargets_GiveTerraformNoNull(t *testing.T) {
	for _, target := range inTerraform() {
		for _, s := range scenarios() {
			for _, set := range variants(t, target) {
				files, _ := bundle(t, target, s.facts, valuesOf(t, target, s.facts, set))
				var tfvars map[string]any
				if err := json.Unmarshal([]byte(files["terraform.tfvars.json"]), &tfvars); err != nil {
					t.Fatal(err)
				}
				for name, value := range tfvars {
					if value == nil {
						t.Errorf("%s, %s, %v: %s is null", target.Name, s.name, set, name)
					}
				}
			}
		}
	}
}
