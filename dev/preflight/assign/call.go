package assign

import (
	"maps"
	"slices"
	"strings"
)

// arguments are those of a call.
type arguments struct {
	list   []value
	named  map[string]value
	spread value // named arguments and mappings after **
}

func (e *evaluation) arguments(t []token) arguments {
	a := arguments{named: map[string]value{}}
	if atTop(t, "for") >= 0 {
		a.list = []value{{items: []value{e.value(e.bindComprehension(t))}}}
		return a
	}
	for _, part := range splitTop(t, ",") {
		switch {
		case len(part) == 0:
		case part[0].is("**"):
			a.spread = a.spread.withMapping(e.value(part[1:]))
		case part[0].is("*"):
			a.list = append(a.list, e.value(part[1:]).items...)
		case len(part) > 2 && part[0].kind == word && part[1].is("="):
			v := e.value(part[2:])
			a.named[part[0].s] = v
			a.spread = a.spread.withEntries(entry{textValue(part[0].s), v, part[0].line})
		default:
			a.list = append(a.list, e.value(part))
		}
	}
	return a
}

func (a arguments) at(i int, names ...string) value {
	for _, name := range names {
		if v, ok := a.named[name]; ok {
			return v
		}
	}
	if i >= 0 && i < len(a.list) {
		return a.list[i]
	}
	return value{}
}

// all returns a value computed from everything that a call is given.
func (a arguments) all(more ...value) value {
	return unknown(slices.Concat(a.list, slices.Collect(maps.Values(a.named)), []value{a.spread}, more)...)
}

// call records what a call does to the environment, and returns its result.
func (e *evaluation) call(f value, t []token) value {
	at := e.line()
	if len(t) > 0 {
		at = t[0].line
	}
	a := e.arguments(t)
	if i := strings.LastIndexByte(f.module, '.'); i >= 0 { // its own name, whatever the import calls it
		f.name = f.module[i+1:]
	}
	owner := value{}
	if f.owner != nil {
		owner = *f.owner
	}
	if f.name == "map" || f.name == "filter" {
		e.evalMap(t)
	}
	e.noteDefault(f.name, a, at, t)
	e.noteProcess(f, a, at)
	e.notePair(a.named, at)
	if out, ok := e.onEnvironment(f, owner, a, at); ok {
		return out
	}
	if out, ok := e.knownCall(f, owner, a, at); ok {
		return out
	}
	if out, ok := owner.method(f.name, a.list); ok {
		return out
	}
	if f.function != nil {
		return f.function.call(a)
	}
	if f.name == "update" && f.owner != nil { // of a mapping that has a name
		if _, ok := e.in.lookUp(owner.name); ok {
			v := value{uncertain: true}.withMapping(a.spread)
			for _, arg := range a.list {
				v = v.withMapping(arg)
			}
			e.in.bind(owner.name, v)
		}
	}
	return a.all(owner, f)
}

// call binds the parameters of a function to the arguments.
func (f *scope) call(a arguments) value {
	shift := 0
	if len(f.parameters) > 0 && (f.parameters[0] == "self" || f.parameters[0] == "cls") {
		shift = 1
	}
	for i, name := range f.parameters {
		f.bind(name, a.at(i-shift, name))
	}
	if rest := len(f.parameters) - shift; f.list != "" && len(a.list) > rest {
		f.bind(f.list, value{items: a.list[rest:]})
	}
	if f.named != "" {
		f.bind(f.named, value{uncertain: true}.withMapping(a.spread))
	}
	return f.returns.union(value{uncertain: true})
}

// evalMap is map(function, list) with a lambda.
func (e *evaluation) evalMap(t []token) {
	colon := slices.IndexFunc(t, func(t token) bool { return t.is(":") })
	if len(t) < 4 || !t[0].is("lambda") || colon != 2 {
		return
	}
	parts := splitTop(t[colon+1:], ",")
	if len(parts) == 2 {
		e.bindEach(t[1:2], e.value(parts[1]))
		e.value(parts[0])
	}
}

// onEnvironment is a method of os.environ, or a function that sets a variable.
func (e *evaluation) onEnvironment(f, owner value, a arguments, at int) (value, bool) {
	env := owner.env || owner.envCopy
	switch {
	case env && f.name == "update":
		for _, arg := range a.list {
			e.update(arg, at)
		}
		e.update(a.spread, at)
	case env && (f.name == "setdefault" || f.name == "__setitem__"):
		e.set(a.at(0, "key"), a.at(1, "value", "default"), at)
	case env && f.name == "__ior__":
		e.update(a.at(0), at)
	case env && f.name == "copy":
		return value{envCopy: true, uncertain: true}, true
	case env:
		return value{uncertain: true}.union(value{texts: a.at(1).texts, inputs: a.at(1).inputs}), true
	case f.name == "getenv":
		return value{uncertain: true}.union(value{texts: a.at(1, "default").texts}), true
	case f.name == "partial" && len(a.list) > 1 && a.list[0].owner != nil:
		return e.onEnvironment(a.list[0], *a.list[0].owner, arguments{list: a.list[1:], named: a.named, spread: a.spread}, at)
	case f.name == "putenv" || f.name == "setenv" || f.name == "putenvb" || f.name == "SetEnvironmentVariableW":
		e.set(a.at(0, "name", "key"), a.at(1, "value"), at)
	case f.name == "set_key" && len(a.list) > 2:
		e.set(a.list[1], a.list[2], at)
	case f.name == "setitem" && a.at(0).env: // monkeypatch.setitem, operator.setitem
		e.set(a.at(1), a.at(2), at)
	case f.name == "dict" && (owner.name == "patch" || owner.module == "unittest.mock.patch"):
		if a.at(0, "in_dict").env || slices.Contains(a.at(0, "in_dict").texts, "os.environ") {
			values := a.named["values"]
			if len(a.list) > 1 {
				values = a.list[1]
			}
			e.update(values.union(a.spread), at)
		}
	case f.name == "__setitem__" && a.at(0).env:
		e.set(a.at(1), a.at(2), at)
	default:
		return value{}, false
	}
	return value{uncertain: true}, true
}

// knownCall returns the result of a function that is known.
func (e *evaluation) knownCall(f, owner value, a arguments, at int) (value, bool) {
	switch f.name {
	case "import_module", "__import__":
		if name := a.at(0, "name"); len(name.texts) > 0 {
			return value{module: name.texts[0], uncertain: true}, true
		}
	case "getattr":
		if name := a.at(1); len(name.texts) > 0 {
			return e.attribute(a.at(0), name.texts[0]), true
		}
	case "open":
		v := a.all()
		v.module = fileModule
		return v, true
	case "write", "writelines", "write_text":
		if f.name == "write_text" || owner.module == fileModule {
			e.noteWritten(a, at)
		}
	case "globals", "locals":
		return value{name: "globals", uncertain: true}, true
	case "exec", "eval", "compile":
		e.runText(a.at(0), at)
	case "load_dotenv", "read_env", "read_envfile", "load_env", "read_dotenv":
		v := a.all()
		if len(v.inputs) == 0 {
			v.inputs = []string{".env"}
		}
		e.p.note(e.m, at, Loads, v.inputs)
	case "dotenv_values":
		v := a.all()
		if len(v.inputs) == 0 {
			v.inputs = []string{".env"}
		}
		return v, true
	}
	return e.construct(f, owner, a, at)
}

// fileModule marks the value of an open file.
const fileModule = "file"

// noteWritten records settings that a script writes into a file.
func (e *evaluation) noteWritten(a arguments, at int) {
	for _, text := range slices.Concat(a.at(0, "data").texts, textsOf(a.at(0, "data").items)) {
		if len(Shell(text, e.p.variable)) > 0 {
			e.p.note(e.m, at, Sets, nil)
		}
	}
}

// runText runs a text as a program.
func (e *evaluation) runText(v value, at int) {
	for _, src := range v.texts {
		if e.depth >= maxDepth/2 || v.unquoted {
			return
		}
		for _, l := range lines(src, 1, maxDepth/2) {
			for i := range l.tokens {
				l.tokens[i].line = at
			}
			for rest := l.tokens; len(rest) > 0; {
				var head []token
				head, rest = compound(rest)
				if !slices.ContainsFunc(head, func(t token) bool { return t.is("def") || t.is("exec") || t.is("eval") }) {
					e.p.run(e.m, statement{tokens: head, in: e.in})
				}
			}
		}
	}
}

// noteProcess records what the environment and the command of a started program set.
func (e *evaluation) noteProcess(f value, a arguments, at int) {
	if env, ok := a.named["env"]; ok {
		e.update(env, at)
	}
	switch f.name {
	case "execve", "execvpe", "execle", "execlpe", "spawnve", "spawnvpe", "spawnle", "spawnlpe", "posix_spawn", "posix_spawnp":
		if n := len(a.list); n > 2 {
			e.update(a.list[n-1], at)
		}
	}
	if !slices.Contains([]string{"system", "popen", "run", "call", "check_call", "check_output", "Popen", "getoutput", "getstatusoutput", "create_subprocess_shell", "create_subprocess_exec",
		"execv", "execvp", "execl", "execlp", "spawnv", "spawnl", "spawnlp", "spawnvp", "execvpe", "execve"}, f.name) {
		return
	}
	for _, arg := range a.list {
		for _, s := range slices.Concat(arg.texts, textsOf(arg.items)) {
			if len(Shell(s, e.p.variable)) > 0 {
				e.p.note(e.m, at, Sets, nil)
			}
		}
	}
}

func textsOf(all []value) (out []string) {
	for _, v := range all {
		out = append(out, v.texts...)
	}
	return out
}

// noteDefault records a default that applies if the variable is not set.
func (e *evaluation) noteDefault(name string, a arguments, at int, t []token) {
	if name == "Field" && a.at(0, "default").isTrue() && slices.Contains(a.at(-1, "env", "alias", "validation_alias").texts, e.p.variable) {
		e.p.note(e.m, at, Default, nil)
	}
	if !slices.Contains(a.at(0, "key", "name", "varname", "option").texts, e.p.variable) {
		return
	}
	lower := strings.ToLower(name)
	if !strings.Contains(lower, "env") && !slices.Contains([]string{"get", "config", "bool", "str", "int", "flag", "setting", "getbool", "get_bool", "getboolean", "setdefault", "option"}, lower) || strings.Contains(lower, "del") {
		return
	}
	if lower == "putenv" || lower == "setenv" {
		return // see onEnvironment
	}
	if strings.HasPrefix(lower, "add") || strings.HasPrefix(lower, "set") || strings.HasPrefix(lower, "with") {
		e.noteEntry(a.at(0, "key", "name"), a.at(1, "value"), at)
		return
	}
	fallback := a.at(1, "default", "failobj", "fallback")
	switch {
	case len(fallback.texts) == 0 || fallback.isEmpty():
	case fallback.isFalse():
		// The text "0" is not empty, so it means yes unless it is compared.
		if !fallback.unquoted && !slices.Contains([]string{"bool", "int", "getbool", "getboolean", "config"}, lower) && e.isCondition(t) && a.named["cast"].isZero() {
			e.p.note(e.m, at, Default, nil)
		}
	case !e.isComparedWithOther(fallback):
		e.p.note(e.m, at, Default, nil)
	}
}

// isCondition reports whether the call with these arguments decides something by itself.
func (e *evaluation) isCondition(t []token) bool {
	before := e.at - len(t) - 3 // the call's name and its bracket
	for before >= 0 && (e.t[before].is(".") || e.t[before].kind == word && !slices.Contains([]string{"if", "elif", "while", "not", "and", "or"}, e.t[before].s)) {
		before--
	}
	whole := e.at >= len(e.t) || e.peekAny(":", "and", "or", "else", ")")
	return whole && before >= 0 && e.t[before].kind == word
}

// isComparedWithOther reports whether the result is compared with a text that the default does not have.
func (e *evaluation) isComparedWithOther(fallback value) bool {
	at := e.at
	for at+3 < len(e.t) && e.t[at].is(".") && e.t[at+2].is("(") { // .lower()
		at += 3 + len(insideBrackets(e.t[at+2:])) + 1
	}
	if at+1 >= len(e.t) || !e.t[at].is("==") && !e.t[at].is("in") {
		return false
	}
	with := e.value(e.t[at+1:])
	texts := slices.Concat(with.texts, textsOf(with.items))
	return len(texts) > 0 && !slices.ContainsFunc(fallback.texts, func(s string) bool { return slices.Contains(texts, s) || slices.Contains(texts, strings.ToLower(s)) })
}

// update adds all entries of a mapping to the environment.
func (e *evaluation) update(m value, at int) {
	if m.env {
		return
	}
	for _, en := range m.entries {
		line := en.line
		if line == 0 {
			line = at
		}
		e.set(en.key, en.value, line)
	}
	for _, item := range m.items {
		if len(item.items) == 2 {
			e.set(item.items[0], item.items[1], at)
		}
	}
	if m.uncertain && len(m.inputs) > 0 {
		e.p.note(e.m, at, Loads, m.inputs)
	}
}

// set gives a variable a value. If the name is unknown, it records the files that the name may come from.
func (e *evaluation) set(key, v value, at int) {
	switch {
	case slices.Contains(key.texts, e.p.variable):
		if !v.isEmpty() {
			e.p.note(e.m, at, Sets, nil)
		}
	case len(key.texts) == 0 || key.uncertain:
		if m := union(key.inputs, v.inputs, maxInputs); len(m) > 0 {
			e.p.note(e.m, at, Loads, m)
		}
	}
}

// noteEntry records an entry of a mapping that may become an environment.
func (e *evaluation) noteEntry(key, v value, at int) {
	switch {
	case !slices.Contains(key.texts, e.p.variable) || v.isEmpty():
	case v.isTrue():
		e.p.note(e.m, at, EntryOn, nil)
	default:
		e.p.note(e.m, at, EntryOther, nil)
	}
}

// notePair records name="…" beside value="…".
func (e *evaluation) notePair(named map[string]value, at int) {
	for _, keys := range [][2]string{{"name", "value"}, {"Name", "Value"}, {"key", "value"}, {"option_name", "value"}} {
		if v, ok := named[keys[1]]; ok {
			e.noteEntry(named[keys[0]], v, at)
		}
	}
}

const maxFound = 500

func (p *program) note(m *module, at int, kind Kind, names []string) {
	key := place{m.name, at, kind}
	f, ok := p.found[key]
	if !ok && len(p.found) >= maxFound {
		return
	}
	f.File, f.Line, f.Kind, f.Names = m.name, at, kind, union(f.Names, names, maxInputs)
	p.found[key] = f
}
