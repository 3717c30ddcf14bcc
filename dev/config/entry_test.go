package config_test

import (
	"strings"
	"testing"

	"sdev/dev"
)

func TestLoad_EntryDecidesWhatRuns(t *testing.T) {
	for name, c := range map[string]struct{ service, want string }{
		"another script":        {`{image: shop, command: streamlit run old.py --server.headless true}`, "streamlit run src/Home.py --server.headless true"},
		"in a mount":            {`{image: shop, command: [streamlit, run, old.py], volumes: ["./src:/srv/app"]}`, "streamlit run /srv/app/Home.py"},
		"all of it mounted":     {`{image: shop, command: [streamlit, run, old.py], volumes: [".:/app"]}`, "streamlit run /app/src/Home.py"},
		"in a shell":            {`{image: shop, command: [sh, -c, "pip install x && streamlit run old.py; true"]}`, "sh -c pip install x && streamlit run 'src/Home.py'; true"},
		"by a full path":        {`{image: shop, command: [/opt/venv/bin/streamlit, run, old.py]}`, "/opt/venv/bin/streamlit run src/Home.py"},
		"another command":       {`{image: shop, command: ./start.sh}`, "streamlit run src/Home.py"},
		"no command":            {`{image: shop}`, "streamlit run src/Home.py"},
		"the entry point stays": {`{image: shop, entrypoint: [/entry.sh], command: [serve]}`, "streamlit run src/Home.py"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := load(t, map[string]string{"docker-compose.yml": "x-sdev: {entry: src/Home.py}\nservices:\n  streamlit: " + c.service + "\n", "src/Home.py": "", "start.sh": "#!/bin/sh\n"})
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(p.Model.Services["streamlit"].Command, " "); got != c.want {
				t.Errorf("command %q, want %q", got, c.want)
			}
		})
	}
}

func TestLoad_EntryHasToBeAFileOfTheProject(t *testing.T) {
	for _, entry := range []string{"missing.py", "src", "/etc/passwd"} {
		_, err := load(t, map[string]string{"docker-compose.yml": "services:\n  streamlit: {image: shop}\nx-sdev:\n  entry: " + entry + "\n", "src/Home.py": ""})
		e := dev.AsError(err)
		if err == nil || e.Code != dev.CodeXSdev || e.Line != 4 || e.Hint == "" {
			t.Errorf("%s: %+v", entry, err)
		}
	}
}
