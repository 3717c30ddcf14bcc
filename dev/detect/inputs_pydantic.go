package detect

import (
	"slices"
	"strings"

	"sdev/dev"
)

// settingsClasses reads the classes that pydantic fills from the environment. Each field is a variable: the prefix of the
// class and the field's name, whose case does not matter. Source: https://docs.pydantic.dev/latest/concepts/pydantic_settings
func (r *reader) settingsClasses() {
	t := r.m.tokens
	for i := 0; i+3 < len(t); i++ {
		if !t[i].is("class") || t[i+1].kind != word || !t[i+2].is("(") {
			continue
		}
		n := closing(t, i+2)
		isSettings := slices.ContainsFunc(t[i+2:n], func(base token) bool {
			return base.is("BaseSettings") && (r.m.names["BaseSettings"] != "" || r.m.names["pydantic_settings"] != "" || r.m.names["pydantic"] != "")
		})
		if isSettings {
			r.settingsClass(t[i].line, n)
		}
	}
}

// settingsClass reads the class that begins in a line, and whose body is at a token.
func (r *reader) settingsClass(line, body int) {
	var fields [][]token
	prefix, depth := "", -1
	for statement := range splitEnds(r.m.tokens[body:]) {
		first := statement[0]
		if first.is(":") { // of the class itself
			continue
		}
		width := indent(r.lines[min(first.line, len(r.lines))-1])
		if width <= indent(r.lines[line-1]) {
			break
		}
		if depth < 0 {
			depth = width
		}
		if width != depth {
			continue // of a method
		}
		for i, tok := range statement {
			if tok.is("env_prefix") && i+2 < len(statement) && statement[i+1].is("=") && statement[i+2].kind == text {
				prefix = statement[i+2].s
			}
		}
		if len(statement) > 2 && first.kind == word && statement[1].is(":") && first.s != "model_config" {
			fields = append(fields, statement)
		}
	}
	for _, field := range fields {
		name, optional := settingsField(field)
		if name == "" {
			name = strings.ToUpper(prefix + field[0].s)
		}
		r.setting(dev.InputVariable, name, true, field[0].line, optional)
	}
}

// settingsField returns the variable that a field names, or "", and whether it has a default.
func settingsField(field []token) (name string, optional bool) {
	i := slices.IndexFunc(field, func(tok token) bool { return tok.is("=") })
	if i < 0 || i+1 == len(field) {
		return "", false
	}
	value := field[i+1:]
	if !value[0].is("Field") {
		return "", true
	}
	for n, arg := range args(value[1:]) {
		keyword := len(arg) > 2 && arg[1].is("=")
		switch {
		case keyword && slices.Contains([]string{"alias", "validation_alias", "env"}, arg[0].s) && arg[2].kind == text:
			name = arg[2].s
		case keyword && (arg[0].is("default") || arg[0].is("default_factory")), !keyword && n == 0 && !arg[0].is("."):
			optional = true
		}
	}
	return name, optional
}

// splitEnds are the statements of a list of tokens.
func splitEnds(list []token) func(func([]token) bool) {
	return func(yield func([]token) bool) {
		for len(list) > 0 {
			n := slices.IndexFunc(list, func(t token) bool { return t.kind == end })
			if n < 0 {
				n = len(list)
			}
			if n > 0 && !yield(list[:n]) {
				return
			}
			list = list[min(n+1, len(list)):]
		}
	}
}
