package release

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/destination"
	"sdev/dev/detect"
	"sdev/dev/devtest"
	"sdev/dev/handoff"
	"sdev/dev/plan"
	"sdev/dev/tunnel"
)

// rig is a project, and a releaser whose container engine is a fake.
type rig struct {
	*Releaser
	t      *testing.T
	dir    string
	cache  string
	engine *fakeEngine
	env    map[string]string
}

// newRig makes a project of a sound app and these files.
func newRig(t *testing.T, more map[string]string) *rig {
	t.Helper()
	files := map[string]string{
		"compose.yaml":     "name: shop\nservices:\n  streamlit:\n    build: .\n    ports: [\"127.0.0.1:8501:8501\"]\n    environment: {MODE: prod}\n",
		"Dockerfile":       "FROM python:3.11-slim\nWORKDIR /app\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\nCOPY app.py .\nUSER 10001\nHEALTHCHECK CMD python -c 0\nCMD [\"streamlit\", \"run\", \"app.py\"]\n",
		"app.py":           "import streamlit as st\nst.write(1)\n",
		"requirements.txt": "streamlit==1.58.0\n",
	}
	for name, content := range more {
		if files[name] = content; content == "" {
			delete(files, name)
		}
	}
	return rigIn(t, devtest.Project(t, files))
}

// rigIn is newRig in an existing directory.
func rigIn(t *testing.T, dir string) *rig {
	t.Helper()
	r := &rig{t: t, dir: dir, cache: t.TempDir(), engine: &fakeEngine{images: map[string]Image{}}, env: map[string]string{}}
	r.Releaser = &Releaser{Dir: dir, Guard: destination.NewGuard(t.TempDir()), Env: []string{"PATH=" + os.Getenv("PATH")}, Getenv: func(name string) string { return r.env[name] },
		Now: func() time.Time { return time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC) }, Version: "1.2.3",
		Templates: fstest.MapFS{"test/values.json.tmpl": {Data: []byte("{\"region\": <% .V.region %>, \"size\": <% .V.size %>}\n")}}, TemplatesVersion: "2026.1.0",
		CacheDir: func() (string, error) { return r.cache, nil }, OpenEngine: r.engine.open, Emit: func(e dev.Event) { r.engine.events = append(r.engine.events, e) }}
	return r
}

// target is a target with a region, which no fact has, and a size.
func target() handoff.Target {
	return handoff.Target{Name: "test", About: "a platform", NeedsImage: true, Params: []handoff.Param{
		{Name: "region", About: "where it runs", Placeholder: "REPLACE-REGION"},
		{Name: "size", About: "how large it is", Default: "small", Choices: []string{"small", "large"}, FromFacts: func(f handoff.Facts) (handoff.Value, bool) {
			return handoff.Value{Text: "large", Source: "the project's name"}, f.Name == "large-shop"
		}},
	}}
}

// load reads the project as the command line does.
func (r *rig) load() (*config.Project, *detect.Findings) {
	r.t.Helper()
	found, err := detect.Dir(r.dir)
	if err != nil {
		r.t.Fatal(err)
	}
	c, err := config.Load(r.t.Context(), config.Options{Dir: r.dir, Env: r.Env, Assume: func(string) (*config.Assumption, error) {
		recipe, _ := found.Recipe()
		entry, _ := found.Entry()
		return &config.Assumption{Service: "streamlit", Entry: entry.Path, Context: recipe.Context, Dockerfile: recipe.Dockerfile, Inline: recipe.Text, Workdir: recipe.Workdir, Command: recipe.Command}, nil
	}})
	if err != nil {
		r.t.Fatal(err)
	}
	return c, found
}

// project gathers the facts of the project.
func (r *rig) project() *Project {
	r.t.Helper()
	c, found := r.load()
	p, err := r.Gather(r.t.Context(), c, found)
	if err != nil {
		r.t.Fatal(err)
	}
	return p
}

// prepare prepares a hand-off to the target.
func (r *rig) prepare(o Options) (*Release, error) {
	r.t.Helper()
	if o.Target.Name == "" {
		o.Target = target()
	}
	out, err := r.project().Prepare(r.t.Context(), o)
	if err == nil {
		r.t.Cleanup(out.Close)
	}
	return out, err
}

// prepared is prepare without an error.
func (r *rig) prepared(o Options) *Release {
	r.t.Helper()
	out, err := r.prepare(o)
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

// write prepares a hand-off and writes it.
func (r *rig) write(o Options) *Release {
	r.t.Helper()
	out := r.prepared(o)
	if err := out.Write(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	return out
}

// commit commits all files to a repository.
func (r *rig) commit() {
	r.t.Helper()
	for _, args := range [][]string{{"init", "-q", "-b", "main"}, {"add", "-A"}, {"-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-q", "-m", "all"}} {
		cmd := exec.CommandContext(r.t.Context(), "git", args...)
		cmd.Dir = r.dir
		if out, err := cmd.CombinedOutput(); err != nil {
			r.t.Fatalf("git %s: %v\n%s", args[0], err, out)
		}
	}
}

// read returns a file of the project; "" if it does not exist.
func (r *rig) read(name string) string {
	b, err := os.ReadFile(filepath.Join(r.dir, name))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		r.t.Fatal(err)
	}
	return string(b)
}

// ids are the IDs of findings.
func ids(found []dev.Finding) string {
	var out []string
	for _, f := range found {
		out = append(out, f.ID)
	}
	return strings.Join(out, " ")
}

// finding returns the first finding with an ID.
func finding(t *testing.T, found []dev.Finding, id string) dev.Finding {
	t.Helper()
	i := slices.IndexFunc(found, func(f dev.Finding) bool { return f.ID == id })
	if i < 0 {
		t.Fatalf("no %s among %q", id, ids(found))
	}
	return found[i]
}

// fakeEngine is an engine with some images. Every image that it starts is an app of the test.
type fakeEngine struct {
	images map[string]Image
	saved  []byte // the archive of every image
	app    string // address at which the app of a container listens; "" is a container that has ended
	refuse error  // why an image cannot be started
	fault  error  // why nothing can be built

	opened, closed   int
	started, removed int
	unreachable      error
	builds           []plan.Build
	tests            []SmokeTest
	events           []dev.Event
}

func (e *fakeEngine) open(context.Context) (Engine, error) {
	if e.unreachable != nil {
		return nil, e.unreachable
	}
	e.opened++
	return e, nil
}

func (e *fakeEngine) Close() error {
	e.closed++
	return nil
}

func (e *fakeEngine) Inspect(_ context.Context, ref string) (Image, error) {
	i, ok := e.images[ref]
	if !ok {
		return Image{}, &dev.Error{Code: dev.CodeImageMissing, Exit: dev.ExitFailed, Message: "image " + ref + " is not on the container engine"}
	}
	return i, nil
}

func (e *fakeEngine) Build(_ context.Context, b plan.Build, emit func(dev.Event)) (string, error) {
	e.builds = append(e.builds, b)
	if e.fault != nil {
		return "", e.fault
	}
	emit(dev.BuildDone{Service: b.Service, Image: b.Tag})
	e.images[b.Tag] = Image{ID: "sha256:built", Platform: b.Platform, Labels: b.Labels}
	return "sha256:built", nil
}

func (e *fakeEngine) Save(_ context.Context, ref string) (io.ReadCloser, error) {
	if _, err := e.Inspect(context.Background(), ref); err != nil {
		return nil, err
	}
	return io.NopCloser(strings.NewReader(string(e.saved))), nil
}

func (e *fakeEngine) Start(_ context.Context, t SmokeTest) (Container, error) {
	e.tests = append(e.tests, t)
	if e.refuse != nil {
		return nil, e.refuse
	}
	e.started++
	return &fakeContainer{engine: e}, nil
}

// fakeContainer connects to the app's own address.
type fakeContainer struct {
	engine *fakeEngine
	ends   sync.WaitGroup
}

func (c *fakeContainer) User() string { return "10001" }

func (c *fakeContainer) Reach(ctx context.Context) (io.ReadWriteCloser, error) {
	if c.engine.app == "" {
		return nil, net.ErrClosed
	}
	near, far := net.Pipe()
	c.ends.Go(func() { _ = tunnel.Serve(ctx, far, strings.TrimPrefix(c.engine.app, "http://")) }) // the transport ends it
	return near, nil
}

func (c *fakeContainer) Ended(context.Context) (bool, int, error) { return c.engine.app == "", 3, nil }

func (c *fakeContainer) Output(context.Context, int) []string { return []string{"printed last"} }

func (c *fakeContainer) Remove(context.Context) error {
	c.ends.Wait()
	c.engine.removed++
	return nil
}
