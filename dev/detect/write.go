package detect

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"sdev/dev"
)

// Lines that all generated Dockerfiles share.
const (
	// Behind a proxy that intercepts TLS, the secret holds the proxy's certificate; otherwise it is empty.
	withCA = "--mount=type=secret,id=ca \\\n" +
		"    if [ -s /run/secrets/ca ]; then export SSL_CERT_FILE=/run/secrets/ca PIP_CERT=/run/secrets/ca REQUESTS_CA_BUNDLE=/run/secrets/ca%s; fi; \\\n    "
	pipCache   = "RUN --mount=type=cache,target=/root/.cache/pip "
	uvCache    = "RUN --mount=type=cache,target=/root/.cache/uv "
	condaCache = "RUN --mount=type=cache,target=/root/.mamba/pkgs "

	// Versions of the tools. Users change them in a Dockerfile of their own.
	uvVersion     = "0.13.9"
	poetryVersion = "2.5.1"
	pipenvVersion = "2026.10.3"
	micromamba    = "mambaorg/micromamba:2.5.0-debian12-slim"
)

// writer writes a Dockerfile.
type writer struct {
	strings.Builder
	f   *Findings
	pip string // the command that installs into the app's environment
}

func (w *writer) line(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }

func (w *writer) run(cache, more, commands string) {
	w.line("%s%s%s", cache, fmt.Sprintf(withCA, more), commands)
}

// dockerfile writes a Dockerfile for a tree without one. It installs the packages with their own manager and copies
// no source, which is mounted.
func (f *Findings) dockerfile() string {
	w := &writer{f: f}
	first := f.firstList()
	w.base(first.manager)
	switch first.manager {
	case "uv":
		w.uv(first)
	case "poetry":
		w.poetry(first)
	case "pipenv":
		w.pipenv(first)
	case "conda":
		w.conda(first)
	case "pyproject":
		w.pyproject(first)
	}
	w.requirements(first)
	if path, _ := f.pythonPath([]Mount{{".", appDir}}); path != appDir {
		w.line("ENV PYTHONPATH=%s", variableValue(path))
	}
	w.line("EXPOSE %d", 8501)
	return w.String()
}

// Ship returns a Dockerfile with the source, for the tree to keep; "" if there is no entry script.
func (f *Findings) Ship() string {
	e, ok := f.Entry()
	if !ok {
		return ""
	}
	w := &writer{f: f}
	w.line("# Made by sdev init from what it found in this directory.")
	w.WriteString(f.dockerfile())
	w.line("COPY . /app")
	root := f.root()
	if root != "." {
		w.line("WORKDIR %s", variableValue(path.Join(appDir, root)))
	}
	w.line("CMD [%s]", quoted([]string{"streamlit", "run", relative(root, e.Path)}))
	return w.String()
}

// DockerIgnore returns what a .dockerignore excludes from every image of the tree, except for what one of its
// Dockerfiles copies by name.
func (f *Findings) DockerIgnore() []string {
	list := []string{".git", dev.StateDir, ".venv", "venv", "**/__pycache__", ".env", ".aws", ".streamlit/secrets.toml"}
	return slices.DeleteFunc(list, func(name string) bool {
		return slices.ContainsFunc(f.Dockerfiles, func(d Dockerfile) bool {
			return slices.ContainsFunc(d.Copies, func(c Copied) bool { return c.From == name || strings.HasPrefix(c.From, name+"/") })
		})
	})
}

// firstList is the list that creates the environment: the likeliest one. If that is a requirements file, a list of
// another manager in another directory comes first, and pip installs on top of it.
func (f *Findings) firstList() depFile {
	if len(f.lists) == 0 {
		return depFile{}
	}
	first := f.lists[0]
	i := slices.IndexFunc(f.lists, func(l depFile) bool { return l.manager != "pip" && path.Dir(l.file) != path.Dir(first.file) })
	if first.manager == "pip" && i > 0 {
		return f.lists[i]
	}
	return first
}

func (w *writer) base(manager string) {
	conda := manager == "conda"
	python := w.f.Python.Value
	if python == "" {
		python = defaultPython
	}
	bin, image := "/opt/venv/bin", "python:"+python+"-slim"
	w.pip = "pip --python /opt/venv/bin/python install --disable-pip-version-check --no-compile --cache-dir=/root/.cache/pip"
	if conda {
		bin, image = "/opt/conda/bin", micromamba
		w.pip = "/opt/conda/bin/python -m pip install --disable-pip-version-check --no-compile --cache-dir=/root/.cache/pip"
	}
	w.line("FROM %s", image)
	if conda {
		w.line("USER root\nSHELL [\"/bin/sh\", \"-c\"]\nENTRYPOINT []")
	}
	w.line("ENV PATH=%s:$PATH \\\n    PYTHONDONTWRITEBYTECODE=1 \\\n    PYTHONPATH=/app \\\n    PYTHONUNBUFFERED=1\nWORKDIR /app", bin)
	w.apt()
	if !conda && manager != "uv" { // uv creates the environment itself
		w.line("RUN python -m venv --without-pip /opt/venv")
	}
}

// variableValue writes a value for ENV.
func variableValue(path string) string {
	if strings.Trim(path, letters+"_./:-") == "" {
		return path
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`).Replace(path) + `"`
}

// apt installs what packages.txt lists, as Streamlit Community Cloud does.
func (w *writer) apt() {
	if !w.f.tree.has("packages.txt") {
		return
	}
	var names []string
	for _, r := range w.f.tree.lines("packages.txt") {
		if name := strings.TrimSpace(r.text); isAptName(name) {
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		w.line("RUN apt-get update \\\n    && apt-get install -y --no-install-recommends %s \\\n    && rm -rf /var/lib/apt/lists/*", strings.Join(names, " "))
	}
}

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

// isAptName keeps anything that is no package name out of a command line.
func isAptName(s string) bool {
	return s != "" && s[0] != '-' && strings.Trim(s, letters+"+.-:=~") == ""
}

// tool installs a package manager and its extensions into an environment of its own.
func (w *writer) tool(name, version string, more ...string) {
	variable := strings.ToUpper(name)
	w.line("ARG %s=%s", variable, version)
	w.run(pipCache, "", fmt.Sprintf("python -m venv /opt/%[1]s \\\n    && /opt/%[1]s/bin/pip install --disable-pip-version-check --cache-dir=/root/.cache/pip \"%[1]s==${%[2]s}\"%[3]s", name, variable, strings.Join(append([]string{""}, more...), " ")))
}

// copy copies files into the image, each to its place in the tree.
func (w *writer) copy(files ...string) {
	byDir := map[string][]string{}
	var dirs []string
	for _, f := range files {
		if f == "" {
			continue
		}
		dir := path.Dir(f)
		if byDir[dir] == nil {
			dirs = append(dirs, dir)
		}
		byDir[dir] = append(byDir[dir], f)
	}
	for _, dir := range dirs {
		w.line("COPY [%s]", quoted(append(byDir[dir], path.Join(appDir, dir)+"/")))
	}
}

// quoted writes the list form of an instruction, in which a dollar sign would begin a variable.
func quoted(list []string) string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "$", `\\$`).Replace(s) + `"`
	}
	return strings.Join(out, ", ")
}

// shell quotes a path for the shell.
func shell(s string) string {
	if strings.Trim(s, letters+"_./-") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func (w *writer) uv(l depFile) {
	w.tool("uv", uvVersion)
	w.copy(l.file, l.lock)
	extra := ""
	if l.extra != "" {
		extra = " " + l.extra
	}
	w.run(uvCache, "", fmt.Sprintf("cd %s && UV_CACHE_DIR=/root/.cache/uv UV_LINK_MODE=copy UV_PROJECT_ENVIRONMENT=/opt/venv UV_PYTHON_DOWNLOADS=never \\\n    /opt/uv/bin/uv sync --frozen --no-dev --no-install-project%s",
		shell(path.Join(appDir, path.Dir(l.file))), extra))
}

func (w *writer) pyproject(l depFile) {
	w.tool("uv", uvVersion)
	w.copy(l.file)
	extra := ""
	if l.extra != "" {
		extra = " " + l.extra
	}
	w.run(uvCache, "", fmt.Sprintf("cd %s && UV_CACHE_DIR=/root/.cache/uv UV_LINK_MODE=copy \\\n    /opt/uv/bin/uv pip install --python /opt/venv/bin/python -r pyproject.toml%s", shell(path.Join(appDir, path.Dir(l.file))), extra))
}

// poetry lets pip install what poetry has locked: poetry itself needs endpoints that many companies' mirrors lack.
func (w *writer) poetry(l depFile) {
	w.tool("poetry", poetryVersion, "poetry-plugin-export")
	w.exported(l, "", "/opt/poetry/bin/poetry", "export --only main --output /tmp/requirements.txt")
}

func (w *writer) pipenv(l depFile) {
	w.tool("pipenv", pipenvVersion)
	w.exported(l, "export PIPENV_IGNORE_VIRTUALENVS=1 && ", "/opt/pipenv/bin/pipenv", "requirements >/tmp/requirements.txt")
}

// exported lets pip install the requirements that a manager exports from its lock file, or from a new one.
func (w *writer) exported(l depFile, before, manager, export string) {
	w.copy(l.file, l.lock)
	if l.lock == "" {
		before += manager + " lock && "
	}
	w.run(pipCache, "", fmt.Sprintf("cd %s && %s%s %s \\\n    && %s -r /tmp/requirements.txt", shell(path.Join(appDir, path.Dir(l.file))), before, manager, export, w.pip))
}

func (w *writer) conda(l depFile) {
	w.copy(l.file)
	python := ""
	if l.python.Value == "" {
		python = " python=" + defaultPython
	}
	w.run(condaCache, " MAMBA_SSL_VERIFY=/run/secrets/ca", fmt.Sprintf("micromamba install --yes --name base%s --file %s", python, shell(path.Join(appDir, l.file))))
}

// requirements installs the requirements files: first itself, and those in other directories. It adds Streamlit if no
// list has it.
func (w *writer) requirements(first depFile) {
	var args []string
	for _, l := range w.f.lists {
		if l.manager != "pip" || l.file != first.file && path.Dir(l.file) == path.Dir(first.file) {
			continue
		}
		if l.needsSource {
			w.line("COPY . /app")
		} else {
			w.copy(append([]string{l.file}, l.includes...)...)
		}
		args = append(args, "-r "+shell(path.Join(appDir, l.file)))
	}
	if !slices.ContainsFunc(w.f.lists, func(l depFile) bool { return l.line > 0 }) {
		args = append(args, "streamlit watchdog")
	}
	if len(args) > 0 {
		w.run(pipCache, "", w.pip+" "+strings.Join(args, " "))
	}
}
