package session

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// proc returns a directory like a container's /proc, with one process.
func proc(t *testing.T, command string, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	must(t, os.MkdirAll(dir+"/7/fd", 0o755), os.WriteFile(dir+"/7/cmdline", []byte(strings.ReplaceAll(command, " ", "\x00")+"\x00"), 0o600))
	for i, file := range files {
		must(t, os.Symlink(file, filepath.Join(dir, "7/fd", string(rune('0'+i)))))
	}
	return dir
}

func TestBypassProbe_SeesWhetherTheShimIsInTheProcess(t *testing.T) {
	const shim = "/memfd:sdev-login (deleted)"
	unreadable := proc(t, "python streamlit run Home.py")
	must(t, os.Remove(unreadable+"/7/fd"))
	for name, c := range map[string]struct {
		proc string
		want string
		open bool
	}{
		"with the shim":    {proc(t, "/opt/venv/bin/python3.11 /opt/venv/bin/streamlit run Home.py", "/dev/null", shim), "kept", false},
		"without the shim": {proc(t, "/usr/bin/python3 /usr/bin/streamlit run Home.py", "/dev/null", "/memfd:other (deleted)"), "open", true},
		"as a module":      {proc(t, "python -I -m streamlit run Home.py"), "open", true},
		"unreadable":       {unreadable, "unknown", false},
		"another program":  {proc(t, "uv run streamlit run Home.py"), "", false},
		"not Streamlit":    {proc(t, "python -m http.server"), "", false},
		"only the word":    {proc(t, "python -c print('streamlit')"), "", false},
		"no process":       {t.TempDir(), "", false},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := exec.CommandContext(t.Context(), "sh", "-c", bypassProbe, "probe", c.proc).Output()
			if err != nil || strings.TrimSpace(string(out)) != c.want || isOpen(string(out)) != c.open {
				t.Errorf("output %q, %v", out, err)
			}
		})
	}
}

// Without a container engine, the probe sees every process of the machine, and asks about its container's own.
func TestBypassProbe_LeavesOutAppsOfOtherContainers(t *testing.T) {
	dir := proc(t, "python streamlit run Home.py")
	for container, want := range map[string]string{"mine": "open\n", "other": ""} {
		must(t, os.WriteFile(dir+"/7/environ", []byte("A=1\x00SDEV_CONTAINER=mine\x00B=2\x00"), 0o600))
		probe := exec.CommandContext(t.Context(), "sh", "-c", bypassProbe, "probe", dir)
		probe.Env = append(os.Environ(), "SDEV_CONTAINER="+container)
		if out, err := probe.Output(); err != nil || string(out) != want {
			t.Errorf("%s: output %q, %v", container, out, err)
		}
	}
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}
