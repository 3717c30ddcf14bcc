package docker

import (
	"errors"
	"strings"
	"testing"

	bk "github.com/moby/buildkit/client"
	"github.com/opencontainers/go-digest"

	"sdev/dev"
)

// TestProgress_NamesTheStepThatTheErrorIsOf has two steps that fail at the same time, in both orders.
func TestProgress_NamesTheStepThatTheErrorIsOf(t *testing.T) {
	steps := []*bk.Vertex{
		{Digest: digest.FromString("a"), Name: "[3/6] COPY list.txt .", Error: `"/list.txt" not found: not found`},
		{Digest: digest.FromString("b"), Name: "[4/6] COPY secrets.toml .", Error: `"/secrets.toml" not found: not found`},
	}
	for text, want := range map[string]string{
		`failed to solve: failed to compute cache key: "/list.txt" not found: not found`:                                     "COPY list.txt .: list.txt is not in the build context",
		`failed to compute cache key: "/secrets.toml" not found: not found`:                                                  "COPY secrets.toml .: secrets.toml is not in the build context",
		`failed to solve: failed to compute cache key: failed to calculate checksum of ref x::y: "/secrets.toml": not found`: "COPY secrets.toml .: secrets.toml is not in the build context",
	} {
		p := newProgress("web", strings.NewReplacer(), func(dev.Event) {})
		p.update(&bk.SolveStatus{Vertexes: steps})
		err := errors.New(text)
		name, tail := p.failure(err)
		r := &recipe{}
		r.Service = "web"
		failed, _ := errors.AsType[*dev.Error](r.failed(err, name, tail))
		if failed == nil || !strings.HasSuffix(failed.Message, want) || !strings.Contains(failed.Hint, ".dockerignore") {
			t.Errorf("%s\ngot  %v\nwant %s", text, failed, want)
		}
	}
}

// TestStep_NamesItsStage wants the stage without the spaces that BuildKit aligns its numbers with.
func TestStep_NamesItsStage(t *testing.T) {
	for name, want := range map[string]string{
		"[2/6] RUN mkdir /a":            "RUN mkdir /a",
		"[build  4/19] RUN mkdir /a":    "build: RUN mkdir /a",
		"[build 14/19] RUN mkdir /a":    "build: RUN mkdir /a",
		"[internal] load build context": "[internal] load build context",
	} {
		if got := (&step{name: name}).text(); got != want {
			t.Errorf("%q becomes %q, want %q", name, got, want)
		}
	}
}
