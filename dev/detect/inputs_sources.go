package detect

import (
	"slices"
	"strings"

	"sdev/dev"
)

// expression reads what the chain at i reads.
func (r *reader) expression(i int, c chain) {
	t := r.m.tokens
	if ops, ok := c.after("os.getenv"); ok && len(ops) > 0 && ops[0].call != nil {
		r.argument(dev.InputVariable, "", ops[0].call, t[i].line, true)
		return
	}
	if ops, ok := c.after("os.environ"); ok {
		r.environ(i, ops, c.next)
		return
	}
	if ops, ok := c.after("streamlit.secrets"); ok {
		r.secret(i, c, ops)
		return
	}
	for _, path := range []string{"streamlit.connection", "streamlit.experimental_connection"} {
		if ops, ok := c.after(path); ok && len(ops) > 0 && ops[0].call != nil {
			given := len(args(ops[0].call)) > 2 // settings of its own, besides name and type
			r.argument(dev.InputSecret, "connections.", ops[0].call, t[i].line, given)
		}
	}
	r.library(c, t[i].line)
}

// library reads the calls of libraries that read the environment.
func (r *reader) library(c chain, line int) {
	if c.full() == "dotenv.load_dotenv" {
		r.out.DotEnv = true
	}
	for _, path := range []string{"decouple.config", "decouple.AutoConfig()", "decouple.Config()"} {
		if ops, ok := c.after(path); ok && len(ops) > 0 && ops[0].call != nil {
			r.argument(dev.InputVariable, "", ops[0].call, line, len(args(ops[0].call)) > 1 && hasDefault(ops[0].call))
		}
	}
	for _, path := range []string{"environs.Env()", "environ.Env()", "environs.env"} {
		ops, ok := c.after(path)
		if ok && len(ops) > 1 && ops[0].attr != "" && ops[0].attr != "prefixed" && !strings.HasPrefix(ops[0].attr, "read_") {
			ops = ops[1:]
		}
		if ok && len(ops) > 0 && ops[0].call != nil {
			r.argument(dev.InputVariable, "", ops[0].call, line, hasDefault(ops[0].call))
		}
	}
}

// hasDefault reports whether a call has a second positional argument, or one that is called default.
func hasDefault(call []token) bool {
	for n, arg := range args(call) {
		keyword := len(arg) > 1 && arg[1].is("=")
		if keyword && arg[0].is("default") || !keyword && n == 1 {
			return true
		}
	}
	return false
}

// environ reads what follows os.environ.
func (r *reader) environ(i int, ops []op, next int) {
	t := r.m.tokens
	if len(ops) == 0 {
		return // who passes it on, or looks into it, reads no variable of a name
	}
	if ops[0].index != nil {
		name, ok := r.name(ops[0].index)
		if len(ops) == 1 && next+1 < len(t) && t[next].is("=") && !t[next+1].is("=") {
			if ok {
				r.out.Sets[name] = dev.Place{File: r.m.path, Line: t[i].line}
			}
			return
		}
		if len(ops) == 1 && i > 0 && t[i-1].is("del") {
			return
		}
		r.setting(dev.InputVariable, name, ok, t[i].line, false)
		return
	}
	if len(ops) < 2 || ops[1].call == nil {
		return
	}
	switch ops[0].attr {
	case "get":
		r.argument(dev.InputVariable, "", ops[1].call, t[i].line, true)
	case "pop":
		r.argument(dev.InputVariable, "", ops[1].call, t[i].line, hasDefault(ops[1].call))
	case "setdefault":
		r.argument(dev.InputVariable, "", ops[1].call, t[i].line, true)
	}
}

// secret reads what follows st.secrets.
func (r *reader) secret(i int, c chain, ops []op) {
	line := r.m.tokens[i].line
	name, rest, optional := r.secretPath(c.prefix, ops)
	switch {
	case len(rest) > 0 && rest[0].index != nil: // a key that the program computes
		r.out.Computed = addPlace(r.out.Computed, dev.Place{File: r.m.path, Line: line})
	case name == "" && (i == 0 || !r.m.tokens[i-1].is("in")) && !r.aliasing(i, c):
		r.out.Whole = addPlace(r.out.Whole, dev.Place{File: r.m.path, Line: line})
	case name != "":
		r.setting(dev.InputSecret, name, true, line, optional)
	}
}

// aliasing reports whether the statement only gives the chain another name.
func (r *reader) aliasing(i int, c chain) bool {
	t := r.m.tokens
	return i > 1 && t[i-1].is("=") && t[i-2].kind == word && (i == 2 || t[i-3].kind == end) && c.next < len(t) && t[c.next].kind == end
}

// methods are what a table of secrets can do; other attributes are keys.
var methods = []string{"get", "keys", "values", "items", "to_dict", "has_key", "pop", "copy", "load_if_toml_exists", "set_suppress_print_error_on_exception"}

// secretPath follows keys. rest are the operations behind the last key.
func (r *reader) secretPath(prefix string, ops []op) (name string, rest []op, optional bool) {
	name = prefix
	for len(ops) > 0 {
		key, used := "", 1
		switch {
		case ops[0].attr != "" && !slices.Contains(methods, ops[0].attr):
			key = ops[0].attr
			if len(ops) > 1 && ops[1].call != nil {
				return name, ops, optional // a method that is not known: of the value
			}
		case ops[0].attr == "get" && len(ops) > 1 && ops[1].call != nil:
			list := args(ops[1].call)
			if len(list) == 0 {
				return name, ops, optional
			}
			literal, ok := r.name(list[0])
			if !ok {
				return name, []op{{index: list[0]}}, optional
			}
			key, used, optional = literal, 2, true
		case ops[0].index != nil:
			literal, ok := r.name(ops[0].index)
			if !ok {
				return name, ops, optional
			}
			key = literal
		default:
			return name, ops, optional
		}
		name = strings.TrimPrefix(name+"."+key, ".")
		ops = ops[used:]
	}
	return name, nil, optional
}

// call reads calls of methods of AWS clients, whatever the client is called.
func (r *reader) call(i int) {
	t := r.m.tokens
	if t[i].kind != word || i+1 >= len(t) || !t[i+1].is("(") {
		return
	}
	kinds := map[string]dev.InputKind{"get_parameter": dev.InputParameter, "get_parameters": dev.InputParameter, "get_parameters_by_path": dev.InputParameter, "get_secret_value": dev.InputManagedSecret}
	keywords := []string{"Name", "Names", "Path", "SecretId"}
	kind, ok := kinds[t[i].s]
	if !ok {
		return
	}
	for _, arg := range args(t[i+1 : closing(t, i+1)]) {
		if len(arg) < 3 || !slices.Contains(keywords, arg[0].s) || !arg[1].is("=") {
			continue
		}
		value := arg[2:]
		if !value[0].is("[") {
			name, known := r.name(value)
			r.setting(kind, name, known, t[i].line, false)
			continue
		}
		for _, one := range args(value) {
			name, known := r.name(one)
			r.setting(kind, name, known, t[i].line, false)
		}
	}
}
