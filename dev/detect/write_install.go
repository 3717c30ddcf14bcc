package detect

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// install installs the packages of the first list with what suits its manager, and those of requirements files on top.
// Every way ends in exactly the packages that it would install into an empty environment, so that a build may also
// start from the packages of an earlier one.
func (w *writer) install(first depFile) {
	var commands []string
	exact := "--exact --upgrade " // as if nothing were installed yet, whatever is
	in := appDir
	switch first.manager {
	case "uv":
		w.uvFiles(first)
		in = path.Join(appDir, path.Dir(first.file))
		commands, exact = []string{"uv sync --frozen --no-dev --no-install-project" + option(first.extra)}, ""
	case "poetry", "pipenv":
		commands = append(w.exported(first), "uv pip sync --python /opt/venv/bin/python /tmp/requirements.txt")
		in, exact = path.Join(appDir, path.Dir(first.file)), ""
	case "pyproject":
		w.copy(first.file)
	}
	if lists := w.lists(first); lists != "" {
		command := fmt.Sprintf("uv pip install %s--python /opt/venv/bin/python %s", exact, lists)
		if first.manager == "pip" || first.manager == "" {
			// pip accepts what no resolver should: for example two requirements that contradict each other.
			command = fmt.Sprintf("{ %s || { echo 'uv cannot install this; pip tries it'; rm -rf /opt/venv && python -m venv --without-pip /opt/venv \\\n    && %s %s; }; }", command, w.pip, lists)
		}
		commands = append(commands, command)
	}
	mounts := uvCache
	if first.manager == "poetry" || first.manager == "pipenv" {
		mounts += fmt.Sprintf("--mount=type=bind,from=%[1]s,source=/opt/%[1]s,target=/opt/%[1]s ", first.manager)
	}
	if w.ships {
		commands = append(commands, "find "+appDir+" -mindepth 1 -delete") // the whole source follows
	}
	w.run(mounts, "", fmt.Sprintf("export PATH=/opt/uv/bin:$PATH UV_CACHE_DIR=/root/.cache/uv UV_LINK_MODE=copy UV_INDEX_STRATEGY=unsafe-best-match UV_PROJECT_ENVIRONMENT=/opt/venv UV_PYTHON_DOWNLOADS=never; \\\n    cd %s \\\n    && %s \\\n    && { %s || true; }",
		shell(in), strings.Join(commands, " \\\n    && "), w.compile()))
}

// compile is the command that writes bytecode, without which each start of Streamlit takes a second longer.
//
// An image for this machine gets that of Streamlit's start, which takes less time than it saves at the first start. An
// image that ships gets all of it, in the form that depends on no file's time: only of files that are newer than the
// environment, because a build may start from compiled packages.
func (w *writer) compile() string {
	if !w.ships {
		return "env -u PYTHONDONTWRITEBYTECODE /opt/venv/bin/python -c 'import streamlit.web.bootstrap' >/dev/null 2>&1"
	}
	return "find /opt/venv/lib -name '*.py' -newer /opt/venv/pyvenv.cfg | sort \\\n" +
		"        | PYTHONHASHSEED=0 /opt/venv/bin/python -m compileall -q -j 0 -i - --invalidation-mode unchecked-hash >/dev/null; touch /opt/venv/pyvenv.cfg"
}

func option(flag string) string {
	if flag == "" {
		return ""
	}
	return " " + flag
}

// lists copies the lists that uv and pip read, and returns them as arguments. Streamlit is one of them if no list has
// it.
func (w *writer) lists(first depFile) string {
	var args []string
	if first.manager == "pyproject" {
		args = append(args, "-r "+shell(path.Join(appDir, first.file))+option(first.extra))
	}
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
	return strings.Join(args, " ")
}

func (w *writer) uvFiles(l depFile) { w.copy(l.file, l.lock) }

// exported writes what a manager has locked, or locks now, as requirements for uv. poetry itself needs endpoints that
// many companies' mirrors lack.
func (w *writer) exported(l depFile) []string {
	var commands []string
	manager := ""
	switch l.manager {
	case "poetry":
		manager = "/opt/poetry/bin/poetry"
		commands = []string{manager + " export --only main --output /tmp/requirements.txt"}
	case "pipenv":
		manager = "/opt/pipenv/bin/pipenv"
		commands = []string{"PIPENV_IGNORE_VIRTUALENVS=1 " + manager + " requirements >/tmp/requirements.txt"}
	}
	w.copy(l.file, l.lock)
	if l.lock == "" {
		commands = append([]string{manager + " lock"}, commands...)
	}
	return commands
}

func (w *writer) conda(l depFile) {
	w.copy(l.file)
	python := ""
	if l.python.Value == "" {
		python = " python=" + defaultPython
	}
	w.run(condaCache, " MAMBA_SSL_VERIFY=/run/secrets/ca", fmt.Sprintf("micromamba install --yes --name base%s --file %s", python, shell(path.Join(appDir, l.file))))
}

// condaRequirements lets pip install the requirements files in other directories on top of conda's packages.
func (w *writer) condaRequirements() {
	if lists := w.lists(w.f.firstList()); lists != "" {
		w.run(pipCache, "", w.pip+" "+lists)
	}
}
