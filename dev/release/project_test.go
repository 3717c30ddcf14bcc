package release

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sdev/dev"
	"sdev/dev/devtest"
	"sdev/dev/handoff"
)

func TestGather_FactsOfAProject(t *testing.T) {
	r := newRig(t, map[string]string{
		"compose.yaml":     "name: shop\nservices:\n  streamlit:\n    build: .\n    ports: [\"127.0.0.1:8501:8501\"]\n    environment:\n      MODE: prod\n      LOCAL_STREAMLIT: \"\"\n      API_TOKEN: hunter2\n      DB: postgres://bob:hunter2@db/shop\n      FROM_HERE:\n",
		"pages/1_Sales.py": "import pandas\n", ".streamlit/config.toml": "[server]\nbaseUrlPath = \"shop\"\n"})
	f := r.project().Facts.App
	if f.Entry != "app.py" || f.Port != 8501 || f.BasePath != "shop" || f.Streamlit.Text != "1.58.0" || f.Context != "." || f.Dockerfile != "Dockerfile" || !slices.Equal(f.Command, []string{"streamlit", "run", "app.py"}) {
		t.Errorf("%+v", f)
	}
	if len(f.Env) != 1 || f.Env[0].Name != "MODE" {
		t.Errorf("%+v", f.Env)
	}
	if !slices.Equal(f.Pages, []handoff.Page{{Script: "app.py", Path: "/"}, {Script: "pages/1_Sales.py", Path: "/Sales"}}) {
		t.Errorf("%+v", f.Pages)
	}
}

func TestGather_KnowsWhatTheImageRuns(t *testing.T) {
	for dockerfile, want := range map[string][]string{
		"CMD [\"streamlit\", \"run\", \"app.py\"]":                                       {"streamlit", "run", "app.py"},
		"CMD streamlit run app.py":                                                       {"streamlit", "run", "app.py"},
		"CMD streamlit run app.py --server.port=$PORT":                                   {"/bin/sh", "-c", "streamlit run app.py --server.port=$PORT"},
		"ENTRYPOINT [\"tini\", \"--\"]\nCMD [\"streamlit\", \"run\", \"a b.py\"]":        {"tini", "--", "streamlit", "run", "a b.py"},
		"ENTRYPOINT streamlit run app.py\nCMD [\"--x\"]":                                 nil,
		"CMD [\"streamlit\", 1]":                                                         nil,
		"CMD [\"of\", \"release\"]\nFROM python:3.11-slim AS dev\nCMD [\"of\", \"dev\"]": {"of", "release"},
		"EXPOSE 8501": nil,
	} {
		r := newRig(t, map[string]string{
			"Dockerfile":   "FROM python:3.11-slim AS release\n" + dockerfile + "\n",
			"compose.yaml": "services: {streamlit: {build: {context: ., target: release}}}\n",
		})
		if got := r.project().Facts.App.Command; !slices.Equal(got, want) {
			t.Errorf("%s runs %q, want %q", dockerfile, got, want)
		}
	}
}

func TestEnvironment_KeepsSecretsBackAndHandsOverWhatOnlySoundsLikeOne(t *testing.T) {
	r := newRig(t, map[string]string{"compose.yaml": `services:
  streamlit:
    build: .
    environment:
      MODE: prod
      MAX_TOKENS: 4096
      TOKEN_URL: https://id.example.com/oauth2/token
      SECRET_ARN: arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop
      SMTP_PASS: hunter2
      STRIPE_KEY: hunter2
      CACHE: redis://:hunter2@cache
      FROM_HERE: ${PATH}
      AWS_PROFILE: shop
`})
	env, withheld := r.project().environment()
	var names []string
	for _, v := range env {
		names = append(names, v.Name)
	}
	if got := strings.Join(names, " "); got != "MAX_TOKENS MODE SECRET_ARN TOKEN_URL" {
		t.Errorf("handed over: %s", got)
	}
	if got := strings.Join(withheld, " "); got != "CACHE FROM_HERE SMTP_PASS STRIPE_KEY" {
		t.Errorf("kept back: %s", got)
	}
}

// x-sdev.entry may begin with ./, as in a shell.
func TestGather_TakesTheEntryOfTheComposeFile(t *testing.T) {
	const script = "import streamlit as st\n"
	r := newRig(t, map[string]string{"app.py": "", "one.py": script, "two.py": script, "compose.yaml": "x-sdev: {entry: ./two.py}\nservices: {streamlit: {image: a}}\n"})
	if got := r.project().Facts.App.Entry; got != "two.py" {
		t.Errorf("the entry is %q", got)
	}
}

func TestGather_KnowsTheRepository(t *testing.T) {
	r := newRig(t, nil)
	if p := r.project(); p.Facts.Git.Found || p.root() != r.dir {
		t.Errorf("without a repository: %+v in %s", p.Facts.Git, p.root())
	}
	top := devtest.Project(t, map[string]string{"README.md": "several apps\n"})
	if err := os.CopyFS(filepath.Join(top, "apps", "shop"), os.DirFS(r.dir)); err != nil {
		t.Fatal(err)
	}
	rigIn(t, top).commit()
	r = rigIn(t, filepath.Join(top, "apps", "shop"))
	p := r.project()
	if p.Facts.Dir != "apps/shop" || p.Facts.App.Context != "apps/shop" || p.Facts.Git.Branch != "main" || len(p.Facts.Git.Commit) != 40 || p.root() != top {
		t.Errorf("%+v", p.Facts)
	}
	devtest.Write(t, filepath.Join(top, ".git", "index"), "no index")
	c, found := r.load()
	if _, err := r.Gather(t.Context(), c, found); dev.AsError(err).Code != dev.CodeGitFailed {
		t.Errorf("a damaged repository: %v", err)
	}
}

func TestGather_KnowsAWSByTheProjectAlone(t *testing.T) {
	const reads = "import boto3\nimport streamlit as st\nboto3.client('ssm', region_name='eu-west-1').get_parameter(Name='/streamlit/oauth')\n"
	r := newRig(t, map[string]string{"app.py": reads})
	r.env["AWS_REGION"] = "us-west-2" // this machine's
	if got := r.project().Facts.AWS; got.Region.Text != "eu-west-1" || !strings.Contains(got.Region.Source, "app.py:3") {
		t.Errorf("by the code: %+v", got)
	}
	r = newRig(t, map[string]string{"app.py": reads, "compose.yaml": "x-sdev: {aws: {region: eu-north-1, profile: shop}}\nservices: {streamlit: {build: ., environment: {AWS_REGION: eu-south-1}}}\n"})
	if got := r.project().Facts.AWS; got.Region.Text != "eu-north-1" || got.Profile != "shop" {
		t.Errorf("by the compose file: %+v", got)
	}
}

func TestProject_LastIsTheRecordInTheUsualDirectory(t *testing.T) {
	r := newRig(t, nil)
	if last, err := r.project().Last("test"); last != nil || err != nil {
		t.Errorf("before the first: %+v, %v", last, err)
	}
	r.write(Options{})
	if last, err := r.project().Last("test"); err != nil || last == nil || last.Status != handoff.Incomplete || last.Sdev != "1.2.3" {
		t.Errorf("after it: %+v, %v", last, err)
	}
	devtest.Write(t, filepath.Join(r.dir, "deploy/test/.handoff/record.json"), `{"v": 99}`)
	if _, err := r.project().Last("test"); dev.AsError(err).Code != dev.CodeDeployRecord {
		t.Errorf("of a newer sdev: %v", err)
	}
}

func TestPlace_RefusesWhereNoBundleBelongs(t *testing.T) {
	r := newRig(t, map[string]string{"lib/x.py": "x = 1\n", "docs/notes.md": "mine\n"})
	home := r.Guard.Home
	devtest.Write(t, filepath.Join(home, "full", "notes.txt"), "mine")
	for out, want := range map[string]string{
		".": "it contains the project", "..": "it contains the project", "/": "it contains the project",
		".git/x": "a directory of git", ".sdev": "sdev keeps its own", "lib": "contains code of the app",
		"/etc/sdev": "of the system", home: "your home", home + "/.config/x": "keep their settings", home + "/full": "not empty",
		"docs": "", "handoff": "", home + "/new/deeper": "",
	} {
		_, err := r.project().bundlePlace("test", out)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("--out %s: %v, want %q", out, err, want)
		}
	}
}
