package detect_test

import (
	"strings"
	"testing"
)

// Each row has a launcher beside pages. Wanted is what is proposed: the page that it launches.
func TestTree_ProposesThePageAndNotItsLauncher(t *testing.T) {
	for name, c := range map[string]struct{ launcher, want string }{
		"subprocess with a list":      {"import subprocess, sys\nsubprocess.run([sys.executable, '-m', 'streamlit', 'run', 'ui/board.py'])\n", "ui/board.py"},
		"subprocess with a line":      {"import subprocess\nsubprocess.Popen('streamlit run ui/board.py --server.port 80', shell=True)\n", "ui/board.py"},
		"os.system":                   {"import os\nos.system('streamlit run ui/board.py')\n", "ui/board.py"},
		"a line that is put together": {"import os\nos.system('streamlit run ' + 'ui/board.py')\n", "ui/board.py"},
		"a formatted line":            {"import os\nscript = os.path.join('ui', 'board.py')\nport = 80\nos.system(f'python -m streamlit run {script} --server.port {port}')\n", "ui/board.py"},
		"a variable with a command":   {"import subprocess\ncmd = 'streamlit run ui/board.py'\nsubprocess.call(cmd.split())\n", "ui/board.py"},
		"the command line interface":  {"import sys\nimport streamlit.web.cli as stcli\nif __name__ == '__main__':\n    sys.argv = ['streamlit', 'run', 'ui/board.py']\n    sys.exit(stcli.main())\n", "ui/board.py"},
		"an old command line":         {"import sys\nfrom streamlit import cli as stcli\nsys.argv = ['streamlit', 'run', 'ui/board.py']\nsys.exit(stcli.main())\n", "ui/board.py"},
		"main_run":                    {"from streamlit.web import cli\ncli.main_run(['ui/board.py', '--server.port', '80'])\n", "ui/board.py"},
		"bootstrap":                   {"import streamlit.web.bootstrap\nstreamlit.web.bootstrap.run('ui/board.py', False, [], {})\n", "ui/board.py"},
		"bootstrap's function":        {"from streamlit.web.bootstrap import run\nfrom pathlib import Path\nHERE = Path(__file__).resolve().parent\nrun(str(HERE / 'ui' / 'board.py'), '', [], flag_options={})\n", "ui/board.py"},
		"a list in a function":        {"import os\ndef main(port=8501):\n    target = os.path.abspath(os.path.join(os.path.dirname(__file__), 'ui/board.py'))\n    args = ['streamlit', 'run', target]\n    os.execvp(args[0], args)\n", "ui/board.py"},
		"a server beside it":          {"import subprocess, uvicorn\nsubprocess.Popen(['streamlit', 'run', 'ui/board.py'])\nuvicorn.run('api:app')\n", "ui/board.py"},
		// What only speaks of a command starts nothing.
		"a docstring":       {"\"\"\"Start it: streamlit run ui/board.py\"\"\"\nimport streamlit as st\nst.title('x')\n", "run_app.py"},
		"a hint on a page":  {"import streamlit as st\nst.info('streamlit run ui/board.py')\nprint('streamlit run ui/board.py')\n", "run_app.py"},
		"a page on its own": {"import sys\nimport streamlit as st\nfrom streamlit.web import cli\nif st.runtime.exists():\n    st.title('x')\nelse:\n    sys.argv = ['streamlit', 'run', __file__]\n    cli.main()\n", "run_app.py"},
	} {
		t.Run(name, func(t *testing.T) {
			files := "-- run_app.py --\n" + c.launcher
			if c.want != "run_app.py" {
				files += "\n-- app.py --\n" + page // whose name would otherwise decide
			}
			f := found(t, treeOf(files+"\n-- ui/board.py --\n"+"import streamlit as st\nst.write(1)\n"))
			e, _ := f.Entry()
			if c.want == "run_app.py" {
				for _, e := range f.Entries {
					if strings.Contains(e.Why().Why, "starts it") {
						t.Errorf("%s: %s", e.Path, e.Why().Source())
					}
				}
				return
			}
			if e.Path != c.want || f.Ambiguous || e.Why().Source() != "run_app.py starts it ("+e.Why().Place()+")" {
				t.Errorf("proposed: %s, %s", e.Path, e.Why().Source())
			}
			for _, e := range f.Entries {
				if e.Path == "run_app.py" {
					t.Error("the launcher is a candidate")
				}
			}
		})
	}
}

func TestTree_ProposesTheAppOfPublicLayouts(t *testing.T) {
	const (
		list = "\n-- requirements.txt --\nstreamlit\n"
		nav  = "import streamlit as st\nst.navigation([st.Page('views/one.py'), st.Page('views/two.py')]).run()\n"
		tool = "import streamlit as st\n\n\n@st.cache_data\ndef load():\n    return 1\n"
	)
	for name, c := range map[string]struct{ tree, want string }{
		"a src directory":                {"-- src/app/main.py --\nimport streamlit as st\nfrom app.data import load\nst.write(load())\n-- src/app/__init__.py --\n-- src/app/data.py --\n" + tool + list, "src/app/main.py"},
		"frontend and backend":           {"-- frontend/app.py --\n" + page + "\n-- frontend/requirements.txt --\nstreamlit\n-- backend/main.py --\n" + api + "\n-- backend/requirements.txt --\nfastapi\n", "frontend/app.py"},
		"streamlit_app and api":          {"-- streamlit_app/app.py --\n" + page + "\n-- api/app.py --\n" + api + "\n-- app.py --\nimport flask\n" + list, "streamlit_app/app.py"},
		"pages at the root":              {"-- Home.py --\n" + page + "\n-- pages/1_Map.py --\n" + page + "\n-- utils.py --\n" + tool + list, "Home.py"},
		"names with pictures":            {"-- 1_🏠_Home.py --\n" + page + "\n-- pages/2_📈_Plot.py --\n" + page + list, "1_🏠_Home.py"},
		"st.navigation":                  {"-- start.py --\n" + nav + "\n-- views/one.py --\n" + page + "\n-- views/two.py --\n" + page + list, "start.py"},
		"several apps at the root":       {"-- sales_app.py --\n" + page + "\n-- stock_app.py --\n" + page + "\n-- price_app.py --\n" + page + list, "ambiguous"},
		"one of them in the readme":      {"-- sales_app.py --\n" + page + "\n-- stock_app.py --\n" + page + "\n-- README.md --\n    $ streamlit run stock_app.py\n" + list, "stock_app.py"},
		"notebooks beside it":            {"-- notebooks/explore.py --\nimport streamlit as st\n-- notebooks/x.ipynb --\n{}\n-- dashboard.py --\n" + page + list, "dashboard.py"},
		"tests and examples":             {"-- shop/ui.py --\n" + page + "\n-- tests/app.py --\n" + page + "\n-- examples/streamlit_app.py --\n" + page + list, "shop/ui.py"},
		"a component with an example":    {"-- my_component/__init__.py --\nimport streamlit.components.v1 as components\n-- example.py --\nimport streamlit as st\nfrom my_component import my_component\nmy_component()\n-- setup.py --\n", "example.py"},
		"an example in the component":    {"-- my_component/__init__.py --\nimport streamlit.components.v1 as components\n-- my_component/example.py --\nimport streamlit as st\nfrom my_component import my_component\nmy_component()\n-- my_component/frontend/node_modules/x/app.py --\n" + page + "\n-- setup.py --\n", "my_component/example.py"},
		"a test that opens the app":      {"-- app.py --\n" + page + "\n-- tests/test_app.py --\nfrom streamlit.testing.v1 import AppTest\nAppTest.from_file('app.py').run()\n" + list, "app.py"},
		"an app named like a test":       {"-- auth_test.py --\n" + page + list, "auth_test.py"},
		"only a test":                    {"-- auth_test.py --\nimport pytest\nimport streamlit as st\n" + list, ""},
		"a task runner":                  {"-- ui/web.py --\n" + page + "\n-- tasks.py --\nfrom invoke import task\n@task\ndef ui(c):\n    c.run('streamlit run ui/web.py')\n-- app.py --\n" + page + list, "ui/web.py"},
		"an app of Snowflake":            {"-- streamlit_app.py --\n" + page + "\n-- environment.yml --\ndependencies: [streamlit]\n-- snowflake.yml --\n", "streamlit_app.py"},
		"a Space":                        {"-- README.md --\n---\nsdk: streamlit\napp_file: src/space.py\n---\n-- src/space.py --\n" + page + list, "src/space.py"},
		"a Space with a second script":   {"-- README.md --\n---\nsdk: streamlit\napp_file: src/space.py\n---\n-- src/space.py --\n" + page + "\n-- app.py --\n" + page + list, "src/space.py"},
		"a workflow in another language": {"-- web/index.html --\n-- app.py --\nfrom dash import Dash\n-- tools/report.py --\n" + page + list, "tools/report.py"},
	} {
		t.Run(name, func(t *testing.T) {
			f := found(t, treeOf(c.tree))
			e, _ := f.Entry()
			got := e.Path
			if f.Ambiguous {
				got = "ambiguous"
			}
			if got != c.want {
				t.Errorf("proposed %s, want %s: %+v", got, c.want, f.Entries)
			}
		})
	}
}
