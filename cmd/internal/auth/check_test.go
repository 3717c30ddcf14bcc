package auth

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"sdev/dev/devtest"
)

func TestIsStreamlit_OfEveryVersion(t *testing.T) {
	origin := devtest.ServeStreamlit(t, "", nil)
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }))
	t.Cleanup(page.Close)
	for url, want := range map[string]bool{origin: true, devtest.ServeOldStreamlit(t, origin): true, page.URL: false} {
		if got := isStreamlit(t.Context(), url); got != want {
			t.Errorf("%s: %v, want %v", url, got, want)
		}
	}
}
