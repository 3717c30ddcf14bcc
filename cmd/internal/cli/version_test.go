package cli

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"sdev/cmd/internal/console"
	"sdev/dev"
)

// releases is an index whose newest release is 1.4.0. asked counts the questions.
func releases(t *testing.T) (index string, asked *atomic.Int32) {
	t.Helper()
	asked = new(atomic.Int32)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		_, _ = w.Write([]byte(`{"info":{"version":"1.4.0"}}`)) // the client may have left
	}))
	t.Cleanup(s.Close)
	return s.URL, asked
}

func TestVersion_ChecksForANewerRelease(t *testing.T) {
	for version, want := range map[string]string{
		"1.3.9": "sdev 1.4.0 is out; update it the way you installed it",
		"1.4.0": "this is the newest release",
		"dev":   "this is a build from sources; the newest release is 1.4.0",
	} {
		t.Run(version, func(t *testing.T) {
			s, out, errs := console.Buffers(nil)
			s.ReleaseIndex, _ = releases(t)
			if code := runAs(t.Context(), t.Context(), s, version, []string{"version", "--check"}); code != 0 || !strings.Contains(out.String(), want) {
				t.Errorf("exit code %d, want %q in:\n%s%s", code, want, out, errs)
			}
		})
	}
}

func TestVersion_ChecksForScripts(t *testing.T) {
	s, out, _ := console.Buffers(nil)
	s.ReleaseIndex, _ = releases(t)
	code := runAs(t.Context(), t.Context(), s, "1.3.9", []string{"version", "--check", "--json"})
	if want := `"newer":true,"newest":"1.4.0"`; code != 0 || !strings.Contains(out.String(), want) {
		t.Errorf("exit code %d, want %s in:\n%s", code, want, out)
	}

	s, out, _ = console.Buffers(nil)
	s.ReleaseIndex = "http://127.0.0.1:1/"
	code = runAs(t.Context(), t.Context(), s, "1.3.9", []string{"version", "--check", "--json"})
	if want := `"code":"update.unknown"`; code != dev.ExitFailed || !strings.Contains(out.String(), want) {
		t.Errorf("exit code %d, want %s in:\n%s", code, want, out)
	}
}

func TestNotice_OnceADayIfAskedFor(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	index, asked := releases(t)
	run := func(env map[string]string, terminal bool, args ...string) string {
		s, _, errs := console.Buffers(env)
		s.ReleaseIndex, s.OutTTY = index, terminal
		if code := runAs(t.Context(), t.Context(), s, "1.3.9", args); code != 0 {
			t.Errorf("exit code %d: %s", code, errs)
		}
		return errs.String()
	}
	on := map[string]string{"SDEV_UPDATE_NOTICE": "1"}
	for name, got := range map[string]string{
		"nobody asked":  run(nil, true, "version"),
		"CI":            run(map[string]string{"SDEV_UPDATE_NOTICE": "1", "CI": "true"}, true, "version"),
		"switched off":  run(map[string]string{"SDEV_UPDATE_NOTICE": "0"}, true, "version"),
		"no terminal":   run(on, false, "version"),
		"for a program": run(on, true, "version", "--json"),
		"quiet":         run(on, true, "version", "--quiet"),
	} {
		if got != "" {
			t.Errorf("%s: %s", name, got)
		}
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("sdev asked %d times unasked", n)
	}
	if got := run(on, true, "version"); !strings.Contains(got, "sdev 1.4.0 is out") || !strings.Contains(got, "(this is 1.3.9)") {
		t.Errorf("notice %q", got)
	}
	if got := run(on, true, "version"); got != "" || asked.Load() != 1 {
		t.Errorf("again on the same day, after %d questions: %q", asked.Load(), got)
	}
}
