package release

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"sdev/dev"
	"sdev/dev/devtest"
	"sdev/dev/handoff"
)

// frames are recorded messages of Streamlit: of a page, and of one that raises an exception.
var (
	aPage       = []string{"new-session", "heading", "finished"}
	anException = []string{"new-session", "heading", "exception", "finished"}
	noEnd       = []string{"new-session", "heading"}
)

// serve runs an app that answers below a path as Streamlit does, and returns its address.
func serve(t *testing.T, base string, frames []string) string {
	t.Helper()
	var files []string
	for _, name := range frames {
		files = append(files, "../streamlit/testdata/158-"+name+".bin")
	}
	return devtest.ServeStreamlit(t, base, nil, files...)
}

// proven starts an image of the fake once, and returns the result. The time limits apply only if a test lowers them.
func proven(t *testing.T, e *fakeEngine, lower func(*prover)) (*handoff.Proof, []dev.Finding) {
	t.Helper()
	p := prover{engine: e, project: "shop", app: handoff.App{Port: 8501, BasePath: "shop"}, healthLimit: devtest.Patience, runLimit: devtest.Patience}
	if lower != nil {
		lower(&p)
	}
	proof, findings, err := p.prove(t.Context(), "shop:1")
	if err != nil {
		t.Fatal(err)
	}
	if e.removed != e.started {
		t.Errorf("%d containers started, %d removed", e.started, e.removed)
	}
	return proof, findings
}

func shopImage() map[string]Image {
	return map[string]Image{"shop:1": {ID: "sha256:1", Platform: "linux/amd64"}}
}

func TestProve_AnAppThatServesItsPage(t *testing.T) {
	devtest.Leaks(t)
	e := &fakeEngine{images: shopImage(), app: serve(t, "/shop", aPage)}
	proof, findings := proven(t, e, nil)
	if len(findings) > 0 || !proof.Page || !proof.ReadOnly || proof.User != "10001" {
		t.Errorf("%+v, %+v", proof, findings)
	}
	if got := e.tests[0]; got.Image != "shop:1" || got.Project != "shop" || got.Port != 8501 || !slices.Equal(got.Scratch, []string{"/tmp"}) {
		t.Errorf("started as %+v", got)
	}
}

func TestProve_AnAppOfAnOldStreamlit(t *testing.T) {
	devtest.Leaks(t)
	e := &fakeEngine{images: shopImage(), app: devtest.ServeOldStreamlit(t, serve(t, "/shop", aPage))}
	if proof, findings := proven(t, e, nil); len(findings) > 0 || !proof.Page {
		t.Errorf("%+v, %+v", proof, findings)
	}
}

func TestProve_WhatIsWrongWithAnImageIsAFinding(t *testing.T) {
	bare := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/shop/_stcore/health" {
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(bare.Close)
	for name, c := range map[string]struct {
		app   string // "" has ended
		lower func(*prover)
		id    string
		text  string
	}{
		"a page that raises":        {serve(t, "/shop", anException), nil, "proof.raised", "ZeroDivisionError"},
		"a script without an end":   {serve(t, "/shop", noEnd), func(p *prover) { p.runLimit = 100 * time.Millisecond }, "proof.run", "it was still running after"},
		"a health check alone":      {bare.URL, nil, "proof.page", "it serves no page: the answer is 404, text/plain"},
		"a process that ends":       {"", nil, "proof.page", "it ended with exit code 3 before it served a page: printed last"},
		"an app that never answers": {"http://127.0.0.1:1", func(p *prover) { p.healthLimit = 200 * time.Millisecond }, "proof.page", "/shop/_stcore/health on port 8501 did not answer"},
		"an app at another path":    {serve(t, "", aPage), func(p *prover) { p.healthLimit = 200 * time.Millisecond }, "proof.page", "did not answer"},
	} {
		t.Run(name, func(t *testing.T) {
			devtest.Leaks(t)
			_, findings := proven(t, &fakeEngine{images: shopImage(), app: c.app}, c.lower)
			if ids(findings) != c.id || !strings.Contains(findings[0].Message, c.text) {
				t.Errorf("%+v, want %s: %s", findings, c.id, c.text)
			}
		})
	}
}

func TestProve_AnImageThatCannotStart(t *testing.T) {
	e := &fakeEngine{images: shopImage(), refuse: &StartError{"exec: \"streamlit\": not found"}}
	proof, findings := proven(t, e, nil)
	if proof.Page || ids(findings) != "proof.page" || !strings.Contains(findings[0].Message, "exit code 127 before it served a page: exec: \"streamlit\": not found") {
		t.Errorf("%+v, %+v", proof, findings)
	}
	foreign := shopImage()
	foreign["shop:1"] = Image{ID: "sha256:1", Platform: "linux/s390x", NeedsEmulation: true}
	e = &fakeEngine{images: foreign}
	if proof, findings = proven(t, e, nil); proof.Page || ids(findings) != "proof.untried" || len(e.tests) > 0 {
		t.Errorf("for another machine: %+v, %+v", proof, findings)
	}
}

// An error of the engine is an error, and says nothing about the image.
func TestProve_EndsWithTheEngine(t *testing.T) {
	p := prover{engine: &fakeEngine{images: shopImage(), refuse: errors.New("no space left")}, healthLimit: devtest.Patience, runLimit: devtest.Patience}
	if _, _, err := p.prove(t.Context(), "shop:1"); err == nil || err.Error() != "no space left" {
		t.Errorf("an engine that fails: %v", err)
	}
	if _, _, err := p.prove(t.Context(), "shop:2"); dev.AsError(err).Code != dev.CodeImageMissing {
		t.Errorf("an image that is not there: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	e := &fakeEngine{images: shopImage(), app: serve(t, "", aPage)}
	p.engine = e
	if _, _, err := p.prove(ctx, "shop:1"); !errors.Is(err, context.Canceled) || e.removed != 1 {
		t.Errorf("interrupted: %v, %d removed", err, e.removed)
	}
}

func TestInnermost_IsALineOfTheApp(t *testing.T) {
	stack := []string{`File "/app/Home.py", line 3, in <module>`, `File "/app/lib/x.py", line 12, in load`, `File "/usr/lib/python3.11/site-packages/pandas/io.py", line 9, in read`}
	if got := innermost(stack); got != "/app/lib/x.py:12" {
		t.Errorf("%q", got)
	}
	if got := innermost(stack[2:]); got != "" {
		t.Errorf("of a library alone: %q", got)
	}
}
