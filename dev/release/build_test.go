package release

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sdev/dev"
	"sdev/dev/devtest"
	"sdev/dev/git"
	"sdev/dev/plan"
)

// released returns the build of the image that ships.
func released(t *testing.T, files map[string]string, repo git.Repository, env map[string]string) (plan.Build, error) {
	t.Helper()
	r := rigIn(t, devtest.Project(t, files))
	r.env = env
	return r.project().releaseBuild(repo)
}

func TestReleaseBuild_IsWhatShips(t *testing.T) {
	const certificate = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n"
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, []byte(certificate), 0o600); err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	repo := git.Repository{Found: true, Commit: "0a0a6359a389609003015518feb4ce3578eb87aa", Time: at, Remote: "https://github.com/me/shop.git"}
	b, err := released(t, map[string]string{"Dockerfile": "FROM a\n", "compose.yaml": `
name: shop
x-sdev: {app: web-local}
services:
  web-local: {build: {context: ., target: dev}}
  web: {build: {context: ., target: release, tags: [mine:1], labels: {a: b}, args: {A: "1"}}, profiles: [release], platform: linux/arm64}
`}, repo, map[string]string{"SSL_CERT_FILE": ca, "HTTP_PROXY": "http://proxy:1"})
	if err != nil {
		t.Fatal(err)
	}
	if b.Tag != "shop-release:0a0a6359a389" || b.Target != "release" || b.Tags != nil || !b.Ships || !b.Epoch.Equal(at) || b.Platform != "linux/arm64" || b.Args["A"] != "1" {
		t.Errorf("%+v", b)
	}
	if string(b.CA) != certificate || b.SecretEnv["ca"] != certificate || b.Proxy["HTTP_PROXY"] != "http://proxy:1" {
		t.Errorf("of this machine: CA %q, secrets %v, proxy %v", b.CA, b.SecretEnv, b.Proxy)
	}
	if got := b.Labels[labelRevision] + " " + b.Labels[labelSource] + " " + b.Labels[labelVersion] + " " + b.Labels["a"]; got != repo.Commit+" https://github.com/me/shop.git 0a0a6359a389 b" {
		t.Errorf("labels: %s", got)
	}
}

func TestReleaseBuild_SaysWhenItIsNotWhatWasCommitted(t *testing.T) {
	files := map[string]string{"compose.yaml": "name: shop\nservices: {web: {build: ., command: streamlit run a.py}}\n", "Dockerfile": "FROM a\n"}
	dirty := git.Repository{Found: true, Commit: "0a0a6359a389609003015518feb4ce3578eb87aa", Time: time.Unix(1, 0), Modified: []string{"a.py"}}
	b, err := released(t, files, dirty, nil)
	if err != nil || !b.Epoch.IsZero() || b.Tag != "shop-release:0a0a6359a389-dirty" || b.Labels[labelRevision] != dirty.Commit+"-dirty" {
		t.Errorf("%+v, %v", b, err)
	}
	b, err = released(t, files, git.Repository{}, map[string]string{"SOURCE_DATE_EPOCH": "86400"})
	if err != nil || b.Tag != "shop-release:latest" || len(b.Labels) != 0 || b.Epoch.Unix() != 86400 {
		t.Errorf("without git: %+v, %v", b, err)
	}
	if _, err = released(t, files, git.Repository{}, map[string]string{"SOURCE_DATE_EPOCH": "yesterday"}); dev.AsError(err).Exit != dev.ExitUsage {
		t.Errorf("%v", err)
	}
	delete(files, "Dockerfile")
	files["compose.yaml"] = "services: {web: {image: registry.example/shop, command: streamlit run a.py}}\n"
	_, err = released(t, files, git.Repository{}, nil)
	if e := dev.AsError(err); e.Exit != dev.ExitProject || !strings.Contains(e.Hint, "--image registry.example/shop") {
		t.Errorf("an image of a registry: %+v", e)
	}
}

// Without compose file and Dockerfile, development mounts the source, and the image that ships contains it.
func TestReleaseBuild_OfAProjectWithoutFilesHoldsTheSource(t *testing.T) {
	files := map[string]string{"app.py": "import streamlit as st\n", "requirements.txt": "streamlit\n"}
	b, err := released(t, files, git.Repository{}, nil)
	if err != nil || !strings.Contains(b.Inline, "COPY . /app\n") || !strings.Contains(b.Inline, `CMD ["streamlit", "run", "app.py"]`) || !strings.Contains(string(b.Ignore), ".streamlit/secrets.toml\n") {
		t.Errorf("%s\nignored: %s\n%v", b.Inline, b.Ignore, err)
	}
	files[".dockerignore"] = "mine\n"
	if b, err = released(t, files, git.Repository{}, nil); err != nil || b.Ignore != nil {
		t.Errorf("in place of the user's own: %s, %v", b.Ignore, err)
	}
}
