package docker

import (
	"errors"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"sdev/dev"
	"sdev/dev/plan"
)

func TestExplain_PointsAtTheRequirement(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"requirements.txt": "# app\nstreamlit==1.58.0\nSix_Thing[extra]==99.99 ; python_version > '3'\nurllib3==1.26.0\n",
		"pyproject.toml":   "[project]\nname = \"x\"\ndependencies = [\"streamlit>=1\", 'six-thing>=99']\n",
		"environment.yml":  "dependencies:\n  - python=3.11\n  - six-thing=99\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		step, output string
		file         string
		line         int
		lines        string
	}{
		"pip": {"RUN pip install -r requirements.txt", "Collecting streamlit\nERROR: Could not find a version that satisfies the requirement six-thing==99.99 (from versions: 1.0)\nERROR: No matching distribution found for six-thing==99.99\n[notice] A new release of pip is available",
			"requirements.txt", 3, "ERROR: Could not find a version that satisfies the requirement six-thing==99.99 (from versions: 1.0)\nERROR: No matching distribution found for six-thing==99.99"},
		"pip, versions that conflict": {"RUN pip install --requirement=/tmp/requirements.txt", "ERROR: Cannot install urllib3==1.26.0 and urllib3==2.0.0 because these package versions have conflicting dependencies.\nThe conflict is caused by:\n    The user requested urllib3==2.0.0\nTo fix this you could try to:\n1. loosen the range",
			"requirements.txt", 4, "ERROR: Cannot install urllib3==1.26.0 and urllib3==2.0.0 because these package versions have conflicting dependencies.\nThe conflict is caused by:\n    The user requested urllib3==2.0.0"},
		"pip, of another package": {"RUN pip install -r requirements.txt", "ERROR: No matching distribution found for deep==1 (from streamlit)", "requirements.txt", 0, "ERROR: No matching distribution found for deep==1 (from streamlit)"},
		"uv": {"RUN uv sync --locked", "Using CPython 3.11\nerror: No solution found when resolving dependencies\n  cause: Because only six-thing<=1.17.0 is available and your project depends on six-thing>=99, we can conclude", "pyproject.toml", 3,
			"error: No solution found when resolving dependencies\n  cause: Because only six-thing<=1.17.0 is available and your project depends on six-thing>=99, we can conclude"},
		"uv, a pinned one": {"RUN uv pip install -r requirements.txt", "error: No solution found when resolving dependencies\n  cause: Because there is no version of six-thing==99.99 and you require six-thing==99.99, we can conclude", "requirements.txt", 3,
			"error: No solution found when resolving dependencies\n  cause: Because there is no version of six-thing==99.99 and you require six-thing==99.99, we can conclude"},
		"poetry":                         {"RUN poetry install", "Resolving dependencies...\nBecause x depends on six-thing (>=99) which doesn't match any versions, version solving failed.", "pyproject.toml", 3, "Because x depends on six-thing (>=99) which doesn't match any versions, version solving failed."},
		"poetry, a package that is gone": {"RUN /opt/poetry/bin/poetry lock", "Resolving dependencies...\nPackage six-thing (99.1) not found.", "pyproject.toml", 3, "Resolving dependencies...\nPackage six-thing (99.1) not found."},
		"conda":                          {"RUN conda env create -f environment.yml", "Solving environment: failed\nPackagesNotFoundError: The following packages are not available from current channels:\n  - six-thing=99\nCurrent channels:", "environment.yml", 3, "PackagesNotFoundError: The following packages are not available from current channels:\n  - six-thing=99"},
		"micromamba":                     {"RUN micromamba install --file environment.yml", "error    libmamba Could not solve for environment specs\n    The following package could not be found\n    └─ six-thing =99 * does not exist (perhaps a typo or a missing channel).", "environment.yml", 3, "error    libmamba Could not solve for environment specs\n    └─ six-thing =99 * does not exist (perhaps a typo or a missing channel)."},
		"another failure":                {"RUN pip install -r requirements.txt", "building wheel\nerror: command 'gcc' failed", "", 0, "building wheel\nerror: command 'gcc' failed"},
	} {
		t.Run(name, func(t *testing.T) {
			r := &recipe{Build: plan.Build{Context: dir}}
			e := &dev.Error{Message: "step 3, " + c.step}
			lines := r.explain(e, "exit code: 1", strings.Split(c.output, "\n"))
			if got := strings.Join(lines, "\n"); got != c.lines || e.File != c.file || e.Line != c.line {
				t.Errorf("%s:%d\n%s\nwant %s:%d\n%s", e.File, e.Line, got, c.file, c.line, c.lines)
			}
		})
	}
}

func TestWithoutPassword_HidesIt(t *testing.T) {
	for text, want := range map[string]string{
		"https://me:word@host/x.git#main": "https://me:xxxxx@host/x.git#main",
		"https://host:8443/x@y":           "https://host:8443/x@y",
		"git@host:me/x.git":               "git@host:me/x.git",
	} {
		if got := withoutPassword(text); got != want {
			t.Errorf("%s: %s", text, got)
		}
	}
}

func TestFailed_ShowsALongStepOnOneLine(t *testing.T) {
	r := &recipe{}
	r.Service = "web"
	step := "5, stage-3: RUN --mount=type=cache,target=/root/.cache/uv --mount=type=secret,id=ca     pip install -r list.txt && " + strings.Repeat("more && ", 100)
	err, _ := errors.AsType[*dev.Error](r.failed(errors.New("process did not complete successfully: exit code: 1"), step, []string{"error: disk full"}))
	first, rest, _ := strings.Cut(err.Message, "\n")
	if !strings.HasPrefix(first, "the build of service web failed: step 5, stage-3: RUN pip install -r list.txt && more") || len([]rune(first)) > 160 || !strings.Contains(rest, "disk full") {
		t.Errorf("%s", err.Message)
	}
}

func TestFailed_SaysThatTheEngineWentAway(t *testing.T) {
	for _, err := range []error{
		io.ErrUnexpectedEOF,
		&url.Error{Op: "Post", URL: "http://engine/build", Err: io.EOF},
		&url.Error{Op: "Post", URL: "http://engine/build", Err: os.NewSyscallError("read", syscall.ECONNRESET)},
		status.Error(codes.Unavailable, "error reading from server: EOF"),
	} {
		if e := dev.AsError((&recipe{Build: plan.Build{Service: "app"}}).failed(err, "", nil)); e.Code != dev.CodeEngineUnreachable || e.Exit != dev.ExitEngine {
			t.Errorf("%v: %+v", err, e)
		}
	}
	other := status.Error(codes.Unavailable, "registry.example.com: connection refused")
	if e := dev.AsError((&recipe{Build: plan.Build{Service: "app"}}).failed(other, "", nil)); e.Code != dev.CodeBuildFailed {
		t.Errorf("%+v", e)
	}
}
