package process_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
	"sdev/dev/devtest"
	"sdev/dev/plan"
)

func text(s string) *string { return &s }

// A service whose settings name paths of a container finds what they lead to on this machine.
func TestPaths_LeadToThisMachine(t *testing.T) {
	dir := devtest.Project(t, map[string]string{"app/pages/one.py": "", "app/code/helper.py": "text = 'helper'\n", "keys/deep/key": "key\n"})
	kept := devtest.KeepTree(t, dir)
	w := newWorld(t)
	volume := plan.Operation{Verb: plan.Create, Kind: plan.Volume, Name: "demo_data", Volume: types.VolumeConfig{Name: "demo_data"}}
	w.do(volume)
	s := service(`
import os, sys
import helper, shim
print(os.getcwd())
print(helper.text, shim.text)
print(*[open(word.split("=")[-1]).read().strip() for word in sys.argv[1:3]])
print(sys.argv[3:])
print(open(os.environ["SETTINGS"]).read().strip(), os.environ["URL"], os.environ["NOTHING"])
open(os.environ["HOME"] + "/mine", "w").write("mine")
open("/".join([os.environ["DATA"], "kept"]), "a").write("x")
print(os.listdir(os.environ["HOME"]), len(open(os.environ["DATA"] + "/kept").read()))
`, "/keys/deep/key", "--key=/run/secrets/word", "--path=/elsewhere", "/app/pages", "pages/one.py", "/keyservice")
	s.Config.WorkingDir = "/app"
	s.Config.Tmpfs = types.StringList{"/home/sdev:mode=0700"}
	s.Config.Volumes = []types.ServiceVolumeConfig{
		{Type: types.VolumeTypeBind, Source: filepath.Join(dir, "app"), Target: "/app/"},
		{Type: types.VolumeTypeBind, Source: filepath.Join(dir, "keys"), Target: "/keys", ReadOnly: true},
		{Type: types.VolumeTypeVolume, Source: "demo_data", Target: "/data"},
	}
	s.Config.Environment = types.MappingWithEquals{"PYTHONPATH": text("/opt/shim:/app/code"), "HOME": text("/home/sdev"), "DATA": text("/data"), "SETTINGS": text("/app/.streamlit/settings.toml"),
		"PYTHONDONTWRITEBYTECODE": text("1"), "URL": text("http://localhost:8501/app"), "NOTHING": text("/nothing:/here")}
	s.Files = []plan.File{
		{What: "config shim", Path: "/opt/shim/shim.py", Content: []byte("text = 'shim'\n"), Mode: 0o444},
		{What: "secret word", Path: "/run/secrets/word", Content: []byte("word\n"), Mode: 0o400},
		{What: "config settings", Path: "/app/.streamlit/settings.toml", Content: []byte("settings\n"), Mode: 0o444},
	}
	for run := range 2 {
		if run == 0 {
			w.do(w.operation(plan.Create, s))
		}
		w.do(w.operation(plan.Start, s))
		if c := w.ended(); c.ExitCode != 0 {
			t.Fatalf("exit code %d: %q", c.ExitCode, w.Tail(t.Context(), c, 20))
		}
		lines := w.printed(6 * (run + 1))[6*run:]
		want := []string{filepath.Join(dir, "app"), "helper shim", "key word", "['--path=/elsewhere', '" + filepath.Join(dir, "app", "pages") + "', 'pages/one.py', '/keyservice']",
			"settings http://localhost:8501/app /nothing:/here", fmt.Sprintf("['mine'] %d", run+1)}
		if got := strings.Join(lines, "\n"); got != strings.Join(want, "\n") {
			t.Errorf("run %d printed\n%s\nwant\n%s", run, got, strings.Join(want, "\n"))
		}
	}
	w.do(plan.Operation{Verb: plan.Remove, Kind: plan.ServiceContainer, ID: w.one().ID})
	kept.Check("the container was removed")
}

func TestPaths_AWorkingDirectoryThatNoMountLeadsToIsAnError(t *testing.T) {
	w := newWorld(t)
	s := service("")
	s.Config.WorkingDir = "/app"
	w.do(w.operation(plan.Create, s))
	err := w.Do(t.Context(), w.operation(plan.Start, s), w.labels)
	if e := dev.AsError(err); err == nil || e.Exit != dev.ExitProject || !strings.Contains(e.Message, "/app") || !strings.Contains(e.Hint, ".:/app") {
		t.Errorf("%+v", e)
	}
	if c := w.one(); c.Running {
		t.Errorf("%+v", c)
	}
}

func TestStart_AMissingProgramIsAnError(t *testing.T) {
	w := newWorld(t)
	s := service("")
	s.Config.Command = types.ShellCommand{"streamlit-of-nobody", "run"}
	w.do(w.operation(plan.Create, s))
	err := w.Do(t.Context(), w.operation(plan.Start, s), w.labels)
	if e := dev.AsError(err); err == nil || !strings.Contains(e.Message, "streamlit-of-nobody") || e.Hint == "" {
		t.Errorf("%+v", e)
	}
}

func TestStart_ATakenPortThatIsNotPublishedIsAnError(t *testing.T) {
	w := newWorld(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s := service("")
	s.Config.Expose = types.StringOrNumberList{port}
	w.do(w.operation(plan.Create, s))
	err = w.Do(t.Context(), w.operation(plan.Start, s), w.labels)
	if e := dev.AsError(err); e.Code != dev.CodePortTaken || !strings.Contains(e.Message, port) || e.Hint == "" {
		t.Errorf("%+v", e)
	}
}

func TestStart_TheEnvironmentOfTheUserStaysOutside(t *testing.T) {
	t.Setenv("AWS_SECRET_ACCESS_KEY", "of the user")
	t.Setenv("LC_TIME", "C")
	w := newWorld(t)
	w.run(service(`import os; print(os.environ.get("AWS_SECRET_ACCESS_KEY"), os.environ["LC_TIME"])`))
	if got := w.printed(1)[0]; got != "None C" {
		t.Errorf("printed %q", got)
	}
}

// A name that others have chosen is never a path.
func TestNames_NeverBecomePaths(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(t)
	for _, name := range []string{"../../outside", "/" + filepath.ToSlash(dir) + "/outside", "con", "a/b", ".."} {
		w.labels.Project = name
		s := service("")
		s.Config.ContainerName = name
		for _, op := range []plan.Operation{
			{Verb: plan.Create, Kind: plan.Network, Name: name, Network: types.NetworkConfig{Name: name}},
			{Verb: plan.Create, Kind: plan.Volume, Name: name, Volume: types.VolumeConfig{Name: name}},
			w.operation(plan.Create, s), w.operation(plan.Start, s),
		} {
			w.do(op)
		}
		if got := w.ended(); got.Name != name || got.ExitCode != 0 {
			t.Errorf("%+v", got)
		}
		have, err := w.Observe(t.Context(), name, nil)
		if err != nil || len(have.Networks) != 1 || have.Networks[0].Name != name || len(have.Volumes) != 1 || have.Volumes[0].Name != name {
			t.Errorf("%+v, %v", have, err)
		}
		for _, op := range plan.Down(have, true) {
			w.do(op)
		}
		if err := w.Kill(t.Context(), name); err != nil {
			t.Error(err)
		}
	}
	for _, above := range []string{dir, filepath.Dir(w.options.State)} {
		entries, err := os.ReadDir(above)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.Name() != "state" && e.Name() != "cache" {
				t.Errorf("%s is in %s", e.Name(), above)
			}
		}
	}
}
