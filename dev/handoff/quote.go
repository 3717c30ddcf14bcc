package handoff

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"sdev/dev/pattern"
)

// language says how to write values in one kind of file.
type language struct {
	name    string   // of the function that writes its values into a file of another language
	endings []string // of its files' names; none if it only occurs within other files
	// literal writes a value as a complete literal, with its quotes; indent is that of its line.
	literal func(v any, indent string) (string, error)
	// insideQuotes writes a text for double quotes that the template has written. It is nil if the language has no
	// quotes that prevent evaluation.
	insideQuotes func(text string) string
}

// languages are the languages of every target; [Target.languages] adds more. A new kind of file is an entry here, or in
// its target if only that target has such files.
//
// HCL has a library that quotes. For the other languages no library fits. The one for YAML chooses quotes and folds
// lines by itself, so that one more letter in a value could change the lines around it; those for shells only split
// words; Markdown has none.
func languages() []language {
	return []language{
		{name: "yaml", endings: []string{".yml", ".yaml"}, literal: yamlFlow, insideQuotes: unquoted(yamlText)},
		{name: "json", endings: []string{".json"}, literal: jsonWhole, insideQuotes: unquoted(jsonText)},
		{name: "hcl", endings: []string{".tf"}, literal: scalar(hclText), insideQuotes: unquoted(hclText)},
		{name: "md", endings: []string{".md"}, literal: scalar(mdText)},
		{name: "code", literal: scalar(mdCode)},
		{name: "sh", endings: []string{".sh"}, literal: scalar(shText)},
		{name: "plain", endings: []string{".txt"}, literal: scalarOrError(plainText)},
	}
}

// languageOf returns the language of a file, by its name.
func (t Target) languageOf(name string) (language, error) {
	ending := path.Ext(name)
	for _, l := range t.allLanguages() {
		if slices.Contains(l.endings, ending) {
			return l, nil
		}
	}
	return language{}, errors.New("no language is known for this file name")
}

func (t Target) allLanguages() []language { return slices.Concat(languages(), t.languages) }

// guardFor returns the function that escapes or refuses what the program that reads a file would evaluate even inside
// quotes.
func (t Target) guardFor(name string) func(string) (string, error) {
	base := path.Base(name)
	switch guard, ok := t.guards[base]; {
	case ok:
		return guard
	case strings.Contains(name, ".github/workflows/"):
		return guardWorkflow
	case strings.Contains(base, "compose") && slices.Contains([]string{".yml", ".yaml"}, path.Ext(base)):
		return guardCompose
	}
	return func(s string) (string, error) { return s, nil }
}

// scalar makes a literal function from one that quotes text. Lists and mappings are an error.
func scalar(quote func(string) string) func(any, string) (string, error) {
	return scalarOrError(func(s string) (string, error) { return quote(s), nil })
}

// scalarOrError is scalar for a language that cannot express every text.
func scalarOrError(quote func(string) (string, error)) func(any, string) (string, error) {
	return func(v any, _ string) (string, error) {
		s, err := scalarText(v)
		if err != nil {
			return "", err
		}
		return quote(s)
	}
}

// unquoted removes the quotes around the result of a quoting function.
func unquoted(quote func(string) string) func(string) string {
	return func(s string) string {
		q := quote(s)
		return q[1 : len(q)-1]
	}
}

// scalarText is a value as text. Lists and mappings are an error.
func scalarText(v any) (string, error) {
	p, err := jsonValue(v)
	if err != nil {
		return "", err
	}
	switch p := p.(type) {
	case nil:
		return "", nil
	case string:
		return p, nil
	case []any, map[string]any:
		return "", errors.New("a list or mapping cannot be written here; write its parts")
	}
	return fmt.Sprint(p), nil
}

// jsonValue converts a value to the types of JSON. A [Value] becomes its text.
func jsonValue(v any) (any, error) {
	if value, ok := v.(Value); ok {
		return value.Text, nil
	}
	b, err := encodeJSON(v)
	if err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	var out any
	err = dec.Decode(&out)
	return out, err
}

func encodeJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// jsonWhole is a value as JSON. A list or mapping has a line for each entry.
func jsonWhole(v any, indent string) (string, error) {
	if value, ok := v.(Value); ok {
		v = value.Text
	}
	b, err := encodeJSON(v)
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	err = json.Indent(&out, b, indent, "  ")
	return out.String(), err
}

func jsonText(s string) string {
	b, err := encodeJSON(s)
	if err != nil {
		panic(err) // a string always encodes
	}
	return string(b)
}

// yamlFlow writes values on one line: lists in brackets, mappings in braces with quoted keys, sorted.
func yamlFlow(v any, _ string) (string, error) {
	p, err := jsonValue(v)
	if err != nil {
		return "", err
	}
	return yamlFlowValue(p), nil
}

func yamlFlowValue(v any) string {
	var parts []string
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return yamlText(v)
	case []any:
		for _, item := range v {
			parts = append(parts, yamlFlowValue(item))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, yamlText(key)+": "+yamlFlowValue(v[key]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return fmt.Sprint(v)
}

// yamlText is a text in double quotes. It is JSON's form; YAML also needs escapes for further control characters and
// for byte order marks.
func yamlText(s string) string {
	var b strings.Builder
	for _, r := range jsonText(s) {
		switch {
		case r == 0x7f, r >= 0x80 && r < 0xa0, r == 0xfeff, r == 0xfffe, r == 0xffff:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// hclText is a text in double quotes in which nothing is evaluated.
func hclText(s string) string { return string(hclwrite.TokensForValue(cty.StringVal(s)).Bytes()) }

// mdText is a text in a line of Markdown, possibly at its beginning.
func mdText(s string) string {
	s = mdInline(s)
	digits := len(s) - len(strings.TrimLeft(s, "0123456789"))
	switch {
	case s != "" && strings.ContainsRune("-+=:", rune(s[0])):
		s = `\` + s
	case digits > 0 && digits < len(s) && (s[digits] == '.' || s[digits] == ')'):
		s = s[:digits] + `\` + s[digits:]
	}
	return s
}

// mdInline is a text in a line of Markdown, after its beginning. Line breaks, which could begin a block, become spaces.
func mdInline(s string) string {
	var b strings.Builder
	for _, r := range strings.Join(strings.FieldsFunc(s, isControlOrSpace), " ") {
		if strings.ContainsRune("\\`*_[]<>#|~&$!", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

func isControlOrSpace(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }

// mdCode is a text as inline code, in a line or in the cell of a table.
func mdCode(s string) string {
	s = strings.Join(strings.FieldsFunc(s, isControlOrSpace), " ")
	if s != "" && !strings.ContainsAny(s, "`|") {
		return "`" + s + "`"
	}
	var b strings.Builder
	for _, r := range s {
		if r < utf8.RuneSelf && (unicode.IsPunct(r) || unicode.IsSymbol(r)) {
			fmt.Fprintf(&b, "&#%d;", r)
		} else {
			b.WriteRune(r)
		}
	}
	return "<code>" + b.String() + "</code>"
}

// shPlain matches words that need no quotes in any shell.
var shPlain = pattern.New(`^[A-Za-z0-9_@%+:,./][A-Za-z0-9_@%+=:,./-]*$`)

// shText is one word of a shell, always on one line. It writes line breaks and other control characters as $'…', which
// bash, zsh and, since 2024, POSIX understand.
func shText(s string) string {
	if shPlain.MatchString(s) {
		return s
	}
	if !strings.ContainsFunc(s, needsEscape) {
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\'' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case needsEscape(r):
			for _, c := range []byte(string(r)) {
				fmt.Fprintf(&b, `\%03o`, c)
			}
		default:
			b.WriteRune(r)
		}
	}
	return "$'" + b.String() + "'"
}

// needsEscape reports whether a character ends a line in some program, or is invisible.
func needsEscape(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || r == '\ufeff' || r == '\ufffe' || r == '\uffff'
}

// plainText is a text for files whose only syntax is lines.
func plainText(s string) (string, error) {
	if strings.ContainsFunc(s, needsEscape) {
		return "", fmt.Errorf("%q is more than one line", s)
	}
	return s, nil
}

// guardWorkflow keeps GitHub from evaluating expressions in a value, which it does in any string, whatever its quotes.
// Source: GitHub documentation, "Evaluate expressions in workflows and actions".
func guardWorkflow(s string) (string, error) {
	return strings.ReplaceAll(s, "${{", "${{ '${{' }}"), nil
}

// guardCompose keeps Compose from interpolating variables in a value. Source: Docker documentation, "Interpolation".
func guardCompose(s string) (string, error) { return strings.ReplaceAll(s, "$", "$$"), nil }
