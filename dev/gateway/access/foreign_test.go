//go:build foreign

package access

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sdev/dev"
)

// installed returns a path that .ci/foreign has printed.
func installed(t *testing.T, key string) string {
	t.Helper()
	path := os.Getenv(key)
	if path == "" {
		t.Fatalf(`%s is not set; run: eval "$(.ci/foreign)"`, key)
	}
	return path
}

// ask runs a program on tokens, and reads its answer.
func (r *rig) ask(cases verdicts, cmd *exec.Cmd, to any) {
	r.t.Helper()
	port, authority, _ := r.teamServer()
	given, err := json.Marshal(map[string]any{"team": r.door.access.Team, "port": port, "aud": cases.aud, "cases": cases.tokens})
	if err != nil {
		r.t.Fatal(err)
	}
	var said bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(given), &said
	cmd.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+authority, "SSL_CERT_FILE="+authority, "PYTHONDONTWRITEBYTECODE=1", "HTTPS_PROXY=", "https_proxy=")
	out, err := cmd.Output()
	if err != nil || json.Unmarshal(out, to) != nil {
		r.t.Fatalf("%s: %v\n%s\n%s", cmd.Path, err, out, said.String())
	}
}

// compare compares what a library finds in each token with what is in it.
func (v verdicts) compare(t *testing.T, library string, got map[string]string) {
	t.Helper()
	for name, want := range v.want {
		found := got[name]
		if strings.HasPrefix(found, "refused") && want == "" {
			t.Logf("%s, %s: %.90s", library, name, found)
			continue
		}
		if found != want {
			t.Errorf("%s finds %q in the token with %s, want %q", library, found, name, want)
		}
	}
}

// TestForeignAccess_JavaScript has jose, Hono's middleware and Cloudflare's own plugin judge tokens.
func TestForeignAccess_JavaScript(t *testing.T) {
	r := newRig(t, forVerifiers)
	cases := r.judge()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "foreign"))); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(installed(t, "SDEV_FOREIGN_ACCESS"), filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Jose, Hono, Pages map[string]string
		Identities        map[string]*struct {
			Email  string
			Groups []string
		}
	}
	r.ask(cases, exec.CommandContext(t.Context(), installed(t, "SDEV_FOREIGN_NODE"), filepath.Join(dir, "verify.mjs")), &got)
	cases.compare(t, "jose", got.Jose)
	cases.compare(t, "@hono/cloudflare-access", got.Hono)
	cases.compare(t, "@cloudflare/pages-plugin-cloudflare-access", got.Pages)
	if who := got.Identities["a person"]; who == nil || who.Email != alice || strings.Join(who.Groups, ",") != "marketing" {
		t.Errorf("the plugin's getIdentity finds %+v", who)
	}
	if who, asked := got.Identities["a program"]; !asked || who != nil {
		t.Errorf("the plugin's getIdentity finds %+v for a program", who)
	}
	if login := got.Pages[dev.DoorExpired]; !strings.Contains(login, "/cdn-cgi/access/login/app.example?kid="+cases.aud) {
		t.Errorf("the plugin leads to %q", login)
	}
}

// TestForeignAccess_Python has PyJWT judge tokens, alone and by the module that apps copy.
func TestForeignAccess_Python(t *testing.T) {
	r := newRig(t, forVerifiers)
	cases := r.judge()
	path := func(name string) string {
		all, err := filepath.Abs(name)
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	python := filepath.Join(filepath.Dir(installed(t, "SDEV_FOREIGN_SNOW")), "python") // which has PyJWT
	var got struct{ PyJWT, Certificates, Module map[string]string }
	r.ask(cases, exec.CommandContext(t.Context(), python, path("testdata/foreign/verify.py"), path("../../../templates/targets/cloudflare/access_identity.py")), &got)
	cases.compare(t, "PyJWT", got.PyJWT)
	cases.compare(t, "PyJWT with the certificates", got.Certificates)
	cases.want["a program"] = "" // the module is for people
	cases.compare(t, "access_identity.py", got.Module)
}
