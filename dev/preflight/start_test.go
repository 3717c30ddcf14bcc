package preflight_test

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"slices"
	"testing"

	"sdev/dev"
	"sdev/dev/preflight"
)

// dockerfile returns a subject without an image, whose Dockerfile has these lines.
func dockerfile(lines ...string) *subject {
	s := sound()
	s.noImage = true
	s.App.Steps = nil
	for i, line := range lines {
		s.App.Steps = append(s.App.Steps, preflight.Setting{Value: line, File: "Dockerfile", Line: i + 1})
	}
	return s
}

func blocking(found []dev.Finding, id string) bool {
	return slices.ContainsFunc(found, func(f dev.Finding) bool { return f.ID == id && f.Severity == dev.Blocks })
}

const usual = `CMD ["streamlit", "run", "app.py"]`

func TestRun_WhatStartsTheAppSwitchesTheLoginOff(t *testing.T) {
	for name, test := range map[string]struct {
		file, body, command string
		blocks              bool
	}{
		"a script":                   {"start.sh", "export LOCAL_STREAMLIT=1\n", `ENTRYPOINT ["./start.sh"]`, true},
		"a script without an ending": {"bin/run", "LOCAL_STREAMLIT=1 exec streamlit run app.py\n", `ENTRYPOINT ["/app/bin/run"]`, true},
		"a first word":               {"entrypoint", "export LOCAL_STREAMLIT=1\n", `CMD entrypoint`, true},
		"a default of a shell":       {"start.sh", ": ${LOCAL_STREAMLIT:=1}\nexport LOCAL_STREAMLIT\n", "CMD ./start.sh", true},
		"settings of a supervisor":   {"run.conf", "environment=LOCAL_STREAMLIT=\"1\"\n", `CMD ["supervisord", "-c", "run.conf"]`, true},
		"a Python script":            {"run.py", "subprocess.run(['streamlit'], env={**os.environ, 'LOCAL_STREAMLIT': '1'})\n", "CMD python run.py", true},
		"a Procfile":                 {"Procfile", "web: LOCAL_STREAMLIT=1 streamlit run app.py\n", usual, true},
		"a script that guards":       {"start.sh", "test -z \"$LOCAL_STREAMLIT\" || exit 1\nunset LOCAL_STREAMLIT\nLOCAL_STREAMLIT= exec streamlit run app.py\n", "CMD ./start.sh", false},
		"a script of somebody's":     {"bin/run", "LOCAL_STREAMLIT=1 streamlit run app.py\n", usual, false},
		"a recipe for this machine":  {"Makefile", "run:\n\tLOCAL_STREAMLIT=1 streamlit run app.py\ndeploy:\n\tdocker push x\n", usual, false},
		"a script among the tests":   {"tests/run.sh", "LOCAL_STREAMLIT=1 streamlit run app.py\n", "CMD tests/run.sh", true},
	} {
		t.Run(name, func(t *testing.T) {
			s := dockerfile("USER app", test.command)
			s.file(test.file, test.body)
			if found := s.run(t); (blocking(found, "bypass.start") || blocking(found, "bypass.code")) != test.blocks {
				t.Errorf("%+v", found)
			}
		})
	}
}

func TestRun_WhatThePlatformIsToldSwitchesTheLoginOff(t *testing.T) {
	deploy := func(env, steps string) string {
		return "on: push\njobs:\n  test:\n    env: {LOCAL_STREAMLIT: \"1\"}\n    steps:\n      - run: pytest\n  deploy:\n" + env + "    steps:\n      - run: " + steps + "\n"
	}
	for name, test := range map[string]struct {
		id, file, body string
		blocks         bool
	}{
		"a job that deploys":           {"bypass.workflow", ".github/workflows/ci.yml", deploy("    env: {LOCAL_STREAMLIT: 1}\n", "fly deploy"), true},
		"a job that tests, beside it":  {"bypass.workflow", ".github/workflows/ci.yml", deploy("", "docker push x"), false},
		"another service":              {"bypass.workflow", ".gitlab-ci.yml", "deploy:\n  variables: {LOCAL_STREAMLIT: \"1\"}\n  script: docker push x\n", true},
		"a line that deploys":          {"bypass.workflow", "Makefile", "up:\n\tgcloud run deploy x \\\n\t  --set-env-vars LOCAL_STREAMLIT=1\n", true},
		"Kubernetes":                   {"bypass.task", "k8s/app.yaml", "apiVersion: apps/v1\nkind: Deployment\nspec:\n  env:\n    - name: LOCAL_STREAMLIT\n      value: \"1\"\n", true},
		"CloudFormation":               {"bypass.task", "stack.yml", "Environment:\n  - Name: LOCAL_STREAMLIT\n    Value: 1\n", true},
		"Terraform":                    {"bypass.task", "main.tf", "environment = [{name = \"LOCAL_STREAMLIT\", value = \"1\"}]\n", true},
		"a list of what is forbidden":  {"bypass.task", "main.tf", "forbidden = [\"LOCAL_STREAMLIT\"]\n", false},
		"a description of settings":    {"bypass.task", "settings.json", `{"name": "LOCAL_STREAMLIT", "type": "string"}`, false},
		"Kubernetes here":              {"bypass.task", "k8s/dev/app.yaml", "apiVersion: v1\ndata: {LOCAL_STREAMLIT: \"1\"}\n", false},
		"a compose file of production": {"bypass.compose", "compose.prod.yaml", "services:\n  app:\n    environment:\n      LOCAL_STREAMLIT: 1\n", true},
		"a compose file of this place": {"bypass.compose", "compose.local.yaml", "services:\n  app:\n    environment:\n      LOCAL_STREAMLIT: 1\n", false},
		"code that updates":            {"bypass.code", "app.py", "os.environ.update({'LOCAL_STREAMLIT': '1'})\n", true},
		"code that has it by default":  {"bypass.code", "app.py", "x = os.getenv('LOCAL_STREAMLIT', '1') == '1'\n", true},
		"code that reads":              {"bypass.code", "app.py", "x = {'LOCAL_STREAMLIT': os.getenv('LOCAL_STREAMLIT', '0') == '1'}\n", false},
		"a container for development":  {"bypass.task", ".devcontainer/devcontainer.json", `{"env": [{"name": "LOCAL_STREAMLIT", "value": "1"}]}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := dockerfile("USER app", usual)
			s.file(test.file, test.body)
			if found := s.run(t); blocking(found, test.id) != test.blocks {
				t.Errorf("%+v", found)
			}
		})
	}
}

func TestRun_SettingsThatTheImageTakesIn(t *testing.T) {
	for file, warns := range map[string]bool{"config/app.conf": true, "prod.env": true, "prod.env.example": false, "tox.ini": false, "tests/a.env": false, "app-local.env": false} {
		s := dockerfile("USER app", usual)
		s.file(file, "LOCAL_STREAMLIT=1\n")
		s.file(".dockerignore", ".git\n")
		s.App.Copies = []preflight.Copy{{From: ".", File: "Dockerfile", Line: 2}}
		if got := slices.Contains(idsOf(s.run(t)), "bypass.start"); got != warns {
			t.Errorf("%s: %v", file, got)
		}
	}
}

func TestRun_WhatAServiceRunsSwitchesTheLoginOff(t *testing.T) {
	s := sound()
	app := s.Compose.Services["app"]
	app.Command = []string{"sh", "-c", "LOCAL_STREAMLIT=1 streamlit run app.py"}
	s.Compose.Services["app"] = app
	if found := s.run(t); !blocking(found, "bypass.compose") {
		t.Errorf("%+v", found)
	}
}

func TestRun_WhatADockerfileSaysOfTheImage(t *testing.T) {
	for line, id := range map[string]string{
		"ENV DB_PASSWORD=hunter2":                                   "secret.variable",
		"ENV DB_PASSWORD hunter2":                                   "secret.variable",
		"ENV DB_PASSWORD=$PASSWORD":                                 "",
		"ENV SECRET_KEY=hunter2":                                    "secret.variable",
		"ENV SMTP_PASS=hunter2":                                     "secret.variable",
		"ENV GPG_KEY=A035C8C19219BA821ECEA86B64E628F8D684696D":      "", // as images of Python have it
		"ARG PIP_TOKEN=q8w7e6r5":                                    "secret.image",
		"ARG PIP_TOKEN":                                             "",
		"RUN pip install -i https://bob:hunter2@pypi.example.com x": "secret.image",
		"ENV OIDC_ISSUER=http://localhost:8601":                     "mock.issuer",
		"USER 0:0":                                                  "image.user",
		"USER root:app":                                             "image.user",
		"USER 1000:0":                                               "",
	} {
		s := dockerfile("FROM python:3.12", "USER app", line, usual)
		s.file("Dockerfile", "FROM python:3.12\n")
		if got := idsOf(s.run(t)); id == "" && len(got) > 0 || id != "" && !slices.Equal(got, []string{id}) {
			t.Errorf("%s: %v", line, got)
		}
	}
}

func TestRun_VersionsThatAreBounded(t *testing.T) {
	for line, blocks := range map[string]bool{"streamlit==1.53.*": true, "streamlit ~= 1.50.1": true, "streamlit>=1.20,<1.54": true, "streamlit<=1.53.9": true, "streamlit[all]<1.40 ; python_version < '4.0'": true,
		"streamlit~=1.50": false, "streamlit>=1.20": false, "streamlit<2": false, "streamlit ; python_version < '1.2'": false, "streamlit==1.60.*": false} {
		s := dockerfile("USER app", usual)
		s.App.Streamlit.Value = "any"
		s.file("requirements.txt", line+"\n")
		if found := s.run(t); blocking(found, "streamlit.vulnerable") != blocks {
			t.Errorf("%s: %+v", line, found)
		}
	}
	s := dockerfile("RUN pip install --no-cache-dir 'streamlit==1.50.0' pandas", "USER app", usual)
	s.App.Streamlit = preflight.Setting{}
	if found := s.run(t); !blocking(found, "streamlit.vulnerable") {
		t.Errorf("%+v", found)
	}
}

func TestRun_ThePasswordOfAPackageIndex(t *testing.T) {
	s := sound()
	s.file("pip.conf", "[global]\nindex-url = https://bob:"+"q8w7e6r5t4@pypi.example.com/simple\n")
	if found := s.run(t); !blocking(found, "secret.source") {
		t.Errorf("%+v", found)
	}
}

func TestRun_LooksIntoArchivesInTheImage(t *testing.T) {
	var zipped, packed bytes.Buffer
	z := zip.NewWriter(&zipped)
	for name, body := range map[string]string{"in/notes.txt": githubKey + "\n", "in/.env": "A=1\n"} {
		f, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	g := gzip.NewWriter(&packed)
	if _, err := g.Write(tarOf(t, []testFile{{name: "notes.txt", body: awsKey + "\n"}})); err != nil {
		t.Fatal(err)
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		file, body string
		want       []string
	}{
		"a zip":         {"app/x.zip", zipped.String(), []string{"secret.dotenv", "secret.layer"}},
		"a packed tar":  {"app/x.tgz", packed.String(), []string{"secret.layer"}},
		"a damaged zip": {"app/x.zip", zipped.String()[:40], []string{}},
		"a damaged tar": {"app/x.tgz", packed.String()[:20], []string{}},
		"a package":     {"usr/lib/python3/dist-packages/x.zip", zipped.String(), []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			s := sound()
			s.inImage(test.file, test.body)
			if got := idsOf(s.run(t)); !slices.Equal(got, test.want) && len(got)+len(test.want) > 0 {
				t.Errorf("%v", got)
			}
		})
	}
}

func TestRun_RootByAnyName(t *testing.T) {
	for user, root := range map[string]bool{"0:0": true, "00": true, "root:app": true, "toor": true, "app": false, "1000:0": false, "rootless": false} {
		s := sound()
		s.config.Config.User = user
		s.inImage("etc/passwd", "root:x:0:0::/:/bin/sh\ntoor:x:0:0::/:/bin/sh\n")
		if got := slices.Contains(idsOf(s.run(t)), "image.user"); got != root {
			t.Errorf("%s: %v", user, got)
		}
	}
}
