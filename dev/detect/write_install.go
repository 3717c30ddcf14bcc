package detect

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// install installs the packages of the first list with what suits its manager, and those of other lists on top. Every
// way ends in exactly the packages that it would install into an empty environment, so that a build may also start from
// the packages of an earlier one.
func (w *writer) install(first depFile) {
	var commands []string
	exact := "--exact --upgrade " // as if nothing were installed yet, whatever is
	if w.usesSource() {
		w.copySource()
	} else {
		w.copyOutside()
	}
	in := path.Join(w.at.app, path.Dir(first.file))
	switch first.manager {
	case "uv":
		w.copyList(first)
		project := " --no-install-project"
		if first.needsSource {
			project = ""
		}
		commands, exact = []string{"uv sync --frozen --no-dev" + project + option(first.extra)}, ""
	case "poetry", "pipenv", "pdm":
		w.copyList(first)
		commands, exact = append(exported(first), "uv pip sync --python /opt/venv/bin/python /tmp/requirements.txt"), ""
	case "pip", "":
		in = path.Join(w.at.app, first.base)
	}
	if lists := w.lists(first); lists != "" {
		command := fmt.Sprintf("uv pip install %s--python /opt/venv/bin/python %s", exact, lists)
		switch {
		case len(w.f.lists) == 0 && len(w.f.Derived) > 0:
			command = w.guessed(command)
		case first.manager == "pip":
			// pip accepts what no resolver should: for example two requirements that contradict each other.
			command = fmt.Sprintf("{ %s || { echo 'uv cannot install this; pip tries it'; rm -rf /opt/venv && python -m venv --without-pip /opt/venv \\\n    && %s %s; }; }", command, w.pip, lists)
		}
		commands = append(commands, command)
	}
	mounts := uvCache
	if _, ok := tools()[first.manager]; ok {
		mounts += fmt.Sprintf("--mount=type=bind,from=%[1]s,source=/opt/%[1]s,target=/opt/%[1]s ", first.manager)
	}
	for range strings.Count(mounts, "type=bind") {
		w.line("# The tools are there only while they work.") // a builder without mounts copies them in place of this line
	}
	commands = append(commands, fmt.Sprintf("{ %s || true; }", w.compile()))
	if w.ships {
		commands = append(commands, "find "+shell(w.at.app)+" -mindepth 1 -delete") // the whole source follows
	}
	w.run(mounts, "", fmt.Sprintf("export PATH=/opt/uv/bin:$PATH UV_CACHE_DIR=/root/.cache/uv UV_LINK_MODE=copy UV_INDEX_STRATEGY=unsafe-best-match UV_PROJECT_ENVIRONMENT=/opt/venv UV_PYTHON_DOWNLOADS=never; \\\n    cd %s \\\n    && %s",
		shell(in), strings.Join(commands, " \\\n    && ")))
}

// usesSource reports whether packages are built from the project's own files.
func (w *writer) usesSource() bool {
	return slices.ContainsFunc(w.f.lists, func(l depFile) bool { return l.needsSource })
}

func (w *writer) copyList(l depFile) {
	if !w.usesSource() {
		w.copy(append([]string{l.file, l.lock}, l.includes...)...)
	}
}

// guessed installs the packages that imports suggest: if not all exist, each one that does, so that the app starts and
// shows what it lacks.
func (w *writer) guessed(all string) string {
	var names []string
	for _, p := range w.f.Derived {
		names = append(names, shell(p.Value))
	}
	const one = "uv pip install --python /opt/venv/bin/python"
	return fmt.Sprintf("{ %s || { %s streamlit watchdog && for name in %s; do %s $name || echo \"$name is not installed\"; done; }; }", all, one, strings.Join(names, " "), one)
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
	switch first.manager {
	case "pyproject":
		w.copyList(first)
		args = append(args, "-r "+shell(path.Join(w.at.app, first.file))+option(first.extra))
	case "setup":
		args = append(args, "-e "+shell(path.Join(w.at.app, path.Dir(first.file))))
	}
	for _, l := range w.f.lists {
		for _, text := range l.inline {
			args = append(args, shell(text))
		}
		if l.manager != "pip" || l.file != first.file && path.Dir(l.file) == path.Dir(first.file) {
			continue
		}
		w.copyList(l)
		args = append(args, "-r "+shell(path.Join(w.at.app, l.file)))
	}
	if w.f.LacksStreamlit() {
		for _, name := range w.f.streamlitPackages() {
			args = append(args, shell(name))
		}
	}
	for _, p := range w.f.Derived {
		args = append(args, shell(p.Value))
	}
	return strings.Join(args, " ")
}

// LacksStreamlit reports whether no list has Streamlit, so that sdev adds it.
func (f *Findings) LacksStreamlit() bool {
	return !slices.ContainsFunc(f.lists, func(l depFile) bool { return l.line > 0 })
}

// streamlitPackages are the packages that sdev adds then: Streamlit, what st.login needs if the code uses that, and what notices
// saves without polling.
func (f *Findings) streamlitPackages() []string {
	if len(f.Login.Providers) > 0 {
		return []string{"streamlit[auth]", "httpx", "watchdog"}
	}
	return []string{"streamlit", "watchdog"}
}

// tools are the managers whose own program exports what they have locked, with the options that do it. poetry itself
// needs endpoints that many companies' mirrors lack, so uv installs.
func tools() map[string]string {
	return map[string]string{
		"poetry": "/opt/poetry/bin/poetry export --only main --output /tmp/requirements.txt",
		"pipenv": "PIPENV_IGNORE_VIRTUALENVS=1 /opt/pipenv/bin/pipenv requirements >/tmp/requirements.txt",
		"pdm":    "/opt/pdm/bin/pdm export --prod --output /tmp/requirements.txt",
	}
}

// exported are the commands that write what a manager has locked, or locks now, as requirements.
func exported(l depFile) []string {
	commands := []string{tools()[l.manager]}
	if l.lock == "" {
		commands = append([]string{fmt.Sprintf("/opt/%[1]s/bin/%[1]s lock", l.manager)}, commands...)
	}
	return commands
}

func (w *writer) conda(l depFile) {
	w.copyOutside()
	w.copy(l.file)
	python := ""
	if l.python.Value == "" {
		python = " python=" + defaultPython
	}
	w.run(condaCache, " MAMBA_SSL_VERIFY=/run/secrets/ca", fmt.Sprintf("micromamba install --yes --name base%s --file %s", python, shell(path.Join(w.at.app, l.file))))
}

// condaRequirements lets pip install the requirements files in other directories on top of conda's packages.
func (w *writer) condaRequirements() {
	if lists := w.lists(w.f.firstList()); lists != "" {
		w.run(pipCache, "", w.pip+" "+lists)
	}
}
