package watch_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sdev/dev"
	"sdev/dev/devtest"
	"sdev/dev/watch"
)

func TestExplain_NamesTheRuleOrWhatTakesThePathOut(t *testing.T) {
	rules, err := watch.Compile([]dev.Rule{
		{Path: "src", Ignore: []string{"*.log", "!keep.log", "gen/"}, Action: dev.Sync, Origin: "sync", Context: ".", ContextIgnore: []string{"**/secret*"}},
		{Path: ".", Include: []string{"*.toml"}, Action: dev.Restart, Origin: "restart"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]struct{ origin, why string }{
		"src/app.py":         {"sync", ""},
		"src/keep.log":       {"sync", ""},
		"a.toml":             {"restart", ""},
		"src/x.log":          {"", `ignored by "*.log"`},
		"src/gen/y.py":       {"", `ignored by "gen/"`},
		"src/secret.py":      {"", `ignored by "**/secret*" in .dockerignore`},
		"src/.venv/z.py":     {"", ".venv is ignored unless a rule's path names it"},
		"src/app.py~":        {"", "editors use this name for temporary files"},
		"other.py":           {"", `not matched by include ["*.toml"]`},
		"not/there/yet.toml": {"", `not matched by include ["*.toml"]`},
	} {
		e := rules.Explain(path)
		why := ""
		if !e.Found {
			why = e.Passed[0].Why
		}
		if !e.Found && e.Passed[0].NotIncluded != strings.HasPrefix(want.why, "not matched by include") {
			t.Errorf("%s: not included is %v, though it is %s", path, e.Passed[0].NotIncluded, want.why)
		}
		if e.Rule.Origin != want.origin || why != want.why {
			t.Errorf("%s: by %q, %q, want %q, %q", path, e.Rule.Origin, why, want.origin, want.why)
		}
	}
	for dir, want := range map[string]bool{"src": true, "src/.venv": false, "src/gen": false, ".": true} {
		if got := rules.Explain(dir).Watched; got != want {
			t.Errorf("%s: watched %v", dir, got)
		}
	}
}

func TestNotices_AFileThatIsWrittenMeanwhile(t *testing.T) {
	dir := t.TempDir()
	ctx, stop := context.WithTimeout(t.Context(), devtest.Patience)
	defer stop()
	written := make(chan struct{})
	go func() {
		defer close(written)
		for ctx.Err() == nil {
			_ = os.WriteFile(filepath.Join(dir, "look"), []byte(time.Now().String()), 0o600) // seen or not is the question
		}
	}()
	ok, err := watch.Notices(ctx, dir, "look")
	stop()
	<-written
	if err != nil || !ok {
		t.Errorf("%v, %v", ok, err)
	}
	ctx, stop = context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	if ok, err := watch.Notices(ctx, dir, "look"); ok || err != nil {
		t.Errorf("a file that nobody writes: %v, %v", ok, err)
	}
	if ok, err := watch.Notices(ctx, filepath.Join(dir, "nowhere"), "look"); ok || err == nil {
		t.Errorf("a directory that is not there: %v, %v", ok, err)
	}
}
