package detect

import (
	"cmp"
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
	uvCache    = "RUN --mount=type=bind,from=uv,source=/opt/uv,target=/opt/uv --mount=type=cache,target=/root/.cache/uv "
	condaCache = "RUN --mount=type=cache,target=/root/.mamba/pkgs "

	// Versions of the tools. Users change them in a Dockerfile of their own.
	uvVersion     = "0.13.9"
	poetryVersion = "2.5.1"
	pipenvVersion = "2026.10.3"
	pdmVersion    = "2.29.4"
	micromamba    = "mambaorg/micromamba:2.5.0-debian12-slim"
)

// writer writes a Dockerfile.
type writer struct {
	strings.Builder
	f     *Findings
	at    layout
	reads []string // what the build copies, relative to its context
	ships bool     // the image may leave this machine, so that equal sources must give equal files
	pip   string   // the command of pip that installs into the app's environment
}

func newWriter(f *Findings) *writer { return &writer{f: f, at: f.layout()} }

func (w *writer) line(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }

func (w *writer) run(cache, more, commands string) {
	w.line("%s%s%s", cache, fmt.Sprintf(withCA, more), commands)
}

// dockerfile writes a Dockerfile for a tree without one. It installs the packages and copies no source, which is
// mounted. uv installs everything except conda's packages: it reads what the other managers write, and is many times
// faster than pip.
func (w *writer) dockerfile() {
	first := w.f.firstList()
	if conda := first.manager == "conda"; conda {
		w.condaBase()
		w.conda(first)
		w.condaRequirements()
	} else {
		w.base()
		w.install(first)
	}
	if path, _ := w.f.pythonPath(w.f.mounts()); path != w.at.app {
		w.line("ENV PYTHONPATH=%s", variableValue(path))
	}
	w.line("EXPOSE %d", 8501)
}

// Ship returns a Dockerfile with the source, for the tree to keep; "" if there is no entry script.
func (f *Findings) Ship() string {
	e, ok := f.Entry()
	if !ok {
		return ""
	}
	w := newWriter(f)
	w.ships = true
	w.line("# Made by sdev init from what it found in this directory.")
	w.dockerfile()
	w.copySource()
	root := f.root()
	if root != "." {
		w.line("WORKDIR %s", variableValue(path.Join(w.at.app, root)))
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
			return slices.ContainsFunc(d.Copies, func(c Copied) bool { return !c.part && (c.From == name || strings.HasPrefix(c.From, name+"/")) })
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
	if first.manager == "script" && len(f.lists) > 1 { // a script's own list is added to the others
		first = f.lists[1]
	}
	i := slices.IndexFunc(f.lists, func(l depFile) bool { return l.manager != "pip" && path.Dir(l.file) != path.Dir(first.file) })
	if first.manager == "pip" && i > 0 {
		return f.lists[i]
	}
	return first
}

// imageVariables are the variables of every image. With PYTHONDONTWRITEBYTECODE, Python writes no bytecode of the user's
// modules: two saves within a second would otherwise run the older code. It still reads the packages' bytecode.
const imageVariables = "ENV PATH=%s:$PATH \\\n    PYTHONDONTWRITEBYTECODE=1 \\\n    PYTHONPATH=%s \\\n    PYTHONUNBUFFERED=1\nWORKDIR %[2]s"

// base writes the stages before the packages. The one with uv is the same for every project, so that the engine
// builds it once.
func (w *writer) base() {
	image := w.f.baseImage()
	w.pip = "pip --python /opt/venv/bin/python install --disable-pip-version-check --no-compile --no-cache-dir"
	w.line("FROM %s AS uv\nARG UV=%s", image, uvVersion)
	w.run(pipCache, "", "pip install --disable-pip-version-check --no-compile --no-deps --cache-dir=/root/.cache/pip --target=/opt/uv \"uv==${UV}\"")
	switch w.f.firstList().manager {
	case "poetry":
		w.tool("poetry", poetryVersion, "poetry-plugin-export")
	case "pipenv":
		w.tool("pipenv", pipenvVersion)
	case "pdm":
		w.tool("pdm", pdmVersion)
	}
	w.line("\nFROM %s AS base", image)
	w.line(imageVariables, "/opt/venv/bin", variableValue(w.at.app))
	w.apt()
	w.line("RUN python -m venv --without-pip /opt/venv\n")
	if slices.ContainsFunc(w.f.lists, func(l depFile) bool { return l.needsSource }) {
		w.line("FROM base") // an earlier image may hold source that the project has no more
		return
	}
	w.line("# When only a list of packages has changed, sdev continues here from the image of its last build.\nFROM base AS %s\n\nFROM %[1]s", dev.StagePrevious)
}

// baseImage is the image that the app's own starts from.
func (f *Findings) baseImage() string {
	if f.firstList().manager == "conda" {
		return micromamba
	}
	return "python:" + cmp.Or(f.Python.Value, defaultPython) + "-slim"
}

func (w *writer) condaBase() {
	w.pip = "/opt/conda/bin/python -m pip install --disable-pip-version-check --no-compile --cache-dir=/root/.cache/pip"
	w.line("FROM %s\nUSER root\nSHELL [\"/bin/sh\", \"-c\"]\nENTRYPOINT []", micromamba)
	w.line(imageVariables, "/opt/conda/bin", variableValue(w.at.app))
	w.apt()
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
	if names, _ := w.f.SystemPackages(); len(names) > 0 {
		w.line("RUN apt-get update \\\n    && apt-get install -y --no-install-recommends %s \\\n    && rm -rf /var/lib/apt/lists/*", strings.Join(names, " "))
	}
}

// SystemPackages are the names in packages.txt, the one nearest to the entry script. What is there besides cannot be a
// package's name.
func (f *Findings) SystemPackages() (names []string, besides []Fact) {
	for _, dir := range f.dirs() {
		list := path.Join(dir, "packages.txt")
		if !f.tree.has(list) {
			continue
		}
		for _, r := range f.tree.lines(list) {
			text, _, _ := strings.Cut(r.text, "#")
			for name := range strings.FieldsSeq(text) {
				switch {
				case !isAptName(name):
					besides = append(besides, Fact{Value: name, Why: "no name of a Debian package", File: list, Line: r.n})
				case !slices.Contains(names, name):
					names = append(names, name)
				}
			}
		}
		break
	}
	return names, besides
}

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

// isAptName keeps anything that is no package name out of a command line.
func isAptName(s string) bool {
	return s != "" && s[0] != '-' && strings.Trim(s, letters+"+.-:=~") == ""
}

// tool installs a package manager and its extensions, in a stage of its own.
func (w *writer) tool(name, version string, more ...string) {
	variable := strings.ToUpper(name)
	w.line("\nFROM %s AS %s\nARG %s=%s", w.f.baseImage(), name, variable, version)
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
		byDir[dir] = append(byDir[dir], path.Join(w.at.in, f))
	}
	for _, dir := range dirs {
		w.reads = append(w.reads, byDir[dir]...)
		w.line("COPY [%s]", quoted(append(byDir[dir], path.Join(w.at.app, dir)+"/")))
	}
}

// copySource copies the whole tree into the image, and what it installs from above it.
func (w *writer) copySource() {
	w.copyOutside()
	w.reads = append(w.reads, w.at.in)
	if w.at.in == "." {
		w.line("COPY . /app")
		return
	}
	w.line("COPY [%s]", quoted([]string{w.at.in, w.at.app}))
}

// copyOutside copies what the lists install or include from above the tree: files or directories.
func (w *writer) copyOutside() {
	for _, name := range w.f.outside() {
		w.reads = append(w.reads, path.Join(w.at.in, name))
		w.line("COPY [%s]", quoted([]string{path.Join(w.at.in, name), path.Join(w.at.app, name)}))
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
