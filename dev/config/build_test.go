package config_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/devtest"
)

func TestBuildInput_ChangesExactlyWhenTheImageWould(t *testing.T) {
	tree := map[string]string{
		"docker-compose.yml":         composeFile,
		"Dockerfile":                 "FROM python\n",
		".dockerignore":              "*.log\nDockerfile\nsecret\n",
		"pyproject.toml":             "[project]\n",
		"code_package/Home.py":       "print(1)\n",
		"code_package/deep/page.py":  "print(2)\n",
		"outside/kept.txt":           "1\n",
		"secret/key":                 "1\n",
		".git/HEAD":                  "ref\n",
		".sdev/state.json":           "{}\n",
		"noise.log":                  "1\n",
		"outside/other.dockerignore": "1\n",
	}
	for name, c := range map[string]struct {
		change func(t *testing.T, dir string, p *config.Project)
		differ bool
	}{
		"nothing":                {func(*testing.T, string, *config.Project) {}, false},
		"a file of the context":  {edit("pyproject.toml"), true},
		"a new file":             {edit("outside/new.txt"), true},
		"a file that is gone":    {func(t *testing.T, dir string, _ *config.Project) { remove(t, dir, "outside/kept.txt") }, true},
		"the ignored Dockerfile": {edit("Dockerfile"), true},
		"what is ignored":        {edit(".dockerignore"), true},
		"a mounted file":         {edit("code_package/Home.py"), false},
		"a mounted file below":   {edit("code_package/deep/new.py"), false},
		"an ignored file":        {edit("noise.log"), false},
		"an ignored directory":   {edit("secret/key"), false},
		"the repository":         {edit(".git/HEAD"), false},
		"sdev's own state":       {edit(".sdev/state.json"), false},
		"the same content, touched": {func(t *testing.T, dir string, _ *config.Project) {
			devtest.Write(t, filepath.Join(dir, "pyproject.toml"), tree["pyproject.toml"])
		}, false},
		"a mode": {func(t *testing.T, dir string, _ *config.Project) {
			if err := os.Chmod(filepath.Join(dir, "pyproject.toml"), 0o755); err != nil {
				t.Fatal(err)
			}
		}, true},
		"a named context":       {build(func(b *types.BuildConfig) { b.AdditionalContexts = types.Mapping{"more": "https://example.com/x.git"} }), true},
		"the inline Dockerfile": {build(func(b *types.BuildConfig) { b.DockerfileInline = "FROM scratch" }), true},
		"the target":            {build(func(b *types.BuildConfig) { b.Target = "release" }), true},
		"a build argument":      {build(func(b *types.BuildConfig) { b.Args = types.NewMappingWithEquals([]string{"A=1"}) }), true},
		"a secret's content":    {build(func(b *types.BuildConfig) { b.Secrets = []types.ServiceSecretConfig{{Source: "ca"}} }), false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := devtest.Project(t, tree)
			p, err := config.Load(t.Context(), config.Options{Dir: dir})
			if err != nil {
				t.Fatal(err)
			}
			before := input(t, p)
			c.change(t, dir, p)
			if after := input(t, p); (after != before) != c.differ {
				t.Errorf("before %s, after %s", before, after)
			}
		})
	}
}

func TestBuildInput_TakesInEveryContextOfThisMachine(t *testing.T) {
	dir := devtest.Project(t, map[string]string{
		"docker-compose.yml": "services:\n  streamlit:\n    build:\n      context: ./app\n      dockerfile: ../Dockerfile\n      additional_contexts: {more: ./more, site: \"https://example.com/x.git\"}\n  far:\n    build: https://example.com/far.git\n",
		"Dockerfile":         "FROM python\n", "app/x": "1\n", "more/y": "1\n",
	})
	p, err := config.Load(t.Context(), config.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"Dockerfile", "app/x", "more/y"} {
		before := input(t, p)
		edit(path)(t, dir, p)
		if input(t, p) == before {
			t.Errorf("a change of %s makes no difference", path)
		}
	}
	if _, err := config.BuildInput(t.Context(), p, p.Model.Services["far"]); err != nil {
		t.Errorf("a context that is elsewhere: %v", err)
	}
}

func input(t *testing.T, p *config.Project) string {
	t.Helper()
	got, err := config.BuildInput(t.Context(), p, p.Model.Services[p.App])
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func edit(path string) func(*testing.T, string, *config.Project) {
	return func(t *testing.T, dir string, _ *config.Project) {
		devtest.Write(t, filepath.Join(dir, filepath.FromSlash(path)), "something else\n")
	}
}

func remove(t *testing.T, dir, path string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, filepath.FromSlash(path))); err != nil {
		t.Fatal(err)
	}
}

func build(change func(*types.BuildConfig)) func(*testing.T, string, *config.Project) {
	return func(_ *testing.T, _ string, p *config.Project) {
		s := p.Model.Services[p.App]
		b := *s.Build
		change(&b)
		s.Build = &b
		p.Model.Services[p.App] = s
	}
}

func TestBuildInput_SaysThatAContextDoesNotExist(t *testing.T) {
	p := loaded(t, "services:\n  streamlit:\n    build: ./app\n    command: streamlit run a.py\n")
	_, err := config.BuildInput(t.Context(), p, p.Model.Services[p.App])
	if e := dev.AsError(err); err == nil || e.Message != "the build context of service streamlit, app, does not exist" || e.Line != 3 || e.Hint != "correct build.context" {
		t.Errorf("%v, %+v", err, e)
	}
}
