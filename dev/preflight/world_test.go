package preflight_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"sdev/dev"
	"sdev/dev/preflight"
)

// Credentials that open nothing. They are concatenated, so that no scanner finds them in this repository.
var (
	awsKey     = "AKIA" + "QYLPMN5HHHFPZAM2"
	awsSecret  = "aws_secret_access_key = " + "4Hy8rZ0pLq2" + "WmTn6VbXc1JdKs9GfEaUoRiB3Y5Q7"
	githubKey  = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
	privateKey = "-----BEGIN " + "RSA PRIVATE KEY-----\n" + strings.Repeat("MIIEpAIBAAKCAQEA7bq3X9sQ2vLkT8wN5yRfGhJcZdPoUiYe4xWm0VtSaKlB6n\n", 4) + "-----END RSA PRIVATE KEY-----\n"
)

// subject is a preflight.Subject that a test can change.
type subject struct {
	preflight.Subject
	files   fstest.MapFS
	config  v1.ConfigFile
	layers  []testLayer
	blobs   []testBlob
	noImage bool
}

type testLayer struct {
	step  string
	files []testFile
}

type testFile struct {
	name, body string
	mode       int64
	uid, gid   int
}

const compose = `services:
  app:
    build: .
    command: streamlit run app.py
    ports: ["8501:8501"]
    environment:
      COLOUR: blue
      MODE: plain
`

// sound is a project, an image, a bundle and a repository without findings.
func sound() *subject {
	s := &subject{files: fstest.MapFS{}}
	for name, body := range map[string]string{
		"app.py":                   "import streamlit as st\nst.title('Shop')\n",
		"requirements.txt":         "streamlit==1.60.0 --hash=sha256:" + strings.Repeat("ab12", 16) + "\n",
		"Dockerfile":               "FROM python:3.12-slim\nCOPY app.py ./\nCMD [\"streamlit\", \"run\", \"app.py\"]\n",
		"compose.yaml":             compose,
		".dockerignore":            "*\n!app.py\n!requirements.txt\n",
		".streamlit/config.toml":   "[server]\nheadless = true\n",
		".github/workflows/ci.yml": "on: push\njobs:\n  test:\n    runs-on: ubuntu-latest\n    env:\n      LOCAL_STREAMLIT: 1\n    steps:\n      - run: pytest\n",
	} {
		s.file(name, body)
	}
	s.Now = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	s.Hosting.OwnHost = true
	s.Target, s.Platform, s.Service, s.ComposeFiles = "ecs", "linux/amd64", "app", []string{"compose.yaml"}
	s.App = preflight.App{Entry: "app.py", Port: 8501, Streamlit: preflight.Setting{Value: "1.60.0", File: "requirements.txt", Line: 1}, Python: preflight.Setting{Value: "3.12", File: "Dockerfile", Line: 1},
		Copies: []preflight.Copy{{From: "app.py", File: "Dockerfile", Line: 2}}}
	app := types.ServiceConfig{Name: "app"}
	app.Command, app.Environment = types.ShellCommand{"streamlit", "run", "app.py"}, types.MappingWithEquals{}
	s.Compose = &types.Project{Services: types.Services{"app": app}}
	s.env("COLOUR", "blue")
	s.Repository = preflight.Repository{Found: true, Branch: "main", Commit: strings.Repeat("1a2b", 10), Tracked: []string{"app.py", "compose.yaml"}}
	s.History = s
	s.bundle("deploy/ecs/task-definition.json", `{"containerDefinitions": [{"environment": [{"name": "STREAMLIT_SERVER_ALLOWED_HOSTS", "value": "[\"shop.example.com\"]"}], "secrets": [{"name": "CLIENT", "valueFrom": "arn:aws:ssm:eu-west-1:123456789012:parameter/streamlit/oauth"}]}]}`+"\n")
	s.bundle("deploy/ecs/infrastructure.yml", "  idle_timeout.timeout_seconds: \"120\"\n  HealthCheckPath: \"/_stcore/health\"\n  HealthCheckGracePeriodSeconds: 60\n  DesiredCount: 2\n  - {Key: stickiness.enabled, Value: \"true\"}\n")
	s.bundle("deploy/ecs/README.md", "Without LOCAL_STREAMLIT=1, which is for http://localhost:8501 alone.\n")
	s.config = v1.ConfigFile{OS: "linux", Architecture: "amd64", Config: v1.Config{User: "app", WorkingDir: "/app", Cmd: []string{"streamlit", "run", "app.py"}, Env: []string{"PATH=/usr/bin", "GPG_KEY=A035C8C19219BA821ECEA86B64E628F8D684696D", "PYTHON_VERSION=3.12.1"},
		ExposedPorts: map[string]struct{}{"8501/tcp": {}}, Healthcheck: &v1.HealthConfig{Test: []string{"CMD", "python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8501/_stcore/health')"}}}}
	s.layer("ADD rootfs / # buildkit", testFile{name: "etc/passwd", body: "root:x:0:0::/root:/bin/sh\napp:x:10001:10001::/home/app:/bin/sh\n"},
		testFile{name: "usr/local/lib/python3.12/site-packages/streamlit-1.60.0.dist-info/METADATA", body: "Name: streamlit\n"},
		testFile{name: "usr/local/lib/python3.12/site-packages/lib/tests/key.pem", body: privateKey})
	s.layer("RUN /bin/sh -c pip install -r requirements.txt # buildkit", testFile{name: "usr/share/doc/x.txt", body: "key = AKIAIOSFODNN7EXAMPLE\n"})
	s.layer("COPY app.py ./ # buildkit", testFile{name: "app/app.py", body: "import os\nlocal = os.environ.get(\"LOCAL_STREAMLIT\") == \"1\"\n"})
	return s
}

func (s *subject) file(name, body string) {
	s.files[name] = &fstest.MapFile{Data: []byte(body), Mode: 0o644}
}

func (s *subject) bundle(name, body string) {
	s.Bundle = append(s.Bundle, preflight.File{Path: name, Data: []byte(body)})
}

// env sets a variable of the service that ships, in the model and in the file.
func (s *subject) env(name, value string) {
	s.Compose.Services["app"].Environment[name] = &value
	s.file("compose.yaml", strings.Replace(string(s.files["compose.yaml"].Data), "MODE: plain\n", "MODE: plain\n      "+name+": "+`"`+value+`"`+"\n", 1))
}

func (s *subject) imageEnv(pair string) { s.config.Config.Env = append(s.config.Config.Env, pair) }

func (s *subject) layer(step string, files ...testFile) {
	s.layers = append(s.layers, testLayer{step, files})
}

// inImage adds a layer with one file.
func (s *subject) inImage(name, body string) {
	s.layer("COPY . . # buildkit", testFile{name: name, body: body})
}

// testBlob is a version of a file.
type testBlob struct{ path, body string }

func (s *subject) Blobs(_ context.Context, visit func(id, path string, content io.Reader) error) error {
	for _, b := range s.blobs {
		if b.body == "" {
			return errors.New("the repository is damaged")
		}
		if err := visit("id-"+b.path, b.path, strings.NewReader(b.body)); err != nil {
			return err
		}
	}
	return nil
}

func (s *subject) CommitOf(context.Context, string) string { return "1a2b3c4" }

func (s *subject) run(t *testing.T) []dev.Finding {
	t.Helper()
	s.Project = s.files
	if !s.noImage {
		s.Image = imageOf(t, s.config, s.layers)
	}
	found, err := preflight.Run(t.Context(), s.Subject)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// imageOf builds an image in memory.
func imageOf(t *testing.T, config v1.ConfigFile, layers []testLayer) v1.Image {
	t.Helper()
	img, err := mutate.ConfigFile(empty.Image, &config)
	if err != nil {
		t.Fatal(err)
	}
	var adds []mutate.Addendum
	for _, l := range layers {
		packed := tarOf(t, l.files)
		layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(packed)), nil })
		if err != nil {
			t.Fatal(err)
		}
		adds = append(adds, mutate.Addendum{Layer: layer, History: v1.History{CreatedBy: l.step}})
	}
	if img, err = mutate.Append(img, adds...); err != nil {
		t.Fatal(err)
	}
	return img
}

func tarOf(t *testing.T, files []testFile) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		h := &tar.Header{Name: f.name, Typeflag: tar.TypeReg, Size: int64(len(f.body)), Mode: f.mode, Uid: f.uid, Gid: f.gid}
		if h.Mode == 0 {
			h.Mode = 0o644
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, f.body); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func idsOf(found []dev.Finding) []string {
	set := map[string]bool{}
	for _, f := range found {
		set[f.ID] = true
	}
	return slices.Sorted(maps.Keys(set))
}
