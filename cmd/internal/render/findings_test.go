package render_test

import (
	"strings"
	"testing"
	"time"

	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"

	"sdev/cmd/internal/render"
	"sdev/dev"
)

// found has a finding of each kind.
func found() []dev.Finding {
	return []dev.Finding{
		{ID: "secret.layer", Severity: dev.Blocks, Message: "an AWS access key id is in /app/key.txt", Where: "layer 1 (COPY . .)", Fix: "take it back", Docs: "https://docs.docker.com/build/building/secrets/"},
		{ID: "deps.lock", Severity: dev.Warns, Message: "versions are not locked", File: "requirements.txt", Fix: "lock them"},
		{ID: "bypass.optional", Severity: dev.Informs, Message: "the login can be left out", File: "app.py", Line: 3, Fix: "nothing"},
		{ID: "bypass.compose", Severity: dev.Blocks, Message: "LOCAL_STREAMLIT is set", File: "compose.yaml", Line: 5, Suppressed: &dev.Suppression{Reason: "nobody but us has it", Until: time.Date(2099, 1, 31, 0, 0, 0, 0, time.UTC), Origin: "compose.yaml:9"}},
	}
}

func TestFindings_AreAPageForAPerson(t *testing.T) {
	const want = `Blocks the hand-off:
  secret.layer  layer 1 (COPY . .)
    an AWS access key id is in
    /app/key.txt
    fix: take it back
    see: https://docs.docker.com/build/building/secrets/

Ships, but you should know:
  deps.lock  requirements.txt
    versions are not locked
    fix: lock them

Notes:
  bypass.optional  app.py:3
    the login can be left out
    fix: nothing

Suppressed:
  bypass.compose  compose.yaml:5
    LOCAL_STREAMLIT is set
    reason: nobody but us has it
            (until 2099-01-31,
            compose.yaml:9)

90 rules: 1 blocks, 1 warning, 1 note, 1 suppressed
`
	if got := string(render.Findings(found(), 90, 36)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := string(render.Findings(nil, 90, 80)); got != "90 rules: nothing blocks\n" {
		t.Errorf("of none: %s", got)
	}
	if got := string(render.Findings(append(found()[:1:1], found()[0]), 1, 80)); !strings.HasSuffix(got, "\n1 rule: 2 block\n") {
		t.Errorf("of two: %s", got)
	}
}

func TestSARIF_NamesRulesPlacesAndSuppressions(t *testing.T) {
	rules := []render.Rule{{ID: "secret.layer", Severity: dev.Blocks, About: "a credential is in a layer", Fix: "take it back", Docs: "https://example.com"}, {ID: "bypass.compose", Severity: dev.Blocks, About: "the bypass is set", Fix: "leave it out"}}
	text, err := render.SARIF("1.2.3", rules, found())
	if err != nil {
		t.Fatal(err)
	}
	r, err := sarif.FromBytes(text)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Validate(); err != nil {
		t.Error(err)
	}
	run := r.Runs[0]
	if len(run.Results) != 4 || len(run.Tool.Driver.Rules) != 4 || *run.Tool.Driver.Version != "1.2.3" {
		t.Fatalf("%s", text)
	}
	for i, want := range []string{"error", "warning", "note", "error"} {
		if got := run.Results[i]; got.Level != want || (len(got.Suppressions) > 0) != (i == 3) || *run.Tool.Driver.Rules[got.RuleIndex].ID != *got.RuleID {
			t.Errorf("%+v, want %s", got, want)
		}
	}
	if !render.IsSARIF(text) || render.IsSARIF([]byte(`{"version": "2.1.0"}`)) || render.IsSARIF([]byte("x = 1\n")) {
		t.Error("a report is not told from other files")
	}
}
