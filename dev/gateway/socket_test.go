//go:build unix

package gateway

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"sdev/dev"
	"sdev/dev/devtest"
)

// newSocketApp returns an app that listens at a unix socket, and a change of the configuration that says so.
func newSocketApp(t *testing.T) (*fakeApp, func(*Config)) {
	t.Helper()
	dir, err := os.MkdirTemp("", "app") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	app := newFakeApp(t)
	app.socket = filepath.Join(dir, "app.sock")
	return app, func(c *Config) { c.Socket = filepath.Join(dir, "app.sock") }
}

func TestGateway_ReachesTheAppAtItsSocket(t *testing.T) {
	devtest.Leaks(t)
	app, change := newSocketApp(t)
	app.start()
	r := newRigWith(t, app, change)
	r.connect("")
	await(r, anyOf[dev.SessionOpened])
	if resp, body := r.get("/page"); resp.StatusCode != http.StatusOK || body != "page /page of "+r.host {
		t.Errorf("%s %s", resp.Status, body)
	}
	app.stop()
	await(r, anyOf[dev.SessionClosed])
	app.start()
	r.connect("")
	await(r, anyOf[dev.SessionOpened])
	if status := r.call(Request{Do: DoStatus}); !status.Up || status.Generation != 2 {
		t.Errorf("after a restart: %+v", status)
	}
}

// Some versions of Streamlit cannot listen at a socket, and a program that Python runs may not be Streamlit at all.
func TestGateway_ReachesAnAppThatListensAtItsPortInstead(t *testing.T) {
	devtest.Leaks(t)
	app, change := newSocketApp(t)
	app.socket = ""
	app.start()
	r := newRigWith(t, app, change)
	if w := await(r, anyOf[dev.Warning]); w.Code != dev.CodePortOpen {
		t.Errorf("%+v", w)
	}
	if resp, body := r.get("/page"); resp.StatusCode != http.StatusOK || body != "page /page of "+r.host {
		t.Errorf("%s %s", resp.Status, body)
	}
}

// Another user may have made the directory first, where everybody may create some.
func TestGateway_RefusesADirectoryOfSocketsThatOthersReach(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	err := Run(t.Context(), Config{Listen: "127.0.0.1:0", Socket: filepath.Join(dir, "app.sock"), Control: filepath.Join(dir, "control.sock")}, nil)
	if refused, ok := errors.AsType[*dev.Error](err); !ok || refused.Code != dev.CodeStateUnsafe {
		t.Errorf("%v", err)
	}
}
