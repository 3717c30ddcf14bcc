package detect

import (
	"path"
	"slices"
	"strings"

	"sdev/dev/pattern"
)

// launch is a statement of a Python file that starts Streamlit.
type launch struct {
	script string // as it is written, without what only the running program knows; "" if the file starts itself
	line   int
}

// launchedBy returns the calls of "streamlit run" that a Python file makes, by a command, or by a function of Streamlit.
func (c container) launchedBy(file string) []run {
	var out []run
	for _, l := range c.t.module(file).launches() {
		r := run{script: l.script, file: file, line: l.line}
		if l.script == "" {
			r.script, r.path = path.Base(file), file
		}
		for dir := path.Dir(file); r.path == ""; dir = path.Dir(dir) {
			for _, name := range []string{l.script, path.Base(l.script)} {
				if at := path.Join(dir, name); r.path == "" && at != file && c.t.mayBeApp(at) {
					r.path = at
				}
			}
			if dir == "." {
				break
			}
		}
		if r.path == "" {
			r.path, _ = c.locate(l.script, "", file, c.t.mayBeApp)
		}
		out = append(out, r)
	}
	return out
}

// isLauncher reports whether a Python file only starts other pages. It may import Streamlit for that.
func (t *tree) isLauncher(name string) bool {
	if t.module(name).shows() {
		return false
	}
	return slices.ContainsFunc(container{t: t}.launchedBy(name), func(r run) bool { return r.path != "" && r.path != name })
}

// shows reports whether a module uses something of Streamlit that puts a page together, and not only what starts it.
func (m *module) shows() bool {
	for use := range m.uses {
		switch top, _, _ := strings.Cut(use, "."); top {
		case "web", "cli", "bootstrap", "runtime", "config", "__version__", "__file__":
		default:
			return true
		}
	}
	return false
}

// runCommand is a command line that starts a script; its group is the script, or "" if what follows the text names it.
var runCommand = pattern.New(`^\s*(?:(?:[\w./]+|\{[^}]*\}) (?:-m |run |))?streamlit(?:\.web\.cli)?\s+run(?:\s+["']?([^\s"']+)|\s*$)`)

// isCommand reports whether a text, which follows the tokens before, is a command that the program starts, and not one
// that it only shows.
func isCommand(before []token) bool {
	n := len(before)
	switch {
	case n > 1 && before[n-1].is("("):
		return slices.Contains([]string{"system", "run", "Popen", "popen", "call", "check_call", "check_output", "getoutput", "split", "spawn", "create_subprocess_shell"}, before[n-2].s)
	case n > 1 && before[n-1].is("="):
		return n == 2 || before[n-3].kind == end || before[n-3].is(":")
	}
	return n > 1 && before[n-1].is(",") && before[n-2].kind == text && before[n-2].s == "-c"
}

// launches returns what the file starts with Streamlit.
func (m *module) launches() []launch {
	var out []launch
	add := func(expression []token, line int) {
		if script, ok := m.scriptOf(expression, 0); ok {
			out = append(out, launch{script, line})
		}
	}
	afterStreamlit := false // the text before this one was "streamlit"
	for i, tok := range m.tokens {
		before, rest := m.tokens[:i], m.tokens[i+1:]
		switch {
		case tok.kind == text:
			if match := runCommand.FindStringSubmatch(tok.s); match != nil && isCommand(before) {
				if match[1] != "" {
					add([]token{{text, match[1], tok.line}}, tok.line)
				} else if len(rest) > 1 && rest[0].is("+") {
					add(argument(rest[1:]), tok.line)
				}
			}
			if afterStreamlit && tok.s == "run" && len(rest) > 1 && rest[0].is(",") {
				add(argument(rest[1:]), tok.line)
			}
			afterStreamlit = isStreamlit(tok.s)
		case tok.kind != word || len(rest) < 2 || !rest[0].is("("):
		case tok.s == "main_run", tok.s == "run" && m.isBootstrap(before):
			first := rest[1:]
			if first[0].is("[") { // the arguments of a command line
				first = first[1:]
			}
			add(argument(first), tok.line)
		}
	}
	return out
}

// isBootstrap reports whether a call of run, which follows the tokens before, is that of Streamlit's bootstrap module.
func (m *module) isBootstrap(before []token) bool {
	if isMemberOf(before, "bootstrap") {
		return true
	}
	return !isMethod(before) && slices.ContainsFunc(m.imports, func(i imported) bool {
		return strings.HasPrefix(i.name, "streamlit") && strings.HasSuffix(i.name, "bootstrap") && slices.Contains(i.from, "run")
	})
}

// argument returns the tokens up to the comma or bracket that ends an argument.
func argument(rest []token) []token {
	depth := 0
	for i, tok := range rest {
		switch {
		case tok.is("("), tok.is("["), tok.is("{"):
			depth++
		case tok.is(")"), tok.is("]"), tok.is("}"):
			if depth--; depth < 0 {
				return rest[:i]
			}
		case tok.is(",") && depth == 0, tok.kind == end:
			return rest[:i]
		}
	}
	return rest
}

// filled is a part of a text that the program fills in.
var filled = pattern.New(`^\{[^}]*\}/?|^[rbf]?["']`)

// scriptOf returns the path that an expression stands for: its texts, joined, with those of the variables in it. It is ""
// if the expression is the path of the file itself; ok is false if it names no script.
func (m *module) scriptOf(expression []token, depth int) (script string, ok bool) {
	parts, self := m.parts(expression, depth)
	if n := len(parts); n > 0 && strings.HasSuffix(parts[n-1], ".py") {
		return strings.TrimPrefix(path.Join(parts...), "/"), true
	}
	return "", self && len(parts) == 0
}

// parts returns the texts of an expression in order, and whether the path of the file itself is in it.
func (m *module) parts(expression []token, depth int) (parts []string, self bool) {
	const deepest = 4
	for i, tok := range expression {
		switch {
		case tok.kind == text:
			if name, isName := strings.CutPrefix(strings.TrimSuffix(tok.s, "}"), "{"); isName && !strings.ContainsAny(name, "{}/") && depth < deepest {
				more, is := m.parts(tokens(name), depth+1)
				parts, self = append(parts, more...), self || is
				continue
			}
			parts = append(parts, filled.ReplaceAllString(tok.s, ""))
		case tok.kind != word:
		case tok.s == "__file__", tok.s == "argv" && isMemberOf(expression[:i], "sys"):
			self = true
		case depth < deepest && !isMethod(expression[:i]):
			more, is := m.parts(m.assigned(tok.s), depth+1)
			parts, self = append(parts, more...), self || is
		}
	}
	return parts, self
}

// assigned returns the expression of the first assignment to a variable.
func (m *module) assigned(name string) []token {
	for i, tok := range m.tokens {
		if tok.kind != word || tok.s != name || i > 0 && m.tokens[i-1].kind != end && !m.tokens[i-1].is(":") {
			continue
		}
		rest := m.tokens[i+1:]
		if len(rest) < 2 || !rest[0].is("=") || rest[1].is("=") {
			continue
		}
		if n := slices.IndexFunc(rest, func(t token) bool { return t.kind == end }); n >= 0 {
			rest = rest[:n]
		}
		return rest[1:]
	}
	return nil
}

// otherFrameworks are packages whose programs are no Streamlit apps, even if they have the name of one.
func otherFrameworks() []string {
	return []string{"aws_cdk", "bokeh", "bottle", "chainlit", "dash", "django", "fasthtml", "fastapi", "flask", "gradio", "litestar", "nicegui", "panel", "quart", "sanic", "shiny", "solara", "starlette", "taipy", "tornado", "uvicorn"}
}

// mayBeApp reports whether there is such a file, and it is no program of another framework.
func (t *tree) mayBeApp(name string) bool {
	if !t.has(name) || !strings.HasSuffix(name, ".py") {
		return t.has(name)
	}
	m := t.module(name)
	return m.importsStreamlit() > 0 || !slices.ContainsFunc(m.imports, func(i imported) bool { return i.level == 0 && slices.Contains(otherFrameworks(), i.top()) })
}
