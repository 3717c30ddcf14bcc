package update_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sdev/cmd/internal/update"
)

// index is an index that gives one answer.
func index(t *testing.T, status int, body string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body)) // the client may have left
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestNewest(t *testing.T) {
	got, err := update.Newest(t.Context(), index(t, http.StatusOK, `{"info":{"version":"1.4.0","yanked":false},"urls":[]}`))
	if err != nil || got != "1.4.0" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestNewest_SaysWhyThereIsNoAnswer(t *testing.T) {
	closed := httptest.NewServer(nil)
	closed.Close()
	for name, c := range map[string]struct{ index, want string }{
		"never published": {index(t, http.StatusNotFound, "no"), "has no release of sdev-streamlit"},
		"broken":          {index(t, http.StatusBadGateway, ""), "502 Bad Gateway"},
		"a sign-in page":  {index(t, http.StatusOK, "<html>"), "a sign-in page of the network"},
		"a strange one":   {index(t, http.StatusOK, `{"info":{"version":"newest\u001b[31m"}}`), "something else than a release"},
		"no network":      {closed.URL, "connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := update.Newest(t.Context(), c.index); err == nil || !strings.Contains(err.Error(), c.want) || got != "" {
				t.Errorf("%q, %v; want an error with %q", got, err, c.want)
			}
		})
	}
}

func TestNewer(t *testing.T) {
	for _, c := range []struct {
		release, version string
		want             bool
	}{
		{"1.4.0", "1.3.9", true}, {"1.10.0", "1.9.0", true}, {"1.4.0", "1.4.0", false}, {"1.4.0", "1.5.0", false},
		{"1.4.0", "1.4.0-rc.1", true}, {"1.4.0", "dev", true}, {"1.4.0", "0.0.1-dev.g4afefa4e1", true},
	} {
		if got := update.Newer(c.release, c.version); got != c.want {
			t.Errorf("%s newer than %s: %t", c.release, c.version, got)
		}
	}
	for version, want := range map[string]bool{"1.4.0": true, "1.4.0-rc.1": false, "dev": false, "4afefa4e": false} {
		if update.IsRelease(version) != want {
			t.Errorf("%s is a release: %t", version, !want)
		}
	}
}

func TestWanted_OnlyIfAskedForAndOutsideCI(t *testing.T) {
	for _, c := range []struct {
		env  map[string]string
		want bool
	}{
		{nil, false},
		{map[string]string{update.Variable: "1"}, true},
		{map[string]string{update.Variable: "0"}, false},
		{map[string]string{update.Variable: "1", "CI": "true"}, false},
	} {
		if got := update.Wanted(func(k string) string { return c.env[k] }); got != c.want {
			t.Errorf("%v: %t", c.env, got)
		}
	}
}

func TestDue_OnceADay(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "sdev")
	start := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		after time.Duration
		want  bool
	}{{0, true}, {time.Minute, false}, {23 * time.Hour, false}, {25 * time.Hour, true}, {26 * time.Hour, false}, {-time.Hour, true}} {
		if got := update.Due(dir, start.Add(c.after)); got != c.want {
			t.Errorf("after %s: %t", c.after, got)
		}
	}
}

func TestDue_NotWhereNothingCanBeWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if update.Due(file, time.Now()) {
		t.Error("a notice is due although nobody can remember it")
	}
}
