package config_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/devtest"
)

// composeFile is what a scaffolded project has, as lines that tests count on.
const composeFile = `name: shop
x-sdev:
  app: streamlit-local
services:
  streamlit-local:
    build:
      context: .
      target: dev
    init: true
    ports:
      - "127.0.0.1:8501:8501"
    volumes:
      - ./code_package:/app/code_package
      - ./.streamlit:/app/.streamlit:ro
    develop:
      watch:
        - {action: rebuild, path: pyproject.toml}
        - {action: restart, path: .streamlit/config.toml}
  streamlit:
    profiles: [release]
    image: shop:release
`

// load loads a project of these files, whose compose file is "docker-compose.yml" among them.
func load(t *testing.T, files map[string]string, options ...func(*config.Options)) (*config.Project, error) {
	t.Helper()
	o := config.Options{Dir: devtest.Project(t, files)}
	for _, set := range options {
		set(&o)
	}
	return config.Load(t.Context(), o)
}

// loaded is load of what must be right.
func loaded(t *testing.T, compose string, options ...func(*config.Options)) *config.Project {
	t.Helper()
	// develop.watch names files that have to be there.
	p, err := load(t, map[string]string{"docker-compose.yml": compose, "pyproject.toml": "", ".streamlit/config.toml": ""}, options...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestLoad_SaysWhatIsWrongAndWhere(t *testing.T) {
	const app = "services:\n  streamlit:\n    image: shop\n"
	for name, c := range map[string]struct {
		compose string
		code    dev.Code
		want    string // the whole error
		hint    string // part of the hint
	}{
		"no YAML": {"services:\n  streamlit:\n    image: shop\n   ports: [1]\n", dev.CodeComposeSyntax,
			"docker-compose.yml:3: not valid YAML: did not find expected key", "indentation"},
		"a tab": {"services:\n\tstreamlit: {}\n", dev.CodeComposeSyntax,
			"docker-compose.yml:2: not valid YAML: found character that cannot start any token", "spaces"},
		"unknown top-level key": {app + "servces: {}\n", dev.CodeComposeInvalid,
			"docker-compose.yml:4: servces is not a key of the Compose Specification", "spelling"},
		"unknown key of a service": {app + "    imgae: other\n", dev.CodeComposeInvalid,
			"docker-compose.yml:4: services.streamlit.imgae is not a key of the Compose Specification", "spelling"},
		"wrong type": {app + "    ports: 8501\n", dev.CodeComposeInvalid,
			"docker-compose.yml:4: services.streamlit.ports must be a array", ""},
		"key that is not applied": {app + "    umask: 18\n", dev.CodeComposeKey,
			"docker-compose.yml:4: services.streamlit.umask is not supported by sdev: the engine's API does not support it", "profile"},
		"build key that is not applied": {app + "    build:\n      context: .\n      no_cache_filter: [dev]\n", dev.CodeComposeKey,
			"docker-compose.yml:6: services.streamlit.build.no_cache_filter is not supported by sdev: use no_cache", "remove it"},
		"unknown x-sdev setting": {"x-sdev:\n  app: streamlit\n  colour: red\n" + app, dev.CodeXSdev,
			"docker-compose.yml:3: unknown setting x-sdev.colour", "known here: app, auth, aws, ca, components, deploy, entry"},
		"unknown x-sdev.aws setting": {"x-sdev:\n  aws:\n    regoin: eu\n" + app, dev.CodeXSdev,
			"docker-compose.yml:3: unknown setting x-sdev.aws.regoin", "mode, parameters, profile, region"},
		"wrong x-sdev value": {"x-sdev:\n  aws: {mode: copy}\n" + app, dev.CodeXSdev,
			`docker-compose.yml:2: x-sdev.aws.mode is "copy"`, "one of: mount, session, none"},
		"x-sdev value of a wrong type": {"x-sdev:\n  app: [streamlit]\n" + app, dev.CodeXSdev,
			"docker-compose.yml:2: x-sdev.app must be a string", "help x-sdev"},
		"x-sdev is no mapping": {"x-sdev: yes\n" + app, dev.CodeXSdev,
			"docker-compose.yml:1: x-sdev must be a mapping", "help x-sdev"},
		"x-sdev.app names nothing": {"x-sdev:\n  app: web\n" + app, dev.CodeXSdev,
			`docker-compose.yml:2: x-sdev.app is "web", which is not an active service`, "active services: streamlit"},
		"no app to be recognised": {"name: shop\nservices:\n  web:\n    image: a\n  db:\n    image: b\n", dev.CodeAppMissing,
			"docker-compose.yml:2: cannot tell which service is the Streamlit app: nothing in db, web starts or mentions Streamlit", "--app NAME"},
		"two apps": {"services:\n  a:\n    image: streamlit\n  b:\n    image: streamlit\n", dev.CodeAppMissing,
			"docker-compose.yml:1: several services could be the Streamlit app:\n  --app a: its name, image or command contains \"streamlit\" (docker-compose.yml:2)\n  --app b: its name, image or command contains \"streamlit\" (docker-compose.yml:4)", "--app a"},
		"required variable": {app + "    user: ${UNSET_HERE:?who runs it}\n", dev.CodeComposeVariable,
			`docker-compose.yml:4: error while interpolating services.streamlit.user: required variable UNSET_HERE is missing a value: who runs it`, ".env"},
		"broken interpolation": {app + "    user: ${\n", dev.CodeComposeVariable,
			"docker-compose.yml:4: invalid interpolation format for services.streamlit.user", "$$"},
		"missing env_file": {app + "    env_file:\n      - secrets.env\n", dev.CodeComposeEnvFile,
			"docker-compose.yml:5: env file DIR/secrets.env not found", "required: false"},
		"no mapping": {"hello\n", dev.CodeComposeInvalid,
			"docker-compose.yml:1: it is not a compose file: its top level must be a mapping with the key services", ""},
		"services without any": {"name: shop\nservices:\n", dev.CodeComposeInvalid,
			"docker-compose.yml:2: services must be a mapping of names to values", "indented"},
		"services that are a text, beside an include": {"include: [base.yaml]\nservices: streamlit run Home.py\n", dev.CodeComposeInvalid,
			"docker-compose.yml:2: services must be a mapping of names to values", "indented"},
		"an empty section, beside an include": {"include: [base.yaml]\n" + app + "volumes:\n", dev.CodeComposeInvalid,
			"docker-compose.yml:5: volumes must be a mapping of names to values", "remove it"},
		"not UTF-8": {app + "    user: \"\xff\xfe\"\n", dev.CodeComposeSyntax,
			"docker-compose.yml:4: it is not UTF-8 text", "UTF-8"},
		"a key twice": {app + "    image: other\n", dev.CodeComposeInvalid,
			`docker-compose.yml:4: mapping key "image" already defined at line 3`, ""},
		"an alias inside of its anchor": {"services:\n  streamlit: &s\n    image: shop\n    <<: *s\n", dev.CodeComposeSyntax,
			"docker-compose.yml:4: the alias *s refers to a value that contains it", "alias"},
		"wrong size": {app + "    mem_limit: huge\n", dev.CodeComposeInvalid,
			"docker-compose.yml:4: 'services.streamlit.mem_limit' invalid size: 'huge'", ""},
		"wrong duration": {app + "    healthcheck:\n      interval: often\n", dev.CodeComposeInvalid,
			`docker-compose.yml:5: 'services.streamlit.healthcheck.interval' time: invalid duration "often"`, ""},
		"wrong port": {app + "    user: me\n    ports: [\"99999:1\"]\n", dev.CodeComposeInvalid,
			"docker-compose.yml:5: invalid hostPort: 99999", ""},
		"undefined network": {app + "    user: me\n    networks: [nowhere]\n", dev.CodeComposeInvalid,
			`docker-compose.yml:5: service "streamlit" refers to undefined network nowhere`, "under networks"},
		"undefined service": {app + "    depends_on: [nobody]\n", dev.CodeComposeInvalid,
			`docker-compose.yml:4: service "streamlit" depends on undefined service "nobody"`, "spelling"},
		"dependency in a profile": {app + "    depends_on: [db]\n  db: {image: db, profiles: [full]}\n", dev.CodeComposeInvalid,
			`docker-compose.yml:4: service "streamlit" depends on undefined service "db"`, "--profile full"},
		"circular dependency": {app + "    user: me\n    depends_on: [db]\n  db: {image: db, depends_on: [streamlit]}\n", dev.CodeComposeInvalid,
			"docker-compose.yml:6: dependency cycle detected: db -> streamlit -> db", "dependencies"},
		"include that is not there": {app + "include:\n  - other.yml\n", dev.CodeComposeInvalid,
			"docker-compose.yml:5: DIR/other.yml does not exist", "create the file"},
		"the app sleeps in a profile": {"services:\n  streamlit: {image: shop, profiles: [dev]}\n  db: {image: db}\n", dev.CodeAppMissing,
			"docker-compose.yml:2: service streamlit looks like the Streamlit app, but its profile dev is not active", "--profile dev"},
		"--server.port that is none": {app + "    command: streamlit run Home.py --server.port 99999\n", "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := devtest.Project(t, map[string]string{"docker-compose.yml": c.compose, "base.yaml": "services: {base: {image: x}}\nvolumes: {v: }\n"})
			_, err := config.Load(t.Context(), config.Options{Dir: dir})
			if c.code == "" {
				if err != nil {
					t.Errorf("error %v", err)
				}
				return
			}
			if err == nil {
				t.Fatal("no error")
			}
			e := dev.AsError(err)
			if got := strings.ReplaceAll(e.Error(), dir, "DIR"); got != c.want || e.Code != c.code || e.Exit != dev.ExitProject {
				t.Errorf("exit %d, code %s:\n%s, want code %s:\n%s", e.Exit, e.Code, got, c.code, c.want)
			}
			if !strings.Contains(e.Hint, c.hint) || e.Hint == "" {
				t.Errorf("hint %q does not speak of %q", e.Hint, c.hint)
			}
		})
	}
}

func TestLoad_NoProject(t *testing.T) {
	dir := devtest.Project(t, nil)
	_, err := config.Load(t.Context(), config.Options{Dir: dir})
	if e := dev.AsError(err); e.Code != dev.CodeProjectMissing || e.Exit != dev.ExitProject || e.Hint != "run: sdev init" {
		t.Errorf("%+v", e)
	}
	_, err = config.Load(t.Context(), config.Options{Dir: dir, Files: []string{"gone.yml"}})
	if e := dev.AsError(err); e.Code != dev.CodeProjectMissing || !strings.Contains(e.Error(), "gone.yml") || !strings.Contains(e.Hint, "--file") {
		t.Errorf("%+v", e)
	}
}

func TestLoad_LooksAboveForTheProject(t *testing.T) {
	dir := devtest.Project(t, map[string]string{"docker-compose.yml": composeFile, "code_package/deep/x.py": ""})
	p, err := config.Load(t.Context(), config.Options{Dir: filepath.Join(dir, "code_package", "deep")})
	if err != nil {
		t.Fatal(err)
	}
	if p.Dir != dir || p.Name != "shop" || p.App != "streamlit-local" || p.AppWhy != "x-sdev.app" {
		t.Errorf("%s in %s, app %s (%s)", p.Name, p.Dir, p.App, p.AppWhy)
	}
}

func TestLoad_FindsTheAppAndSaysWhy(t *testing.T) {
	for why, compose := range map[string]string{
		"x-sdev.app": "x-sdev: {app: web}\nservices:\n  web: {image: a}\n  streamlit: {image: b}\n",
		"its name, image or command contains \"streamlit\"": "services:\n  web: {image: a, command: streamlit run x.py}\n  db: {image: b}\n",
		"the service for local development":                 "services:\n  streamlit-local: {image: a}\n  streamlit: {image: b}\n",
		"the only service":                                  "services:\n  web: {image: a}\n",
	} {
		p := loaded(t, compose)
		if p.AppWhy != why || p.App != "web" && p.App != "streamlit-local" {
			t.Errorf("app %s because of %q, want %q", p.App, p.AppWhy, why)
		}
	}
}

// Compose's own tags take a section away, or put another in its place.
func TestLoad_SectionsAreResetAndReplaced(t *testing.T) {
	for _, override := range []string{"volumes: !reset null\n", "volumes: !reset {}\n", "volumes: !override {other: }\n"} {
		p, err := load(t, map[string]string{"docker-compose.yml": composeFile + "volumes: {mine: }\n", "docker-compose.override.yml": override})
		if err != nil {
			t.Errorf("%s: %v", override, err)
			continue
		}
		if _, there := p.Model.Volumes["mine"]; there {
			t.Errorf("%s: the volume is still there", override)
		}
	}
}

func TestLoad_LaterFilesOverride(t *testing.T) {
	files := map[string]string{
		"docker-compose.yml":          composeFile,
		"docker-compose.override.yml": "x-sdev:\n  aws: {mode: none}\nservices:\n  streamlit-local:\n    user: \"7\"\n",
	}
	p, err := load(t, files)
	if err != nil {
		t.Fatal(err)
	}
	if p.Model.Services["streamlit-local"].User != "7" || p.Settings.AWS.Mode != "none" || p.Settings.App != "streamlit-local" || len(p.Files) != 2 {
		t.Errorf("%+v, files %v", p.Settings, p.Files)
	}
	for _, name := range []string{".env", "docker-compose.yml", "docker-compose.override.yml"} {
		if !slices.Contains(p.RelativeFiles(), name) {
			t.Errorf("files %v lack %s", p.RelativeFiles(), name)
		}
	}

	files["docker-compose.override.yml"] = "services:\n  streamlit-local:\n    user: \"7\"\n    umask: 18\n"
	_, err = load(t, files)
	if got, want := dev.AsError(err).Error(), "docker-compose.override.yml:4: services.streamlit-local.umask is not supported by sdev: the engine's API does not support it"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestLoad_VariablesComeFromTheEnvironmentAndDotEnv(t *testing.T) {
	files := map[string]string{
		"docker-compose.yml": "services:\n  streamlit:\n    image: shop:${TAG}\n    environment: {A: \"${FROM_FILE}\", B: \"${EMPTY:-}\", C: \"$${LITERAL}\"}\n",
		".env":               "FROM_FILE=file\nTAG=file\n",
	}
	p, err := load(t, files, func(o *config.Options) { o.Env = []string{"TAG=env"} }) // the environment wins
	if err != nil {
		t.Fatal(err)
	}
	s := p.Model.Services["streamlit"]
	got := []string{s.Image, *s.Environment["A"], *s.Environment["B"], *s.Environment["C"]}
	if diff := cmp.Diff([]string{"shop:env", "file", "", "${LITERAL}"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestLoad_UnsetVariablesAreEmptyAndAWarningEach(t *testing.T) {
	p := loaded(t, `services:
  streamlit:
    image: shop
    environment: {KEY: "${UNSET_HERE}", URL: "db://${UNSET_HERE}@host", OTHER: $UNSET_TOO, FINE: "${EMPTY-}"}
  later:
    image: shop
    profiles: [later]
    environment: {KEY: "${UNSET_LATER}"}
`)
	if got := p.Model.Services["streamlit"].Environment["URL"]; got == nil || *got != "db://@host" {
		t.Errorf("URL is %v", got)
	}
	var got []string
	for _, w := range p.Warnings {
		if w.Code != dev.CodeComposeVariable || !strings.Contains(w.Hint, ".env") {
			t.Errorf("warning %+v", w)
		}
		got = append(got, w.Message)
	}
	want := []string{
		"docker-compose.yml:4: variable UNSET_HERE is not set, so its value is empty",
		"docker-compose.yml:4: variable UNSET_TOO is not set, so its value is empty",
		"docker-compose.yml:8: variable UNSET_LATER is not set, so its value is empty",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestCheckImages_SaysWhichVariableAReferenceLacks(t *testing.T) {
	for image, want := range map[string]string{
		"shop:${UNSET_HERE}": "docker-compose.yml:3: variable UNSET_HERE is not set",
		"Shop:1":             `docker-compose.yml:3: image "Shop:1" of service streamlit is not a valid reference`,
		"shop:${EMPTY:-}":    `docker-compose.yml:3: image "shop:" of service streamlit is not a valid reference`,
		"ghcr.io/me/shop@sha256:" + strings.Repeat("a", 64): "",
	} {
		err := loaded(t, "services:\n  streamlit:\n    image: "+image+"\n").CheckImages()
		if (err == nil) != (want == "") || err != nil && dev.AsError(err).Error() != want {
			t.Errorf("%s: %v", image, err)
		}
	}
}

func TestLoad_KeysOfServicesThatDoNotRunDoNotMatter(t *testing.T) {
	loaded(t, composeFile+"    umask: 18\n")
}

func TestLoad_StartedBelowOrElsewhereIsTheSameProject(t *testing.T) {
	dir := devtest.Project(t, map[string]string{
		"shop/docker-compose.yml": "name: shop\nservices:\n  streamlit:\n    image: shop:${TAG}\n    volumes: [\"./src:/app\"]\n",
		"shop/.env":               "TAG=1\n", "shop/src/x.py": "",
	})
	for from, o := range map[string]config.Options{
		"the directory":   {Dir: filepath.Join(dir, "shop")},
		"below":           {Dir: filepath.Join(dir, "shop", "src")},
		"above, by file":  {Dir: dir, Files: []string{"shop/docker-compose.yml"}},
		"an absolute one": {Files: []string{filepath.Join(dir, "shop", "docker-compose.yml")}},
		"the environment": {Dir: dir, Env: []string{"COMPOSE_FILE=" + filepath.Join(dir, "shop", "docker-compose.yml")}},
	} {
		p, err := config.Load(t.Context(), o)
		if err != nil {
			t.Errorf("%s: %v", from, err)
			continue
		}
		s := p.Model.Services["streamlit"]
		if p.Dir != filepath.Join(dir, "shop") || s.Image != "shop:1" || s.Volumes[0].Source != filepath.Join(dir, "shop", "src") {
			t.Errorf("%s: project in %s, image %s, source %s", from, p.Dir, s.Image, s.Volumes[0].Source)
		}
	}
}

func TestLoad_ProfilesComeFromTheFlagOrTheEnvironment(t *testing.T) {
	for name, set := range map[string]func(*config.Options){
		"flag":        func(o *config.Options) { o.Profiles = []string{"release"} },
		"environment": func(o *config.Options) { o.Env = []string{"COMPOSE_PROFILES=release"} },
	} {
		if p := loaded(t, composeFile, set); len(p.Model.Services) != 2 {
			t.Errorf("%s: services %v", name, p.Model.ServiceNames())
		}
	}
}

func TestLoad_RefusesAProfileThatNoServiceHas(t *testing.T) {
	dir := devtest.Project(t, map[string]string{"compose.yaml": composeFile})
	_, err := config.Load(t.Context(), config.Options{Dir: dir, Profiles: []string{"relase"}})
	if err == nil {
		t.Fatal("no error")
	}
	if e := dev.AsError(err); !strings.Contains(e.Message, `"relase"`) || !strings.Contains(e.Hint, "release") || e.Exit != dev.ExitProject {
		t.Errorf("error %v, hint %q", e, e.Hint)
	}
}

func TestLoad_ADirectoryIsNoComposeFile(t *testing.T) {
	dir := devtest.Project(t, map[string]string{"compose.yaml/app.py": ""})
	_, err := config.Load(t.Context(), config.Options{Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "it is a directory") {
		t.Errorf("error %v", err)
	}
}
