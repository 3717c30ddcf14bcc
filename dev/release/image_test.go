package release

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"sdev/dev"
	"sdev/dev/handoff"
)

// archiveOf is an image as "docker save" writes it.
func archiveOf(t *testing.T, env ...string) []byte {
	t.Helper()
	img, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{OS: "linux", Architecture: "amd64", Config: v1.Config{User: "10001", Env: env, Cmd: []string{"streamlit", "run", "app.py"},
		Healthcheck: &v1.HealthConfig{Test: []string{"CMD", "x"}}, Labels: map[string]string{labelRevision: "0a0a6359a389609003015518feb4ce3578eb87aa"}}})
	if err != nil {
		t.Fatal(err)
	}
	tag, err := name.NewTag("shop:1")
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := tarball.Write(tag, img, &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestImage_OfTheEngineIsStartedOnceAndChecked(t *testing.T) {
	r := newRig(t, nil)
	r.engine.images, r.engine.app, r.engine.saved = shopImage(), serve(t, "", aPage), archiveOf(t, "LOCAL_STREAMLIT=1")
	out := r.prepared(Options{Image: "shop:1"})
	i := out.Record.Image
	if i == nil || i.ID != "sha256:1" || i.Ref != "shop:1" || i.Proof == nil || !i.Proof.Page {
		t.Errorf("handed over: %+v", i)
	}
	if got := finding(t, out.Findings, "bypass.image"); got.Severity != dev.Blocks {
		t.Errorf("%+v", got)
	}
	if test := r.engine.tests[0]; test.Env["MODE"] != "prod" || test.Command != nil {
		t.Errorf("started as %+v", test)
	}
	if left, err := filepath.Glob(r.cache + "/*"); err != nil || len(left) > 0 || r.engine.opened != 2 || r.engine.closed != 2 {
		t.Errorf("left in the cache: %q, %v; the engine was opened %d times and closed %d times", left, err, r.engine.opened, r.engine.closed)
	}
}

// A check starts nothing, even if no proof exists.
func TestImage_IsNotStartedByACheck(t *testing.T) {
	r := newRig(t, nil)
	r.engine.images, r.engine.saved = shopImage(), archiveOf(t)
	if out := r.prepared(Options{Image: "shop:1", Check: true}); len(r.engine.tests) > 0 || out.Record.Image.Proof != nil {
		t.Errorf("%+v", out.Record.Image)
	}
}

func TestImage_IsBuiltForItsPlatformAndProven(t *testing.T) {
	r := newRig(t, nil)
	r.commit()
	r.engine.app, r.engine.saved = serve(t, "", anException), archiveOf(t)
	out := r.prepared(Options{Build: true})
	commit := out.Record.Commit
	if b := r.engine.builds[0]; b.Platform != "linux/amd64" || b.Tag != "shop-release:"+commit[:12] || b.Labels[labelRevision] != commit || !b.Ships {
		t.Errorf("built: %+v", b)
	}
	if i := out.Record.Image; i.Ref != "shop-release:"+commit[:12] || i.Revision != commit || i.Platform != "linux/amd64" || i.Proof == nil {
		t.Errorf("handed over: %+v", i)
	}
	if len(r.engine.events) != 1 {
		t.Errorf("told of the build: %+v", r.engine.events)
	}
	finding(t, out.Findings, "proof.raised")
	if strings.Contains(ids(out.Findings), "ship.image") {
		t.Errorf("the image that was just built is reported as old: %+v", out.Findings)
	}
}

func TestImage_ThatIsNotBuiltIsNotStarted(t *testing.T) {
	r := newRig(t, nil)
	r.engine.fault = errors.New("step 3 failed")
	if _, err := r.prepare(Options{Build: true}); !errors.Is(err, r.engine.fault) || len(r.engine.tests) > 0 || r.engine.closed != 1 {
		t.Errorf("%v, %d started, closed %d times", err, len(r.engine.tests), r.engine.closed)
	}
	r = newRig(t, map[string]string{"compose.yaml": "services: {streamlit: {image: registry.example/shop, command: streamlit run app.py}}\n"})
	if _, err := r.prepare(Options{Build: true}); dev.AsError(err).Exit != dev.ExitProject || len(r.engine.builds) > 0 {
		t.Errorf("a service without a build section: %v", err)
	}
}

func TestImage_OfAnArchiveNeedsNoEngine(t *testing.T) {
	r := newRig(t, nil)
	r.commit()
	r.engine.unreachable = errors.New("no engine here")
	if err := os.WriteFile(filepath.Join(r.dir, "shop.tar"), archiveOf(t), 0o600); err != nil {
		t.Fatal(err)
	}
	out := r.prepared(Options{Image: "shop.tar"})
	if i := out.Record.Image; i.Ref != "shop.tar" || !strings.HasPrefix(i.ID, "sha256:") || i.Platform != "linux/amd64" || !strings.HasPrefix(i.Revision, "0a0a6359a389") || i.Digest != "" {
		t.Errorf("handed over: %+v", i)
	}
	if f := finding(t, out.Findings, "ship.image"); !strings.Contains(f.Message, "was built from commit 0a0a6359a389, but this is commit ") || f.Fix != "rebuild it: sdev deploy test --build" {
		t.Errorf("%+v", f)
	}
}

func TestImage_ThatIsNotThereIsAnError(t *testing.T) {
	r := newRig(t, nil)
	if _, err := r.prepare(Options{Image: "shop:1"}); dev.AsError(err).Code != dev.CodeImageMissing || r.engine.closed != 1 {
		t.Errorf("on the engine: %v, closed %d times", err, r.engine.closed)
	}
	if _, err := r.prepare(Options{Image: "shop.tar"}); err == nil || !strings.HasPrefix(err.Error(), "there is no file ") {
		t.Errorf("as a file: %v", err)
	}
	r.engine.unreachable = &dev.Error{Code: dev.CodeEngine, Exit: dev.ExitEngine, Message: "no engine here"}
	for _, o := range []Options{{Image: "shop:1"}, {Build: true}} {
		if _, err := r.prepare(o); dev.AsError(err).Exit != dev.ExitEngine {
			t.Errorf("%+v without an engine: %v", o, err)
		}
	}
	if out := r.prepared(Options{}); out.Record.Image != nil {
		t.Errorf("where none is named: %+v", out.Record.Image)
	}
}

// The image of the last hand-off stays, with its proof, until the options name another one.
func TestImage_OfTheLastHandOffStays(t *testing.T) {
	r := newRig(t, nil)
	r.engine.images, r.engine.app, r.engine.saved = shopImage(), serve(t, "", aPage), archiveOf(t)
	first := r.write(Options{Image: "shop:1"}).Record
	r.engine.unreachable = errors.New("no engine here")
	if again := r.write(Options{}); again.Written || again.Record.Image.Proof == nil || again.Record.Image.ID != "sha256:1" || !again.Record.Time.Equal(first.Time) {
		t.Errorf("%+v, written %v", again.Record.Image, again.Written)
	}
	r.engine.unreachable, r.engine.app = nil, ""
	r.write(Options{Image: "shop:1"}) // this time it ends before it serves a page
	if out := r.prepared(Options{}); finding(t, out.Findings, "proof.page").Message != "it served no page when an earlier hand-off started it" {
		t.Errorf("%+v", out.Findings)
	}
}

func TestSpool_SweepsWhatAKilledRunLeft(t *testing.T) {
	r := newRig(t, nil)
	old, young, other := filepath.Join(r.cache, "image-1.tar"), filepath.Join(r.cache, "image-2.tar"), filepath.Join(r.cache, "gateway.json")
	for file, age := range map[string]time.Duration{old: 25 * time.Hour, young: time.Hour, other: 25 * time.Hour} {
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, time.Time{}, r.Now().Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	file, err := r.spool(strings.NewReader("an archive"))
	if err != nil {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(r.cache + "/*"); err != nil || len(left) != 3 || strings.Contains(strings.Join(left, " "), old) {
		t.Errorf("left: %q, %v", left, err)
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != "an archive" {
		t.Errorf("%q, %v", b, err)
	}
	r.cache = file // in which no directory can be created
	if _, err := r.save(t.Context(), "shop:1"); dev.AsError(err).Code != dev.CodeImageMissing {
		t.Errorf("%v", err)
	}
	r.engine.images = shopImage()
	if _, err := r.save(t.Context(), "shop:1"); dev.AsError(err).Code != dev.CodeImageInvalid || !strings.Contains(dev.AsError(err).Hint, "XDG_CACHE_HOME") {
		t.Errorf("%v", err)
	}
}

func TestPlatform_IsTheTargetsThenTheServices(t *testing.T) {
	r := newRig(t, map[string]string{"compose.yaml": "name: shop\nservices: {streamlit: {build: ., platform: linux/arm64}}\n"})
	out := r.prepared(Options{})
	if got := out.platform(); got != "linux/arm64" {
		t.Errorf("of the service: %q", got)
	}
	ecs, err := handoff.Find(handoff.Targets(), "ecs")
	if err != nil {
		t.Fatal(err)
	}
	out.options.Target = ecs
	out.values["architecture"] = handoff.Value{Text: "X86_64"}
	if got := out.platform(); got != "linux/amd64" {
		t.Errorf("of the target: %q", got)
	}
}
