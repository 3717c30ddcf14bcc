package streamlit

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"sdev/dev/devtest"
)

// served is a server below /base that sends these frames of a real one once a browser asks for a run.
func served(t *testing.T, frames ...string) string {
	t.Helper()
	return devtest.ServeStreamlit(t, "/base", func(message []byte) {
		if _, ok, err := ParseBack(message); !ok || err != nil {
			t.Errorf("asked %q: %v", message, err)
		}
	}, recorded(frames)...)
}

// recorded are the files of recorded messages.
func recorded(frames []string) (files []string) {
	for _, name := range frames {
		files = append(files, "testdata/158-"+name+".bin")
	}
	return files
}

func TestLoadPage_TellsWhatABrowserWouldShow(t *testing.T) {
	for name, c := range map[string]struct {
		frames []string
		want   string
	}{
		"a page":                        {[]string{"new-session", "status", "heading", "finished"}, "page ran"},
		"an exception":                  {[]string{"new-session", "heading", "exception", "exception", "finished"}, "page ran ZeroDivisionError"},
		"a script that does not parse":  {[]string{"new-session", "not-compiled", "compile-exception"}, "page SyntaxError"},
		"a script that starts again":    {[]string{"new-session", "exception", "finished-early", "new-session", "heading", "finished"}, "page ran"},
		"a page of several (st.pages)":  {[]string{"new-session", "navigation", "heading", "finished"}, "page ran"},
		"a message for a fragment only": {[]string{"new-session", "status", "block", "reference", "finished"}, "page ran"},
	} {
		v, err := LoadPage(t.Context(), served(t, c.frames...), "/base")
		var got []string
		if v.Page {
			got = append(got, "page")
		}
		if v.Ran {
			got = append(got, "ran")
		}
		for _, e := range v.Exceptions {
			got = append(got, e.Type)
		}
		if got := strings.Join(got, " "); err != nil || got != c.want {
			t.Errorf("%s: %q, %v; want %q", name, got, err, c.want)
		}
	}
}

func TestLoadPage_SaysHowFarItCame(t *testing.T) {
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	v, err := LoadPage(short, served(t, "new-session", "heading"), "/base")
	if err == nil || !v.Page || v.Ran {
		t.Errorf("a script that never ends: %+v, %v", v, err)
	}
	if v, err = LoadPage(t.Context(), served(t), ""); err != nil || v.Page || v.Status != http.StatusNotFound || v.Kind != "text/plain" {
		t.Errorf("another path: %+v, %v", v, err)
	}
	if v, err = LoadPage(t.Context(), "http://127.0.0.1:1", ""); err == nil || v.Page {
		t.Errorf("nobody there: %+v, %v", v, err)
	}
}

func TestLoadPage_OfAnOldStreamlit(t *testing.T) {
	origin := devtest.ServeOldStreamlit(t, served(t, "new-session", "heading", "finished"))
	if v, err := LoadPage(t.Context(), origin, "/base"); err != nil || !v.Page || !v.Ran {
		t.Errorf("%+v, %v", v, err)
	}
}
