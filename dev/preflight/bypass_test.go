package preflight_test

import (
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
	"sdev/dev/preflight"
)

// way is a way to switch the login off in source, with the place that must be found, and a harmless twin in which
// nothing must be found.
type way struct {
	name   string
	id     string
	at     string // FILE:LINE
	files  map[string]string
	twin   map[string]string // files that replace those
	steps  []string          // of the Dockerfile; nil: the usual ones
	twinOf []string          // steps of the twin; nil: the same
	change func(*subject)    // changes both
	warns  bool
}

// one is a way with a single file.
func one(name, id, at, body, twin string) way {
	file, _, _ := strings.Cut(at, ":")
	return way{name: name, id: id, at: at, files: map[string]string{file: body}, twin: map[string]string{file: twin}}
}

// started is a way with a single file, which the image starts.
func started(name, at, body, twin string, steps ...string) way {
	w := one(name, "bypass.start", at, body, twin)
	w.steps = append([]string{"WORKDIR /app", "COPY . .", "USER app"}, steps...)
	return w
}

// with adds a change of the subjects to a way.
func (w way) with(change func(*subject)) way {
	w.change = change
	return w
}

const stLine = "import streamlit as st\n"

func ways() []way {
	py := func(name, at, body, twin string) way { return one(name, "bypass.code", "app.py:"+at, body, twin) }
	task := func(name, at, body, twin string) way { return one(name, "bypass.task", at, body, twin) }
	loaded := func(name, at, data, twin, script string) way {
		w := one(name, "bypass.start", at, data, twin)
		w.files["app.py"], w.twin["app.py"] = script, script
		w.change = copiesAll
		return w
	}
	step := func(name, at string, steps, twin []string) way {
		return way{name: name, id: "bypass.dockerfile", at: at, steps: steps, twinOf: twin}
	}
	all := []way{
		py("an entry", "2", "import os\nos.environ['LOCAL_STREAMLIT'] = '1'\n", "import os\nprint(os.environ['LOCAL_STREAMLIT'] == '1')\n"),
		py("a constant", "3", "import os\nN = 'LOCAL_STREAMLIT'\nos.environ[N] = '1'\n", "import os\nN = 'LOCAL_STREAMLIT'\nlocal = os.environ.get(N)\n"),
		py("parts", "2", "import os\nos.environ['LOCAL_' + 'STREAMLIT'] = '1'\n", "import os\nlocal = os.environ.get('LOCAL_' + 'STREAMLIT')\n"),
		py("an f-string", "3", "import os\nA = 'LOCAL'\nos.environ[f'{A}_STREAMLIT'] = '1'\n", "import os\nA = 'LOCAL'\nprint(f'{A}_STREAMLIT')\n"),
		py("a fallback", "2", "import os\nif os.getenv('LOCAL_STREAMLIT', '1') == '1': pass\n", "import os\nif os.getenv('LOCAL_STREAMLIT', '') == '1': pass\n"),
		py("a fallback of environ", "2", "import os\nx = os.environ.get('LOCAL_STREAMLIT', 'yes')\n", "import os\nx = os.environ.get('LOCAL_STREAMLIT', 'no') == 'yes'\n"),
		py("update", "2", "import os\nos.environ.update({'LOCAL_STREAMLIT': '1'})\n", "import os\nos.environ.update({'DEBUG': 'LOCAL_STREAMLIT'})\n"),
		py("update by a name", "2", "import os\nos.environ.update(LOCAL_STREAMLIT='1')\n", "import os\nos.environ.update(DEBUG='1')  # LOCAL_STREAMLIT='1'\n"),
		py("a bar", "2", "import os\nos.environ |= {'LOCAL_STREAMLIT': '1'}\n", "import os\nos.environ.pop('LOCAL_STREAMLIT', None)\n"),
		py("setdefault", "2", "import os\nos.environ.setdefault('LOCAL_STREAMLIT', '1')\n", "import os\nos.environ.setdefault('DEBUG', '1')\n"),
		py("putenv", "2", "import os\nos.putenv('LOCAL_STREAMLIT', '1')\n", "import os\nos.unsetenv('LOCAL_STREAMLIT')\n"),
		py("environ as e", "2", "from os import environ as e\ne['LOCAL_STREAMLIT'] = '1'\n", "from os import environ as e\ndel e['LOCAL_STREAMLIT']\n"),
		py("os as o", "2", "import os as o\no.environ['LOCAL_STREAMLIT'] = '1'\n", "import os as o\no.environ['LOCAL_STREAMLIT'] = ''\n"),
		py("e = os.environ", "3", "import os\ne = os.environ\ne['LOCAL_STREAMLIT'] = '1'\n", "import os\ne = os.environ\ne.pop('LOCAL_STREAMLIT', '1')\n"),
		py("dict of environ", "2", "import os, subprocess\nsubprocess.run('x', env=dict(**os.environ, LOCAL_STREAMLIT='1'))\n", "import os, subprocess\nsubprocess.run('x', env=dict(**os.environ, DEBUG='1'))\n"),
		py("a program that is started", "2", "import os, subprocess\nsubprocess.Popen('x', env={**os.environ, 'LOCAL_STREAMLIT': '1'})\n", "import os, subprocess\nsubprocess.Popen('x', env={**os.environ})  # 'LOCAL_STREAMLIT': '1'\n"),
		py("a command", "2", "import os\nos.system('LOCAL_STREAMLIT=1 streamlit run x.py')\n", "import os\nos.system('unset LOCAL_STREAMLIT')\n"),
		py("a patch", "2", "from unittest import mock\nmock.patch.dict('os.environ', {'LOCAL_STREAMLIT': '1'}).start()\n", "from unittest import mock\nmock.patch.dict('os.environ', {'DEBUG': '1'}).start()\n"),
		py("what people read", "3", "import os\nHELP = '''LOCAL_STREAMLIT=1 is for sdev'''\nos.environ['LOCAL_STREAMLIT'] = '1'\n", "HELP = '''\nos.environ['LOCAL_STREAMLIT'] = '1'\n'''\n"),
		one("another module", "bypass.code", "shop/boot.py:2", "import os\nos.environ.update(LOCAL_STREAMLIT='1')\n", "import os\nprint('LOCAL_STREAMLIT' in os.environ)\n"),
		{name: "a constant of another module", id: "bypass.code", at: "app.py:3", files: map[string]string{"names.py": "FLAG = 'LOCAL_STREAMLIT'\n", "app.py": "import os\nfrom names import FLAG\nos.environ[FLAG] = '1'\n"},
			twin: map[string]string{"names.py": "FLAG = 'LOCAL_STREAMLIT'\n", "app.py": "import os\nfrom names import FLAG\nprint(os.environ.get(FLAG))\n"}},
		{name: "a script that is run by its path", id: "bypass.start", at: "boot.py:2", change: modules("app.py"), files: map[string]string{"app.py": "import runpy\nrunpy.run_path('boot.py')\n", "boot.py": "import os\nos.environ['LOCAL_STREAMLIT'] = '1'\n"},
			twin: map[string]string{"app.py": stLine, "boot.py": "import os\nos.environ['LOCAL_STREAMLIT'] = '1'\n"}},
		{name: "what Python runs by itself", id: "bypass.start", at: "sitecustomize.py:2", change: func(s *subject) { modules("app.py")(s); copiesAll(s) }, files: map[string]string{"sitecustomize.py": "import os\nos.environ['LOCAL_STREAMLIT'] = '1'\n"}, twin: map[string]string{"sitecustomize.py": "import os\nos.environ.pop('LOCAL_STREAMLIT', None)\n"}},
		{name: "a .pth file", id: "bypass.start", at: "extra.pth:2", change: copiesAll, files: map[string]string{"extra.pth": "lib\nimport os; os.environ['LOCAL_STREAMLIT'] = '1'\n"}, twin: map[string]string{"extra.pth": "lib\n# import os; os.environ['LOCAL_STREAMLIT'] = '1'\n"}},

		loaded("JSON", "flags.json:1", `{"LOCAL_STREAMLIT": "1"}`, `{"LOCAL_STREAMLIT": ""}`, "import os, json\nos.environ.update(json.load(open('flags.json')))\n"),
		loaded("YAML", "conf/flags.yaml:2", "env:\n  LOCAL_STREAMLIT: 1\n", "env:\n  DEBUG: 1 # LOCAL_STREAMLIT: 1\n", "import os, yaml\nfor k, v in yaml.safe_load(open('conf/flags.yaml'))['env'].items():\n    os.environ[k] = str(v)\n"),
		loaded("TOML", "flags.toml:2", "[env]\nLOCAL_STREAMLIT = \"1\"\n", "[env]\nDEBUG = \"1\"\n", "import os, tomllib\nwith open('flags.toml', 'rb') as f:\n    os.environ.update(tomllib.load(f)['env'])\n"),
		loaded("dotenv", "x.env:1", "LOCAL_STREAMLIT=1\n", "# LOCAL_STREAMLIT=1\n", "from dotenv import load_dotenv\nload_dotenv('x.env')\n"),
		loaded("dotenv without a name", ".env:1", "LOCAL_STREAMLIT=1\n", "DEBUG=1\n", "from dotenv import load_dotenv\nload_dotenv()\n"),
		loaded("dotenv of this machine", "dev.env:1", "LOCAL_STREAMLIT=1\n", "DEBUG=1\n", "from dotenv import load_dotenv\nload_dotenv('dev.env')\n"),
		loaded("a text of settings", "conf.txt:1", "LOCAL_STREAMLIT=1\n", "LOCAL_STREAMLIT is for development\n", "import os\nfor l in open('conf.txt'):\n    k, v = l.split('=')\n    os.environ[k] = v\n"),
		py("a stream of dotenv", "2", "import io, dotenv\ndotenv.load_dotenv(stream=io.StringIO('LOCAL_STREAMLIT=1'))\n", "import io, dotenv\ndotenv.load_dotenv(stream=io.StringIO('DEBUG=1'))\n"),
		{name: "secrets of Streamlit", id: "bypass.start", at: ".streamlit/secrets.toml:2", change: copiesAll, files: map[string]string{".streamlit/secrets.toml": "a = 1\nLOCAL_STREAMLIT = \"1\"\n"}, twin: map[string]string{"secrets.toml.md": "LOCAL_STREAMLIT = \"1\"\n"}},
		{name: "secrets elsewhere", id: "bypass.start", at: "conf/s.toml:1", change: copiesAll, files: map[string]string{"conf/s.toml": "LOCAL_STREAMLIT = 1\n", ".streamlit/config.toml": "[secrets]\nfiles = [\"conf/s.toml\"]\n"}, twin: map[string]string{"conf/s.toml": "[dev]\nDEBUG = 1\n", ".streamlit/config.toml": "[secrets]\nfiles = [\"conf/s.toml\"]\n"}},
		{name: "a directory of variables", id: "bypass.start", at: "env/LOCAL_STREAMLIT:1", change: copiesAll, files: map[string]string{"env/LOCAL_STREAMLIT": "1\n"}, twin: map[string]string{"env/LOCAL_STREAMLIT": "\n"}},

		started("a script of local/", "local/run.sh:2", "#!/bin/sh\nexport LOCAL_STREAMLIT=1\n", "#!/bin/sh\nunset LOCAL_STREAMLIT\n", `ENTRYPOINT ["./local/run.sh"]`),
		started("a script of dev-tools/", "dev-tools/run.sh:1", "LOCAL_STREAMLIT=1 exec streamlit run app.py\n", "exec streamlit run app.py\n", `CMD ["/app/dev-tools/run.sh"]`),
		started("a script of tests/", "tests/start.sh:1", "export LOCAL_STREAMLIT=1\n", "export DEBUG=1\n", "CMD sh tests/start.sh"),
		started("a script of scripts/", "scripts/start:1", "export LOCAL_STREAMLIT=1\n", ": LOCAL_STREAMLIT\n", `ENTRYPOINT ["scripts/start"]`),
		started("a script in Python", "local/run.py:2", "import os\nos.environ['LOCAL_STREAMLIT'] = '1'\n", "import os\nprint(os.environ.get('LOCAL_STREAMLIT'))\n", `CMD ["python", "local/run.py"]`).with(modules("app.py")),
		started("a supervisor", "local/supervisord.conf:2", "[program:app]\nenvironment=LOCAL_STREAMLIT=\"1\",A=\"2\"\n", "[program:app]\n; environment=LOCAL_STREAMLIT=\"1\"\n", `CMD ["supervisord", "-c", "/app/local/supervisord.conf"]`),
		started("a name of parts", "run.sh:2", "P=LOCAL\nexport \"${P}_STREAMLIT=1\"\n", "P=LOCAL\nunset \"${P}_STREAMLIT\"\n", "CMD ./run.sh"),
		started("quotes within", "run.sh:1", "export LOCAL_\"STREAMLIT\"=1\n", "echo LOCAL_\"STREAMLIT\"=1\n", "CMD ./run.sh"),
		started("env", "run.sh:1", "exec env LOCAL_STREAMLIT=1 streamlit run app.py\n", "exec env -u LOCAL_STREAMLIT streamlit run app.py\n", "CMD ./run.sh"),
		{name: "a file that is sourced", id: "bypass.start", at: "dev/settings.sh:1", steps: []string{"WORKDIR /app", "COPY . .", "USER app", "CMD ./run.sh"}, files: map[string]string{"run.sh": "set -a; . ./dev/settings.sh\nexec streamlit run app.py\n", "dev/settings.sh": "LOCAL_STREAMLIT=1\n"},
			twin: map[string]string{"run.sh": "# . ./dev/settings.sh\nexec streamlit run app.py\n", "dev/settings.sh": "LOCAL_STREAMLIT=1\n"}},
		{name: "a file that is handed on", id: "bypass.start", at: "flags.txt:1", steps: []string{"WORKDIR /app", "COPY . .", "USER app", "CMD ./run.sh"}, files: map[string]string{"run.sh": "export $(cat flags.txt | xargs)\n", "flags.txt": "LOCAL_STREAMLIT=1\n"},
			twin: map[string]string{"run.sh": "exec streamlit run app.py\n", "flags.txt": "LOCAL_STREAMLIT=1\n"}},
		{name: "two scripts of one name", id: "bypass.start", at: "local/run.sh:1", change: func(s *subject) { s.App.Copies = []preflight.Copy{{From: "local", To: "/opt/bin"}} }, steps: []string{"WORKDIR /app", "USER app", "CMD /opt/bin/run.sh"}, files: map[string]string{"local/run.sh": "export LOCAL_STREAMLIT=1\n", "run.sh": "echo\n"},
			twinOf: []string{"WORKDIR /app", "USER app", "CMD /app/run.sh"}, twin: map[string]string{"local/run.sh": "export LOCAL_STREAMLIT=1\n", "run.sh": "echo\n"}},
		{name: "a link to a script", id: "bypass.start", at: "local/run.sh:1", steps: []string{"WORKDIR /app", "COPY . .", "USER app", "CMD ./start"}, files: map[string]string{"local/run.sh": "export LOCAL_STREAMLIT=1\n"}, twin: map[string]string{"local/run.sh": "export DEBUG=1\n"}, change: func(s *subject) {
			s.files["start"] = &fstest.MapFile{Data: []byte("local/run.sh"), Mode: fs.ModeSymlink | 0o777}
		}},
		{name: "a Procfile that names a script", id: "bypass.start", at: "dev/web.sh:1", files: map[string]string{"Procfile": "web: sh dev/web.sh\n", "dev/web.sh": "export LOCAL_STREAMLIT=1\n"}, twin: map[string]string{"Procfile": "web: streamlit run app.py\n", "dev/web.sh": "export LOCAL_STREAMLIT=1\n"}},
		{name: "a service that names a script", id: "bypass.start", at: "local/go.sh:1", files: map[string]string{"local/go.sh": "export LOCAL_STREAMLIT=1\n"}, twin: map[string]string{"local/go.sh": "echo LOCAL_STREAMLIT\n"}, change: func(s *subject) { s.App.Command = []string{"bash", "local/go.sh"} }},

		step("ENV by an argument", "Dockerfile:2", []string{"ARG N=LOCAL_STREAMLIT", "ENV ${N}=1", "USER app", usual}, []string{"ARG N=LOCAL_STREAMLIT", "ENV A=1", "USER app", usual}),
		step("ENV of parts", "Dockerfile:2", []string{"ARG P=LOCAL", "ENV ${P}_STREAMLIT=1", "USER app", usual}, []string{"ARG P=LOCAL", "ENV ${P}_STREAMLIT=", "USER app", usual}),
		step("a command in words", "Dockerfile:2", []string{"USER app", `CMD ["sh", "-c", "LOCAL_STREAMLIT=1 streamlit run app.py"]`}, []string{"USER app", `CMD ["sh", "-c", "test -z $LOCAL_STREAMLIT && streamlit run app.py"]`}),
		step("a command with env", "Dockerfile:2", []string{"USER app", `ENTRYPOINT ["env", "LOCAL_STREAMLIT=1", "streamlit"]`}, []string{"USER app", `ENTRYPOINT ["env", "-u", "LOCAL_STREAMLIT", "streamlit"]`}),
		step("a command by a variable", "Dockerfile:3", []string{"ENV N=LOCAL_STREAMLIT", "USER app", "CMD export $N=1 && streamlit run app.py"}, []string{"ENV N=LOCAL_STREAMLIT", "USER app", "CMD unset $N && streamlit run app.py"}),
		step("a command in Python", "Dockerfile:2", []string{"USER app", `CMD ["python", "-c", "import os; os.environ['LOCAL_STREAMLIT'] = '1'; import app"]`}, []string{"USER app", `CMD ["python", "-c", "import os; print(os.environ['LOCAL_STREAMLIT'])"]`}),
		step("a step that writes", "Dockerfile:1", []string{"RUN echo LOCAL_STREAMLIT=1 >> /etc/environment", "USER app", usual}, []string{"RUN echo LOCAL_STREAMLIT=1 is not set here", "USER app", usual}),
		step("a file that is written there", "Dockerfile:1", []string{"COPY <<EOF /app/.env\nLOCAL_STREAMLIT=1\nEOF", "USER app", usual}, []string{"COPY <<EOF /app/.env\n# LOCAL_STREAMLIT=1\nEOF", "USER app", usual}),
		step("a step of what is made from it", "Dockerfile:1", []string{"ONBUILD ENV LOCAL_STREAMLIT=1", "USER app", usual}, []string{"ONBUILD ENV A=1", "USER app", usual}),
		{name: "a step that tests", id: "bypass.dockerfile", at: "Dockerfile:1", warns: true, steps: []string{"RUN LOCAL_STREAMLIT=1 pytest", "USER app", usual}, twinOf: []string{"RUN pytest", "USER app", usual}},
		{name: "a file that a service is given", id: "bypass.compose", at: "compose.yaml:9", files: map[string]string{"compose.yaml": compose + "    configs: [flags]\n"}, twin: map[string]string{"compose.yaml": compose}, change: func(s *subject) {
			app := s.Compose.Services["app"]
			app.Configs = []types.ServiceConfigObjConfig{{Source: "flags", Target: "/app/.env"}}
			s.Compose.Services["app"] = app
			s.Compose.Configs = types.Configs{"flags": {Content: "LOCAL_STREAMLIT=1\n"}}
			if !strings.Contains(string(s.files["compose.yaml"].Data), "flags") {
				s.Compose.Configs = types.Configs{"flags": {Content: "# LOCAL_STREAMLIT=1\n"}}
			}
		}},

		task("Copilot", "copilot/shop/manifest.yml:4", "name: shop\ntype: Load Balanced Web Service\nvariables:\n  LOCAL_STREAMLIT: 1\n", "name: shop\nvariables:\n  LOG_LEVEL: info # LOCAL_STREAMLIT: 1\n"),
		task("Copilot, an environment", "copilot/shop/manifest.yml:4", "environments:\n  prod:\n    variables:\n      LOCAL_STREAMLIT: 1\n", "environments:\n  prod:\n    variables: {}\n"),
		task("Terraform's variables", "prod.tfvars:2", "env = {\n  LOCAL_STREAMLIT = \"1\"\n}\n", "env = {\n  # LOCAL_STREAMLIT = \"1\"\n}\n"),
		task("Terraform in JSON", "main.tf.json:1", `{"locals": {"env": {"LOCAL_STREAMLIT": "1"}}}`, `{"locals": {"forbidden": ["LOCAL_STREAMLIT"]}}`),
		task("Terraform by a constant", "main.tf:4", "locals {\n  flag = \"LOCAL_STREAMLIT\"\n}\nenv = { (local.flag) = \"1\" }\n", "locals {\n  flag = \"LOCAL_STREAMLIT\"\n}\n"),
		task("Terraform, of parts", "main.tf:2", "locals { p = \"LOCAL\" }\nenv = { \"${local.p}_STREAMLIT\" = \"1\" }\n", "locals { p = \"LOCAL\" }\noutput = \"${local.p}_STREAMLIT\"\n"),
		task("Terraform, dynamic", "main.tf:3", "env {\n  # below\n  name  = \"LOCAL_STREAMLIT\"\n  value = var.on\n}\n", "env {\n  name  = \"LOCAL_STREAMLIT\"\n  value = \"\"\n}\n"),
		task("Nomad", "shop.nomad:2", "env {\n  LOCAL_STREAMLIT = \"1\"\n}\n", "env {\n  A = \"1\"\n}\n"),
		task("Helm's values", "chart/values.yaml:2", "env:\n  LOCAL_STREAMLIT: \"1\"\n", "env: {}\n# LOCAL_STREAMLIT: \"1\"\n"),
		task("Helm's values of a platform", "values-prod.yaml:2", "env:\n  - name: LOCAL_STREAMLIT\n    value: \"1\"\n", "env:\n  - name: A\n    value: \"1\"\n"),
		task("a template of Helm", "chart/templates/app.yaml:4", "{{- if .Values.x }}\nspec:\n  env:\n    - name: LOCAL_STREAMLIT\n      value: {{ .Values.on | quote }}\n{{- end }}\n", "{{- if .Values.x }}\n# name: LOCAL_STREAMLIT, value: x\n{{- end }}\n"),
		task("Kubernetes", "k8s/app.yaml:5", "apiVersion: apps/v1\nkind: Deployment\nspec:\n  env:\n    - {name: LOCAL_STREAMLIT, value: \"1\"}\n", "apiVersion: v1\nmetadata:\n  annotations: {description: LOCAL_STREAMLIT=1 is for development}\n"),
		task("a ConfigMap", "k8s/config.yaml:4", "apiVersion: v1\nkind: ConfigMap\ndata:\n  LOCAL_STREAMLIT: \"1\"\n", "apiVersion: v1\nkind: ConfigMap\ndata:\n  LOCAL_STREAMLIT: \"\"\n"),
		task("a ConfigMap with a file", "k8s/config.yaml:6", "apiVersion: v1\nkind: ConfigMap\ndata:\n  app.env: |\n    A=1\n    LOCAL_STREAMLIT=1\n", "apiVersion: v1\nkind: ConfigMap\ndata:\n  app.env: |\n    A=1\n    # LOCAL_STREAMLIT=1\n"),
		task("a secret", "k8s/secret.yaml:4", "apiVersion: v1\nkind: Secret\ndata:\n  LOCAL_STREAMLIT: MQ==\n", "apiVersion: v1\nkind: Secret\ndata: {}\n"),
		task("kustomize", "kustomization.yaml:3", "configMapGenerator:\n  - literals:\n      - LOCAL_STREAMLIT=1\n", "configMapGenerator:\n  - literals:\n      - LOCAL_STREAMLIT=\n"),
		task("a patch of kustomize", "kustomization.yaml:4", "patches:\n  - patch: |\n      - op: add\n        path: /data/LOCAL_STREAMLIT\n        value: \"1\"\n", "patches:\n  - patch: |\n      - op: remove\n        path: /data/LOCAL_STREAMLIT\n"),
		{name: "a file of kustomize", id: "bypass.task", at: "app.env:1", files: map[string]string{"kustomization.yaml": "configMapGenerator:\n  - name: a\n    envs:\n      - app.env\n", "app.env": "LOCAL_STREAMLIT=1\n"}, twin: map[string]string{"kustomization.yaml": "configMapGenerator:\n  - name: a\n", "app.env": "LOCAL_STREAMLIT=1\n"}},
		task("App Engine", "app.yaml:3", "runtime: python312\nenv_variables:\n  LOCAL_STREAMLIT: \"1\"\n", "runtime: python312\nenv_variables:\n  A: \"1\"\n"),
		task("Databricks", "app.yaml:3", "command: [streamlit, run, app.py]\nenv:\n  - name: LOCAL_STREAMLIT\n    value: \"1\"\n", "command: [streamlit, run, app.py]\n"),
		task("Fly", "fly.toml:2", "[env]\nLOCAL_STREAMLIT = \"1\"\n", "[env]\n# LOCAL_STREAMLIT = \"1\"\n"),
		task("Fly, a command", "fly.toml:2", "[processes]\napp = \"env LOCAL_STREAMLIT=1 streamlit run app.py\"\n", "[processes]\napp = \"env -u LOCAL_STREAMLIT streamlit run app.py\"\n"),
		task("Wrangler", "wrangler.toml:2", "[vars]\nLOCAL_STREAMLIT = \"1\"\n", "[vars]\nA = \"LOCAL_STREAMLIT\"\n"),
		task("Wrangler in JSON with comments", "wrangler.jsonc:3", "{\n  // vars\n  \"vars\": {\"LOCAL_STREAMLIT\": \"1\"},\n}\n", "{\n  // \"vars\": {\"LOCAL_STREAMLIT\": \"1\"},\n}\n"),
		task("Elastic Beanstalk", ".ebextensions/env.config:3", "option_settings:\n  aws:elasticbeanstalk:application:environment:\n    LOCAL_STREAMLIT: 1\n", "option_settings:\n  aws:elasticbeanstalk:application:environment:\n    A: 1\n"),
		task("Elastic Beanstalk, in pairs", ".ebextensions/env.config:3", "option_settings:\n  - namespace: aws:elasticbeanstalk:application:environment\n    option_name: LOCAL_STREAMLIT\n    value: 1\n", "option_settings: []\n"),
		task("CloudFormation", "stack.yml:5", "Resources:\n  T:\n    Properties:\n      Environment:\n        - Name: LOCAL_STREAMLIT\n          Value: 1\n", "Resources:\n  T: {Description: LOCAL_STREAMLIT=1}\n"),
		task("SAM", "template.yaml:5", "Transform: AWS::Serverless-2016-10-31\nGlobals:\n  Function:\n    Environment:\n      Variables: {LOCAL_STREAMLIT: 1}\n", "Transform: AWS::Serverless-2016-10-31\n"),
		task("SAM's parameters", "samconfig.toml:2", "[default.deploy.parameters]\nparameter_overrides = \"LOCAL_STREAMLIT=1\"\n", "[default.deploy.parameters]\nparameter_overrides = \"A=1\"\n"),
		task("a task definition", "ecs/task.json:1", `{"containerDefinitions": [{"environment": [{"name": "LOCAL_STREAMLIT", "value": "1"}]}]}`, `{"containerDefinitions": [{"environment": []}]}`),
		{name: "a file of a task definition", id: "bypass.task", at: "prod.env:1", files: map[string]string{"copilot/shop/manifest.yml": "env_file: ../../prod.env\n", "prod.env": "LOCAL_STREAMLIT=1\n"}, twin: map[string]string{"copilot/shop/manifest.yml": "name: shop\n", "prod.env": "LOCAL_STREAMLIT=1\n"}},
		task("CDK", "lib/stack.ts:1", "new Container({environment: {LOCAL_STREAMLIT: '1'}});\n", "// environment: {LOCAL_STREAMLIT: '1'}\n"),
		task("CDK by a constant", "lib/stack.ts:2", "const N = 'LOCAL_STREAMLIT';\nnew Container({environment: {[N]: '1'}});\n", "const N = 'LOCAL_STREAMLIT';\nif (process.env[N]) { throw new Error(N); }\n"),
		task("CDK in Python", "infra/stack.py:2", "import aws_cdk as cdk\nc.add_container('a', environment={'LOCAL_STREAMLIT': '0'})\n", "import aws_cdk as cdk\nc.add_container('a', environment={'A': '1'})\n"),
		task("CDK in Python, by a call", "infra/stack.py:3", "from aws_cdk import aws_ecs\nN = 'LOCAL_STREAMLIT'\nc.add_environment(N, '1')\n", "from aws_cdk import aws_ecs\nN = 'LOCAL_STREAMLIT'\n"),
		task("Pulumi in Python", "__main__.py:2", "import pulumi\nt = [{'name': 'LOCAL_STREAMLIT', 'value': '1'}]\n", "import pulumi\nt = ['LOCAL_STREAMLIT']\n"),
		task("Pulumi's settings", "Pulumi.prod.yaml:3", "config:\n  shop:env:\n    LOCAL_STREAMLIT: \"1\"\n", "config: {}\n"),
		task("Serverless", "serverless.yml:3", "provider:\n  environment:\n    LOCAL_STREAMLIT: 1\n", "provider:\n  environment: {}\n"),
		task("Render", "render.yaml:4", "services:\n  - type: web\n    envVars:\n      - key: LOCAL_STREAMLIT\n        value: 1\n", "services:\n  - type: web\n    envVars:\n      - key: A\n        value: 1\n"),
		task("Railway", "railway.toml:2", "[deploy]\nstartCommand = \"LOCAL_STREAMLIT=1 streamlit run app.py\"\n", "[deploy]\nstartCommand = \"streamlit run app.py\"\n"),
		task("Heroku", "app.json:1", `{"env": {"LOCAL_STREAMLIT": {"value": "1"}}}`, `{"env": {"LOCAL_STREAMLIT": {"description": "never set it"}}}`),
		task("bake", "docker-bake.hcl:2", "target \"app\" {\n  args = { LOCAL_STREAMLIT = \"1\" }\n}\n", "target \"app\" {\n  args = {}\n}\n"),
		task("a stack", "docker-stack.yml:4", "services:\n  app:\n    environment:\n      - LOCAL_STREAMLIT=1\n", "services:\n  app:\n    environment:\n      - A=1\n"),
		task("Bicep", "main.bicep:2", "env: [ {\n  name: 'LOCAL_STREAMLIT'\n  value: '1' } ]\n", "env: [ {\n  name: 'A'\n  value: '1' } ]\n"),
		task("Container Apps", "containerapp.yaml:5", "properties:\n  template:\n    containers:\n      - env:\n          - name: LOCAL_STREAMLIT\n            value: \"1\"\n", "properties: {}\n"),
		task("App Runner", "apprunner.yaml:4", "version: 1.0\nrun:\n  env:\n    - name: LOCAL_STREAMLIT\n      value: \"1\"\n", "version: 1.0\n"),
		task("Cloud Foundry", "manifest.yml:4", "applications:\n- name: shop\n  env:\n    LOCAL_STREAMLIT: 1\n", "applications:\n- name: shop\n"),
		task("Kamal", "config/deploy.yml:3", "env:\n  clear:\n    LOCAL_STREAMLIT: 1\n", "env:\n  clear: {}\n"),
		task("Nixpacks", "nixpacks.toml:2", "[variables]\nLOCAL_STREAMLIT = \"1\"\n", "[variables]\n"),
		task("buildpacks", "project.toml:2", "[[io.buildpacks.build.env]]\nname = \"LOCAL_STREAMLIT\"\nvalue = \"1\"\n", "[[io.buildpacks.build.env]]\nname = \"A\"\nvalue = \"1\"\n"),
		task("systemd", "deploy/shop.service:2", "[Service]\nEnvironment=\"LOCAL_STREAMLIT=1\"\n", "[Service]\n# Environment=\"LOCAL_STREAMLIT=1\"\n"),
		task("Ansible", "ansible/site.yml:3", "- hosts: all\n  tasks:\n    - docker_container: {env: {LOCAL_STREAMLIT: \"1\"}}\n", "- hosts: all\n"),

		one("a workflow", "bypass.workflow", ".github/workflows/ship.yml:3", "jobs:\n  ship:\n    env: {LOCAL_STREAMLIT: 1}\n    steps: [{run: docker push x}]\n", "jobs:\n  ship:\n    env: {LOCAL_STREAMLIT: ''}\n    steps: [{run: docker push x}]\n"),
		one("a workflow that writes", "bypass.workflow", ".github/workflows/ship.yml:4", "jobs:\n  ship:\n    steps:\n      - run: echo LOCAL_STREAMLIT=1 >> $GITHUB_ENV\n      - run: docker push x\n", "jobs:\n  ship:\n    steps:\n      - run: echo LOCAL_STREAMLIT=1 is not set\n      - run: docker push x\n"),
		one("an action that deploys", "bypass.workflow", ".github/workflows/ship.yml:6", "jobs:\n  ship:\n    steps:\n      - uses: google-github-actions/deploy-cloudrun@v3\n        with:\n          env_vars: LOCAL_STREAMLIT=1\n", "jobs:\n  ship:\n    steps:\n      - uses: actions/checkout@v6\n        with:\n          env_vars: LOCAL_STREAMLIT=1\n"),
		{name: "a file that a workflow hands on", id: "bypass.task", at: "vars.yaml:1", files: map[string]string{".github/workflows/ship.yml": "jobs:\n  ship:\n    steps:\n      - run: gcloud run deploy --env-vars-file=vars.yaml\n", "vars.yaml": "LOCAL_STREAMLIT: 1\n"}, twin: map[string]string{".github/workflows/ship.yml": "jobs: {}\n", "vars.yaml": "DEBUG: 1\n"}},
		one("GitLab", "bypass.workflow", ".gitlab-ci.yml:5", "test:\n  script: pytest\nship:\n  script: docker push x\n  variables: {LOCAL_STREAMLIT: 1}\n", "test:\n  script: pytest\n  variables: {LOCAL_STREAMLIT: 1}\nship:\n  script: docker push x\n"),
		one("Cloud Build", "bypass.workflow", "cloudbuild.yaml:2", "steps:\n  - args: [run, deploy, shop, --set-env-vars, 'A=1,LOCAL_STREAMLIT=1']\n    entrypoint: gcloud run\n", "steps:\n  - args: [run, deploy, shop]\n    entrypoint: gcloud run\n"),
		one("Jenkins", "bypass.workflow", "Jenkinsfile:2", "pipeline {\n  environment { LOCAL_STREAMLIT = '1' }\n  sh 'docker push x'\n}\n", "pipeline {\n  // environment { LOCAL_STREAMLIT = '1' }\n  sh 'docker push x'\n}\n"),
		one("a line that deploys", "bypass.workflow", "Makefile:2", "ship:\n\theroku config:set LOCAL_STREAMLIT=1\n", "run:\n\tLOCAL_STREAMLIT=1 streamlit run app.py\n"),
		{name: "data of nobody's", id: "bypass.task", at: "flags.yaml:1", warns: true, files: map[string]string{"flags.yaml": "LOCAL_STREAMLIT: 1\n"}, twin: map[string]string{"flags.yaml": "description: LOCAL_STREAMLIT=1 switches the login off\n"}},
	}
	return all
}

func copiesAll(s *subject) {
	s.file(".dockerignore", ".git\n")
	s.App.Copies = []preflight.Copy{{From: ".", To: "/app", File: "Dockerfile", Line: 2}}
}

func modules(names ...string) func(*subject) {
	return func(s *subject) { s.App.Modules = names }
}

func (w way) subject(twin bool) *subject {
	steps, files := []string{"USER app", usual}, w.files
	if w.steps != nil {
		steps = w.steps
	}
	if twin {
		files = w.twin
		if w.twinOf != nil {
			steps = w.twinOf
		}
	}
	s := dockerfile(steps...)
	for name, body := range files {
		s.file(name, body)
	}
	if w.change != nil {
		w.change(s)
	}
	return s
}

// ofBypass keeps the findings about the bypass.
func ofBypass(found []dev.Finding) []dev.Finding {
	return slices.DeleteFunc(found, func(f dev.Finding) bool { return !strings.HasPrefix(f.ID, "bypass.") })
}

func TestRun_EveryWayToSwitchTheLoginOffIsFound(t *testing.T) {
	for _, w := range ways() {
		t.Run(w.name, func(t *testing.T) {
			want := dev.Blocks
			if w.warns {
				want = dev.Warns
			}
			found := ofBypass(w.subject(false).run(t))
			if !slices.ContainsFunc(found, func(f dev.Finding) bool {
				return f.ID == w.id && f.Severity == want && f.File+":"+itoa(f.Line) == w.at
			}) {
				t.Errorf("found %+v, want %s at %s", found, w.id, w.at)
			}
			if near := ofBypass(w.subject(true).run(t)); len(near) > 0 {
				t.Errorf("its harmless twin draws %+v", near)
			}
		})
	}
}
