package assign

import (
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"
	"unicode"
)

// value is what is known of the result of an expression.
type value struct {
	texts     []string // its possible texts
	unquoted  bool     // texts are a number, True, False or None as it is written
	uncertain bool     // it can be something else as well
	inputs    []string // texts that it was computed from
	env       bool     // os.environ
	envCopy   bool     // a copy of os.environ
	entries   []entry  // of a mapping
	items     []value  // of a list or tuple
	module    string   // the module that it is
	function  *scope   // the function that it is
	name      string   // the last part of its name
	owner     *value   // the object that it is an attribute of
}

// entry is a key of a mapping with its value.
type entry struct {
	key, value value
	line       int
}

// Limits of what is kept of a value. Ordinary programs need a handful.
const (
	maxTexts      = 12
	maxEntries    = 200
	maxInputs     = 24
	maxTextLength = 1 << 14
)

func textValue(s string) value { return value{texts: []string{s}, inputs: []string{s}} }

// unknown returns a value that cannot be known, computed from others.
func unknown(from ...value) value {
	v := value{uncertain: true}
	for _, f := range from {
		v.inputs = union(v.inputs, f.allInputs(), maxInputs)
	}
	return v
}

// allInputs returns the texts that a value, and what it contains, was computed from.
func (v value) allInputs() []string {
	out := v.inputs
	for _, item := range v.items {
		out = union(out, item.inputs, maxInputs)
	}
	for _, e := range v.entries {
		out = union(out, e.value.inputs, maxInputs)
	}
	return out
}

func union(a, b []string, most int) []string {
	out := slices.Clip(a)
	for _, s := range b {
		if len(out) < most && len(s) <= maxTextLength && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// union returns a value that is either of two.
func (v value) union(o value) value {
	switch {
	case o.isZero():
		return v
	case v.isZero():
		return o
	}
	v.texts = union(v.texts, o.texts, maxTexts)
	v.inputs = union(v.inputs, o.inputs, maxInputs)
	v.unquoted = v.unquoted && o.unquoted
	v.uncertain, v.env, v.envCopy = v.uncertain || o.uncertain, v.env || o.env, v.envCopy || o.envCopy
	v = v.withEntries(o.entries...)
	if len(v.items) < len(o.items) {
		v.items = o.items
	}
	if v.module == "" {
		v.module = o.module
	}
	if v.function == nil {
		v.function = o.function
	}
	return v
}

func (v value) isZero() bool {
	return len(v.texts)+len(v.inputs)+len(v.entries)+len(v.items) == 0 && !v.uncertain && !v.env && !v.envCopy && v.module == "" && v.function == nil
}

// withEntries returns a mapping with more entries.
func (v value) withEntries(entries ...entry) value {
	out := slices.Clip(v.entries)
	for _, e := range entries {
		same := func(have entry) bool {
			return have.line == e.line && slices.Equal(have.key.texts, e.key.texts) && slices.Equal(have.value.texts, e.value.texts)
		}
		if len(out) < maxEntries && !slices.ContainsFunc(out, same) {
			out = append(out, e)
		}
	}
	v.entries = out
	return v
}

// isEmpty reports whether a value can only be an empty text or None.
func (v value) isEmpty() bool {
	if v.uncertain || len(v.texts) == 0 {
		return false
	}
	for _, s := range v.texts {
		if s != "" && (!v.unquoted || s != "None") {
			return false
		}
	}
	return true
}

// isFalse reports whether a value is a constant that means no.
func (v value) isFalse() bool {
	if len(v.texts) == 0 || len(v.items)+len(v.entries) > 0 {
		return false
	}
	return !slices.ContainsFunc(v.texts, func(s string) bool { return !isFalseText(s) })
}

func isFalseText(s string) bool {
	return slices.Contains([]string{"", "0", "false", "no", "off", "none", "n", "f", "null", "0.0"}, strings.ToLower(strings.TrimSpace(s)))
}

// isTrue reports whether a value is a constant that means yes.
func (v value) isTrue() bool {
	return slices.ContainsFunc(v.texts, func(s string) bool {
		return slices.Contains([]string{"1", "true", "yes", "on", "y", "t", "local", "dev"}, strings.ToLower(strings.TrimSpace(s)))
	})
}

// combine computes texts from each pair of texts of two values.
func combine(a, b value, how func(a, b string) string) value {
	out := unknown(a, b)
	for _, x := range a.texts {
		for _, y := range b.texts {
			if s := how(x, y); len(s) <= maxTextLength {
				out.texts = union(out.texts, []string{s}, maxTexts)
			}
		}
	}
	out.uncertain = a.uncertain || b.uncertain || len(out.texts) == 0
	out.inputs = union(out.inputs, out.texts, maxInputs)
	return out
}

// mapTexts computes other texts from those of a value.
func (v value) mapTexts(how func(string) string) value {
	return combine(v, value{texts: []string{""}}, func(s, _ string) string { return how(s) })
}

// method returns the result of a string method; ok is false if the method is unknown.
func (v value) method(name string, args []value) (out value, ok bool) {
	arg := func(i int) value {
		if i < len(args) {
			return args[i]
		}
		return textValue("")
	}
	switch name {
	case "upper":
		return v.mapTexts(strings.ToUpper), true
	case "lower", "casefold":
		return v.mapTexts(strings.ToLower), true
	case "strip", "lstrip", "rstrip":
		return v.mapTexts(strings.TrimSpace), true
	case "swapcase":
		return v.mapTexts(swapCase), true
	case "encode", "decode", "expanduser", "resolve", "absolute", "as_posix", "format_map":
		return v, true
	case "replace":
		if len(args) < 2 || len(arg(0).texts) != 1 || len(arg(1).texts) != 1 {
			return unknown(append(args, v)...), true
		}
		return v.mapTexts(func(s string) string { return strings.ReplaceAll(s, arg(0).texts[0], arg(1).texts[0]) }), true
	case "removeprefix":
		return combine(v, arg(0), strings.TrimPrefix), true
	case "removesuffix":
		return combine(v, arg(0), strings.TrimSuffix), true
	case "join":
		return v.join(arg(0)), true
	case "b64decode", "urlsafe_b64decode", "standard_b64decode":
		return arg(0).mapTexts(func(s string) string {
			b, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(strings.NewReplacer("-", "+", "_", "/").Replace(s), "="))
			if err != nil {
				return ""
			}
			return string(b)
		}), true
	case "fromhex", "unhexlify":
		return arg(0).mapTexts(func(s string) string { b, _ := hex.DecodeString(s); return string(b) }), true
	}
	return value{}, false
}

func swapCase(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsUpper(r) {
			return unicode.ToLower(r)
		}
		return unicode.ToUpper(r)
	}, s)
}

// join is "v".join(list).
func (v value) join(list value) value {
	if len(list.items) == 0 || len(v.texts) == 0 {
		return unknown(v, list)
	}
	out := list.items[0]
	for _, item := range list.items[1:] {
		out = combine(combine(out, v, plus), item, plus)
	}
	return out
}

func plus(a, b string) string { return a + b }

// format fills the placeholders of "…{}…" or "…%s…".
func (v value) format(args []value, named map[string]value) value {
	out := v
	for _, a := range args {
		out = combine(out, a, func(form, s string) string {
			for _, hole := range []string{"{}", "%s", "{0}", "{1}", "{2}", "{3}"} {
				if i := strings.Index(form, hole); i >= 0 {
					return form[:i] + s + form[i+len(hole):]
				}
			}
			return form
		})
	}
	for name, a := range named {
		out = combine(out, a, func(form, s string) string {
			return strings.NewReplacer("{"+name+"}", s, "%("+name+")s", s, "${"+name+"}", s, "$"+name, s).Replace(form)
		})
	}
	return out
}
