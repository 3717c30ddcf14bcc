package preflight_test

import (
	"testing"

	"sdev/dev/preflight"
)

// Files for this machine, for tests and for people cause no finding, although the image contains the whole project.
func TestRun_WhatDoesNotSwitchTheLoginOffDrawsNothing(t *testing.T) {
	for name, body := range map[string]string{
		"app.py":                          "import os\nimport streamlit as st\nif os.getenv('LOCAL_STREAMLIT'):\n    st.warning('LOCAL_STREAMLIT=1: no login')\nelse:\n    st.login()\n",
		"shop/auth.py":                    "import os\n_ON = {'1', 'true'}\ndef is_local(name='LOCAL_STREAMLIT', default='0'):\n    return os.environ.get(name, default).lower() in _ON\n",
		"shop/settings.py":                "import os\nclass Settings:\n    local = os.environ.get('LOCAL_STREAMLIT', '') == '1'\n    names = ('LOCAL_STREAMLIT', 'DEBUG')\n",
		"shop/guard.py":                   "import os\nfor name in ('LOCAL_STREAMLIT', 'REQUIRE_OAUTH_IN_LOCAL'):\n    if os.environ.pop(name, None):\n        raise SystemExit(f'{name} is set')\n",
		"shop/prefixed.py":                "import os\nPREFIX = 'APP_'\ndef load(values):\n    for key, value in values.items():\n        os.environ[PREFIX + key] = value\nload({'LOCAL': '1'})\n",
		"shop/doc.py":                     "\"\"\"Run it with LOCAL_STREAMLIT=1.\n\n    os.environ['LOCAL_STREAMLIT'] = '1'\n\"\"\"\nHELP = {'LOCAL_STREAMLIT': 'leaves the login out'}\n",
		"shop/region.py":                  "import os, json\nos.environ.setdefault('AWS_REGION', 'eu-west-1')\nos.environ.update(json.load(open('shop/region.json')))\n",
		"shop/region.json":                `{"AWS_REGION": "eu-west-1", "note": "never LOCAL_STREAMLIT"}`,
		"tests/test_app.py":               "def test(monkeypatch):\n    monkeypatch.setenv('LOCAL_STREAMLIT', '1')\n",
		"tests/conftest.py":               "import os\nos.environ['LOCAL_STREAMLIT'] = '1'\n",
		"conftest.py":                     "import os\nos.environ.setdefault('LOCAL_STREAMLIT', '1')\n",
		"noxfile.py":                      "import nox\n@nox.session\ndef tests(session):\n    session.run('pytest', env={'DEBUG': '1'})\n",
		"docs/run.md":                     "    export LOCAL_STREAMLIT=1\n",
		"README.rst":                      "LOCAL_STREAMLIT=1 streamlit run app.py\n",
		"docs/compose.yaml":               "services: {app: {environment: {LOCAL_STREAMLIT: 1}}}\n",
		"compose.override.yaml":           "services:\n  app:\n    environment: {LOCAL_STREAMLIT: 1}\n",
		"docker-compose.dev.yml":          "services:\n  app:\n    environment:\n      - LOCAL_STREAMLIT=1\n",
		"Dockerfile.dev":                  "FROM python:3.12\nENV LOCAL_STREAMLIT=1\n",
		"Makefile":                        "run:\n\tLOCAL_STREAMLIT=1 streamlit run app.py\ntest:\n\tLOCAL_STREAMLIT=1 pytest\n",
		"Taskfile.yml":                    "tasks:\n  run:\n    env: {LOCAL_STREAMLIT: 1}\n    cmds: [streamlit run app.py]\n",
		"justfile":                        "run:\n    LOCAL_STREAMLIT=1 streamlit run app.py\n",
		"package.json":                    `{"scripts": {"dev": "LOCAL_STREAMLIT=1 streamlit run app.py"}}`,
		"pyproject.toml":                  "[tool.pytest.ini_options]\nenv = [\"LOCAL_STREAMLIT=1\"]\n[tool.poe.tasks.run]\nenv = {LOCAL_STREAMLIT = \"1\"}\n",
		"tox.ini":                         "[testenv]\nsetenv = LOCAL_STREAMLIT=1\n",
		".pre-commit-config.yaml":         "repos:\n  - hooks: [{id: x, entry: env LOCAL_STREAMLIT=1 pytest}]\n",
		".devcontainer/devcontainer.json": `{"containerEnv": {"LOCAL_STREAMLIT": "1"}}`,
		".vscode/launch.json":             `{"configurations": [{"env": {"LOCAL_STREAMLIT": "1"}}]}`,
		".env.example":                    "LOCAL_STREAMLIT=1\n",
		".github/workflows/test.yml":      "jobs:\n  test:\n    env: {LOCAL_STREAMLIT: 1}\n    steps: [{run: pytest}]\n",
		".github/workflows/both.yml":      "jobs:\n  test:\n    env: {LOCAL_STREAMLIT: 1}\n    steps: [{run: pytest}]\n  ship:\n    steps:\n      - run: docker push x\n",
		"k8s/overlays/dev/patch.yaml":     "apiVersion: v1\ndata: {LOCAL_STREAMLIT: \"1\"}\n",
		"chart/values-dev.yaml":           "env: {LOCAL_STREAMLIT: \"1\"}\n",
		"terraform/dev.tfvars":            "env = { LOCAL_STREAMLIT = \"1\" }\n",
		"terraform/main.tf":               "# LOCAL_STREAMLIT = \"1\" is for development\nvariable \"forbidden\" {\n  default = [\"LOCAL_STREAMLIT\"]\n}\nvariable \"LOCAL_STREAMLIT\" {\n  type = string\n}\n",
		"k8s/policy.yaml":                 "apiVersion: kyverno.io/v1\nspec:\n  rules:\n    - validate:\n        message: LOCAL_STREAMLIT=1 must not be set\n        deny: {key: \"{{ env }}\", operator: AnyIn, value: [LOCAL_STREAMLIT]}\n",
		"schema.json":                     `{"properties": {"LOCAL_STREAMLIT": {"type": "string", "description": "leaves the login out"}}}`,
		"lib/guard.ts":                    "if (process.env.LOCAL_STREAMLIT) {\n  throw new Error('LOCAL_STREAMLIT is set');\n}\nconst forbidden: string[] = ['LOCAL_STREAMLIT'];\n",
		"run-local.sh":                    "LOCAL_STREAMLIT=1 streamlit run app.py\n",
		"infra/check.py":                  "import boto3\nassert 'LOCAL_STREAMLIT' not in task['environment']\n",
		"scripts/check.sh":                "if [ -n \"${LOCAL_STREAMLIT:-}\" ]; then echo 'LOCAL_STREAMLIT=1 must not ship' >&2; exit 1; fi\n",
		"start.sh":                        "#!/bin/sh\n# LOCAL_STREAMLIT=1 is for development\nunset LOCAL_STREAMLIT\n[ \"$1\" = test ] && exec pytest tests\nexec streamlit run app.py\n",
	} {
		t.Run(name, func(t *testing.T) {
			s := dockerfile("WORKDIR /app", "COPY . .", "USER app", `ENTRYPOINT ["./start.sh"]`)
			s.file("start.sh", "exec streamlit run app.py\n")
			s.file(name, body)
			copiesAll(s)
			s.App.Copies = []preflight.Copy{{From: ".", To: "/app", File: "Dockerfile", Line: 2}}
			if found := ofBypass(s.run(t)); len(found) > 0 {
				t.Errorf("found %+v", found)
			}
		})
	}
}
