package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/google/go-cmp/cmp"

	"sdev/dev"
	"sdev/dev/devtest"
)

// detailsOf are the details of a project whose state directory exists.
func detailsOf(t *testing.T, content string, env types.Mapping) types.ConfigDetails {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, dev.StateDir), 0o700); err != nil {
		t.Fatal(err)
	}
	return types.ConfigDetails{WorkingDir: dir, Environment: env, ConfigFiles: []types.ConfigFile{{Filename: filepath.Join(dir, "compose.yaml"), Content: []byte(content)}}}
}

func namedShop(o *loader.Options) { o.SetProjectName("shop", true) }

func TestLoadModel_ChecksAModelOnce(t *testing.T) {
	for name, content := range map[string]string{
		"plain":     "services:\n  app:\n    image: shop\n    ports: ['8501:8501']\n    healthcheck: {test: [CMD, 'true'], interval: 5s}\n",
		"version":   "version: '3.8'\nservices:\n  app:\n    image: shop\n    environment:\n      - A=1\n",
		"variables": "services:\n  app:\n    image: ${IMAGE}\n    ports: ['$PORT:8501']\nvolumes: {data: {}}\n",
		"merged":    "x-all: &all\n  init: true\nservices:\n  app:\n    <<: *all\n    image: shop\n    deploy: {resources: {limits: {cpus: '0.5'}}}\n",
	} {
		t.Run(name, func(t *testing.T) {
			details := detailsOf(t, content, types.Mapping{"IMAGE": "shop", "PORT": "8501"})
			if acceptanceOf(details).known() {
				t.Fatal("known before it was checked")
			}
			var models []*types.Project
			for range 2 {
				model, accepted, err := loadModel(t.Context(), details, namedShop)
				if err != nil {
					t.Fatal(err)
				}
				accepted.remember()
				if !acceptanceOf(details).known() {
					t.Error("not known after it was checked")
				}
				models = append(models, model)
			}
			if diff := cmp.Diff(models[0], models[1]); diff != "" {
				t.Errorf("the model that is not checked again differs:\n%s", diff)
			}
		})
	}
}

func TestLoadModel_ChecksWhatHasChanged(t *testing.T) {
	const unsound = "services:\n  app:\n    image: ${IMAGE}\n    no_such_key: 1\n"
	details := detailsOf(t, unsound, types.Mapping{"IMAGE": "shop"})
	acceptanceOf(details).remember()
	if _, _, err := loadModel(t.Context(), details, namedShop); err != nil {
		t.Fatalf("a model that counts as accepted was checked: %v", err)
	}
	for name, change := range map[string]func(*types.ConfigDetails){
		"content":  func(d *types.ConfigDetails) { d.ConfigFiles[0].Content = []byte(unsound + "#") },
		"variable": func(d *types.ConfigDetails) { d.Environment = types.Mapping{"IMAGE": "other"} },
		"unset":    func(d *types.ConfigDetails) { d.Environment = nil },
		"one more": func(d *types.ConfigDetails) {
			d.ConfigFiles = append(d.ConfigFiles, types.ConfigFile{Filename: "more.yaml", Content: []byte("services: {}\n")})
		},
	} {
		t.Run(name, func(t *testing.T) {
			details := details
			details.ConfigFiles = append([]types.ConfigFile(nil), details.ConfigFiles...)
			change(&details)
			if _, _, err := loadModel(t.Context(), details, namedShop); err == nil || !strings.Contains(err.Error(), "no_such_key") {
				t.Errorf("not checked again: %v", err)
			}
			if acceptanceOf(details).known() {
				t.Error("a model that failed the check counts as accepted")
			}
		})
	}
}

func TestAcceptanceOf_FilesThatReadOthersAreAlwaysChecked(t *testing.T) {
	for _, content := range []string{"include: [other.yaml]\n", "services:\n  app:\n    extends: {file: other.yaml, service: app}\n"} {
		details := detailsOf(t, content, nil)
		acceptanceOf(details).remember()
		if acceptanceOf(details).known() {
			t.Errorf("%q counts as accepted, whatever the other file contains", content)
		}
	}
}

func TestLoad_RemembersWhatWasAcceptedOnlyInAStateDirectory(t *testing.T) {
	dir := devtest.Project(t, map[string]string{"compose.yaml": "services: {app: {image: shop, command: streamlit run app.py}}\n", "app.py": "import streamlit\n"})
	file := filepath.Join(dir, dev.StateDir, acceptedFile)
	for _, there := range []bool{false, true} {
		p, err := Load(t.Context(), Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(file); err == nil {
			t.Error("reading a project writes into its state directory")
		}
		p.RememberAccepted()
		if _, err := os.Stat(file); (err == nil) != there {
			t.Errorf("state directory: %t; %v", there, err)
		}
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
	}
}
