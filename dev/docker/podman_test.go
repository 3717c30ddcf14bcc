package docker

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/docker/docker/client"
	"github.com/google/go-cmp/cmp"
)

func TestPodmanTmpfs_HasNoOwner(t *testing.T) {
	got := podmanTmpfs(map[string]string{"/home/app": "exec,mode=0755,uid=1000,gid=1000", "/run/x": "uid=0", "/tmp": "size=64m,mode=0700", "/cache": ""})
	want := map[string]string{"/home/app": "exec,mode=1777", "/run/x": "mode=1777", "/tmp": "size=64m,mode=0700", "/cache": ""}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestRemove_WaitsForTheContainersThatPodmanWantsRemovedFirst(t *testing.T) {
	var got []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.Method+" "+strings.TrimPrefix(r.URL.Path, "/v1.41/containers/"))
		switch {
		case len(got) == 1:
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = io.WriteString(w, `{"message":"container 1aa0 has dependent containers which must be removed before it: 92a9, 5fb1: container already exists"}`)
		case strings.HasSuffix(r.URL.Path, "/5fb1/wait"):
			w.WriteHeader(http.StatusNotFound) // it is gone already
			_, _ = io.WriteString(w, `{"message":"no such container"}`)
		default:
			_, _ = io.WriteString(w, `{"StatusCode":0}`)
		}
	}))
	defer server.Close()
	api, err := client.NewClientWithOpts(client.WithHost("tcp://"+server.Listener.Addr().String()), client.WithVersion("1.41"))
	if err != nil {
		t.Fatal(err)
	}
	if err := (&Engine{api: api}).remove(t.Context(), "1aa0"); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"DELETE 1aa0", "POST 92a9/wait", "POST 5fb1/wait", "DELETE 1aa0"}, got); diff != "" {
		t.Error(diff)
	}
}
