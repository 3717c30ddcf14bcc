package detect

import (
	"path"
	"slices"
	"strings"
)

// run is a call of "streamlit run" in a file of the tree.
type run struct {
	script string // as it is written; "" if a variable has it
	path   string // the file of the tree that it means; "" if that is unknown
	file   string
	line   int
	dir    string // of a "cd" before it on the same line; "" if there is none
	flags  []string
}

// words splits a command line, in a shell's syntax or as a list in a Dockerfile or YAML. Separators of the shell are
// words, and the text after -c is split as a command line.
func words(command string) []string {
	var out []string
	var b strings.Builder
	flush := func() {
		if b.Len() > 0 {
			out = append(out, b.String())
			b.Reset()
		}
	}
	quote, from := byte(0), 0
	for i := range len(command) {
		c := command[i]
		switch {
		case quote != 0 && c != quote:
			b.WriteByte(c)
		case quote != 0:
			quote = 0
			if len(out) > 0 && out[len(out)-1] == "-c" && b.Len() == i-from {
				b.Reset()
				out = append(out, words(command[from:i])...)
			}
		case c == '"' || c == '\'':
			quote, from = c, i+1
		case strings.IndexByte(" \t,[]()`", c) >= 0:
			flush()
		case strings.IndexByte(";&|", c) >= 0:
			flush()
			out = append(out, string(c))
		default:
			b.WriteByte(c)
		}
	}
	flush()
	return out
}

func isSeparator(w string) bool { return w == ";" || w == "&" || w == "|" }

// runs finds the calls of "streamlit run" in one command line.
func runs(command, file string, at int) []run {
	list := words(command)
	var out []run
	dir := ""
	for i, w := range list {
		if w == "cd" && i+1 < len(list) {
			dir = list[i+1]
		}
		if !isStreamlit(w) || i+1 >= len(list) || list[i+1] != "run" {
			continue
		}
		r := run{file: file, line: at, dir: dir}
		for _, arg := range list[i+2:] {
			if isSeparator(arg) {
				break
			}
			if strings.HasPrefix(arg, "-") {
				r.flags = append(r.flags, arg)
			} else if r.script == "" && strings.HasSuffix(arg, ".py") {
				r.script = arg
			}
		}
		if r.script == "" && !slices.ContainsFunc(list[i+2:], func(w string) bool { return strings.HasPrefix(w, "$") }) {
			r.script = "streamlit_app.py" // Streamlit's default since 1.51
		}
		out = append(out, r)
	}
	return out
}

// isStreamlit reports whether a word of a command is Streamlit's program or its module.
func isStreamlit(w string) bool {
	return slices.Contains([]string{"streamlit", "streamlit.exe", "streamlit.cli", "streamlit.web.cli"}, path.Base(w))
}

// resolve finds the file of the tree that a path in a command means, and that fits. It tries the path from each of some
// directories, likeliest first, then from the tree's own, and last as a path in an image whose first directories the
// tree does not have.
func (t *tree) resolve(name, cd string, fits func(string) bool, from ...string) (string, bool) {
	name = strings.TrimPrefix(name, "./")
	if name == "" || strings.ContainsAny(name, "$*") {
		return "", false
	}
	from = append(from, ".")
	var candidates []string
	for _, dir := range from {
		candidates = append(candidates, path.Join(dir, cd, name))
	}
	for _, dir := range from {
		candidates = append(candidates, path.Join(dir, name))
	}
	for _, c := range candidates {
		if c = path.Clean(strings.TrimPrefix(c, "/")); fits(c) {
			return c, true
		}
	}
	for rest := strings.TrimPrefix(path.Join(cd, name), "/"); ; {
		_, after, ok := strings.Cut(rest, "/")
		if !ok {
			return "", false
		}
		rest = after
		for _, dir := range from {
			if c := path.Join(dir, rest); fits(c) {
				return c, true
			}
		}
	}
}

// commandFiles are the files in which people write how their app is started, with the weight of each.
func commandFiles(t *tree) map[string]int {
	out := map[string]int{}
	for _, name := range t.names {
		base := path.Base(name)
		lower := strings.ToLower(base)
		switch {
		case base == "Procfile", base == "Makefile", base == "makefile", base == "justfile", base == "Justfile", base == "Taskfile.yml", base == "fly.toml", base == "render.yaml", base == "app.yaml", base == "snowflake.yml":
			out[name] = weightScript
		case strings.HasSuffix(base, ".sh"), base == "pyproject.toml", base == "tox.ini", base == "noxfile.py":
			out[name] = weightScript
		case strings.HasPrefix(lower, "readme"):
			out[name] = weightReadme
		case path.Base(path.Dir(name)) == "workflows" && (strings.HasSuffix(base, ".yml") || strings.HasSuffix(base, ".yaml")):
			out[name] = weightReadme
		}
	}
	return out
}

// commands returns the lines of a file, continued ones joined, without comments unless it is a readme.
func (t *tree) commands(name string) []line {
	var out []line
	comments := !strings.HasPrefix(strings.ToLower(path.Base(name)), "readme")
	continued := false
	for _, l := range t.lines(name) {
		if comments && strings.HasPrefix(strings.TrimSpace(l.text), "#") {
			continue
		}
		body, more := strings.CutSuffix(strings.TrimRight(l.text, " \t"), `\`)
		if continued {
			out[len(out)-1].text += " " + body
		} else {
			out = append(out, line{l.n, body})
		}
		continued = more
	}
	return out
}
