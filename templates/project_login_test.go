package templates_test

import (
	"fmt"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/patternmatcher"

	"sdev/templates"
)

// TestProject_IdentityModuleIsThatOfTheBundle compares what a new project holds with what a hand-off writes.
func TestProject_IdentityModuleIsThatOfTheBundle(t *testing.T) {
	targets := files(t, templates.Targets())
	for auth, source := range map[string]string{
		"alb": "ecs-cognito/alb_identity.py", "iap": "cloud-run/iap_identity.py", "cloudflare": "cloudflare/access_identity.py",
	} {
		for _, deps := range []string{"uv", "pip", "conda"} {
			name := "code_package/streamlit/util/" + path.Base(source)
			if got := files(t, os.DirFS(render(t, variant{auth, deps})))[name]; got == "" || got != targets[source] {
				t.Errorf("%s, %s: %s is not that of the bundle, %s", auth, deps, name, source)
			}
		}
	}
}

// TestProject_SecretsLeaveTheMachineInNoWay: git and the build context leave out the file that secrets.toml.example becomes.
func TestProject_SecretsLeaveTheMachineInNoWay(t *testing.T) {
	for _, deps := range []string{"uv", "pip", "conda"} {
		rendered := files(t, os.DirFS(render(t, variant{"native", deps})))
		if !strings.Contains(rendered[".streamlit/secrets.toml.example"], "\n[auth]\n") || rendered[".streamlit/secrets.toml"] != "" {
			t.Errorf("%s: no example of the secrets, or real ones", deps)
		}
		if !slices.Contains(strings.Split(rendered[".gitignore"], "\n"), ".streamlit/secrets.toml") {
			t.Errorf("%s: git does not ignore the secrets", deps)
		}
		ignore, err := patternmatcher.New(strings.Fields(uncommented(rendered[".dockerignore"])))
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]bool{".streamlit/secrets.toml": true, ".streamlit/secrets.toml.example": true, ".streamlit/config.toml": false} {
			if ignored, err := ignore.MatchesOrParentMatches(name); err != nil || ignored != want {
				t.Errorf("%s: the build context is without %s: %v, %v", deps, name, ignored, err)
			}
		}
	}
}

// uncommented is a text without the lines that begin with #.
func uncommented(text string) string {
	return regexp.MustCompile(`(?m)^#.*$`).ReplaceAllString(text, "")
}

// TestProject_LoginNeedsPackages looks for the packages that a kind of login imports, in the lists of every manager.
func TestProject_LoginNeedsPackages(t *testing.T) {
	jwt, oidc := []string{"pyjwt", "cryptography"}, []string{"authlib", "httpx"}
	want := map[string][]string{"streamlit-oauth": {"pyjwt", "cryptography", "streamlit-oauth"}, "native": oidc, "alb": jwt, "iap": jwt, "cloudflare": jwt}
	listed := map[string]string{"uv": "\nname = \"%s\"\n", "pip": "\n%s==", "conda": "- %s"}
	for _, v := range variants() {
		rendered := files(t, os.DirFS(render(t, v)))
		list := rendered[map[string]string{"uv": "uv.lock", "pip": "requirements.txt", "conda": "environment.yml"}[v.deps]]
		for _, name := range []string{"pyjwt", "cryptography", "streamlit-oauth", "authlib"} {
			has, needs := strings.Contains(list, fmt.Sprintf(listed[v.deps], name)), slices.Contains(want[v.auth], name)
			if needs && !has || has && !needs && name != "cryptography" { // which Authlib needs as well
				t.Errorf("%v: %s is listed: %v", v, name, has)
			}
		}
		if v.auth == "native" && !strings.Contains(list, fmt.Sprintf(listed[v.deps], "httpx")) {
			t.Errorf("%v: httpx is not listed, and st.login needs it", v)
		}
	}
}

// TestProject_UvAndPipLockTheSameVersions lets the tests of a project run with one of both, because the other is equal.
func TestProject_UvAndPipLockTheSameVersions(t *testing.T) {
	locked := regexp.MustCompile(`(?m)^name = "([^"]+)"\nversion = "([^"]+)"\nsource = \{ registry`)
	pinned := regexp.MustCompile(`(?m)^([a-z0-9._-]+)==([^ ]+) `)
	for _, auth := range kinds() {
		uv, pip := map[string]string{}, map[string]string{}
		for _, m := range locked.FindAllStringSubmatch(files(t, os.DirFS(render(t, variant{auth, "uv"})))["uv.lock"], -1) {
			uv[m[1]] = m[2]
		}
		rendered := files(t, os.DirFS(render(t, variant{auth, "pip"})))
		for _, m := range pinned.FindAllStringSubmatch(rendered["requirements.txt"]+rendered["requirements-dev.txt"], -1) {
			pip[m[1]] = m[2]
		}
		if diff := cmp.Diff(uv, pip); diff != "" || len(uv) < 40 {
			t.Errorf("%s: %d packages; uv (-) and pip (+):\n%s", auth, len(uv), diff)
		}
	}
}
