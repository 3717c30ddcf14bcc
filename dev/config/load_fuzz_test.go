package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
)

// Whatever stands in a compose file, it is a project whose effective model can be printed and read
// again, or it is refused in words of ours, with the place: nothing panics, hangs, or gets through.
func FuzzLoad(f *testing.F) {
	const app = "services:\n  streamlit:\n    image: shop\n    command: streamlit run Home.py\n"
	for _, seed := range []string{
		app, "name: shop\n" + app + "x-sdev: {app: streamlit, aws: {mode: session, profile: dev}, auth: {mode: app, users: [{email: a@example.com, claims: {hd: x}}], policies: [{path: /a/*, allow: {groups: [g]}}]}}\n",
		app + "    ports: [\"8501:8501\", {target: 1, published: \"1-3\"}]\n    develop: {watch: [{action: sync, path: ., target: /app, ignore: ['*.pyc']}, {action: rebuild, path: pyproject.toml}]}\n",
		app + "    environment: [A=b, C]\n    labels: {a: $$b}\n    networks: {n: {aliases: [x]}}\nnetworks: {n: }\n", "include: [other.yaml]\n" + app, "services: {a: {extends: {service: a}}}\n", "services: {a: {extends: {file: base.yaml, service: b}}}\n",
		"services: &a {b: *a}\n", "a: &a [x]\nb: &b [*a, *a]\nc: [*b, *b]\n", "services: {streamlit: {<<: {image: x}}}\n", "- 1\n", "\xff\xfe", "services:\n\tx: y\n", "---\n" + app + "---\nx: !reset null\n", app + "    volumes: [\"./x:/y\", {type: bind, source: ., target: /z}, v:/w]\nvolumes: {v: }\n",
		app + "    secrets: [s]\nsecrets: {s: {file: s.txt}}\n", app + "    build: {context: https://u:p@example.com/a.git, dockerfile_inline: \"FROM x\"}\n", "x-sdev: 1\n" + app, app + "    deploy: {replicas: 0}\n    scale: 2\n", "services: {\"a\x1b[2J\": {image: \"${X:?\\e}\"}}\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		dir := t.TempDir()
		for name, content := range map[string]string{"compose.yaml": string(text), "base.yaml": "services: {b: {image: x}}\n", "other.yaml": "services: {c: {image: x}}\n", "Home.py": ""} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		p, err := Load(t.Context(), Options{Dir: dir})
		if err != nil {
			ours(t, err)
			if e := dev.AsError(err); e.Exit != dev.ExitProject || e.Message == "" {
				t.Errorf("exit %d: %q", e.Exit, e.Message)
			}
			return
		}
		e, err := Overlay(p, Parts{Mode: dev.Local, Port: 8501, ProviderPort: 8502, GatewayImage: "sdev-gateway", Env: func(int) map[string]string { return nil }, StateDir: p.StatePath()})
		if err != nil {
			ours(t, err)
			return
		}
		printed, err := e.YAML()
		if err != nil {
			t.Fatal(err)
		}
		if i := strings.IndexFunc(string(printed), func(r rune) bool { return r < ' ' && r != '\n' || dev.IsHidden(r) }); i >= 0 {
			t.Errorf("what is printed holds %q", printed[i])
		}
		_, err = loader.LoadWithContext(t.Context(), types.ConfigDetails{WorkingDir: dir, Environment: map[string]string{}, ConfigFiles: []types.ConfigFile{{Filename: "effective.yaml", Content: printed}}},
			func(o *loader.Options) { o.SkipResolveEnvironment, o.SkipResolveLabels = true, true })
		if err != nil {
			t.Errorf("what is printed cannot be read: %v\n%s", err, printed)
		}
	})
}

// Whatever stands in x-sdev is a setting that is known and right, or an error with its line.
func FuzzXSdev(f *testing.F) {
	for _, seed := range []string{
		"{}", "app: web", "{app: web, entry: a/Home.py, host: shop.localhost, ca: ./ca.pem}", "aws: {mode: mount, profile: dev, region: us-east-1, parameters: {/a: b, /c: {value: d, type: String}}}",
		"auth: {mode: native, profile: google, users: [{email: a@example.com, name: A, groups: [g], claims: {hd: x, n: [1, {a: b}]}}], policies: [{path: /a/*, allow: {groups: [g], emails: [a@b.c], domains: [b.c]}}, {path: /, allow: {anyone: true}}]}",
		"deploy: {region: eu-west-1, ecs: {domain: app.example.com}, suppress: [{id: image.size, reason: x, until: 2027-01-31}]}", "auth: {users: [{email: a@example.com}, {email: A@EXAMPLE.COM}]}", "app: [1]", "1", "null", "auth: &a {users: [*a]}", "aws: {mode: \"\x1b[2J\"}", "auth: {policies: [{path: \"../..%2f\"}]}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		file := filepath.Join(t.TempDir(), "compose.yaml")
		indented := "  " + strings.ReplaceAll(string(text), "\n", "\n  ")
		if err := os.WriteFile(file, []byte("x-sdev:\n"+indented+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		src, err := readSource(file, "compose.yaml")
		if err != nil {
			ours(t, err)
			return
		}
		s, err := settings(sources{src}, map[string][]string{"ecs": {"domain"}})
		if err != nil {
			if e := dev.AsError(err); e.Code == dev.CodeInternal || e.Exit != dev.ExitProject || e.File != "compose.yaml" || e.Line < 1 || e.Message == "" || e.Hint == "" {
				t.Errorf("%+v", e)
			}
			return
		}
		for _, who := range s.Auth.Users {
			if CheckEmail(who.Email) != nil {
				t.Errorf("the address %q gets through", who.Email)
			}
		}
	})
}

// Whatever an ignore file holds, it is rules that answer for every path, or an error.
func FuzzIgnoreFile(f *testing.F) {
	for _, seed := range []string{".git\n*.pyc\n!keep.pyc\n", "**/node_modules\n# comment\n\n", "!\n", "[a-\n", "a/../b\n", "\\\n", "**\n!**/x\n", "/abs\n./rel/\n", "\xef\xbb\xbf.env\n", "a\\", "[]a]", "***"} {
		f.Add([]byte(seed), "a/b.pyc")
	}
	f.Add([]byte("[^]\n"), "")
	f.Fuzz(func(t *testing.T, text []byte, path string) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, ".dockerignore"), text, 0o600); err != nil {
			t.Fatal(err)
		}
		m, err := ignorePatterns(dir, "Dockerfile")
		if err != nil {
			return
		}
		one, err := m.MatchesOrParentMatches(path)
		if again, errAgain := m.MatchesOrParentMatches(path); again != one || (err == nil) != (errAgain == nil) {
			t.Errorf("%q is answered with %v, and then with %v", path, one, again)
		}
	})
}
