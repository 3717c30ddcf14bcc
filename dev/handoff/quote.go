package handoff

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// quoting writes values in one language.
type quoting struct {
	// whole gives a value as a complete literal, with its quotes; indent is what the line begins with.
	whole func(v any, indent string) (string, error)
	// inside gives a text as it stands between double quotes that the template has written; nil
	// where the language has none in which nothing is evaluated.
	inside func(text string) (string, error)
}

// language is how a file is written: what values look like in it, and what the program that reads
// the file evaluates even in the middle of a text.
type language struct {
	quoting
	guard func(string) (string, error)
}

// languageOf is the language of a file, by its name.
func languageOf(name string) (language, error) {
	all := quotings()
	base := path.Base(name)
	q, ok := all[byExtension()[path.Ext(base)]]
	if !ok {
		return language{}, fmt.Errorf("it is not known how values are quoted in a file of this name")
	}
	l := language{quoting: q, guard: func(s string) (string, error) { return s, nil }}
	switch {
	case strings.Contains(name, ".github/workflows/"):
		l.guard = guardWorkflow
	case base == "snowflake.yml":
		l.guard = guardSnowflake
	case strings.Contains(base, "compose") && byExtension()[path.Ext(base)] == "yaml":
		l.guard = func(s string) (string, error) { return strings.ReplaceAll(s, "$", "$$"), nil }
	}
	return l, nil
}

// byExtension maps the ending of a file's name to the function that quotes for it.
func byExtension() map[string]string {
	return map[string]string{
		".yml": "yaml", ".yaml": "yaml", ".json": "json", ".tf": "hcl", ".hcl": "hcl", ".tfvars": "hcl", ".ts": "ts", ".js": "ts", ".mjs": "ts",
		".md": "md", ".sh": "sh", ".sql": "sql", ".toml": "toml", ".txt": "plain",
	}
}

// quotings are the functions that end an action of a template, by name.
func quotings() map[string]quoting {
	scalar := func(quote func(string) (string, error)) func(any, string) (string, error) {
		return func(v any, _ string) (string, error) {
			s, err := scalarText(v)
			if err != nil {
				return "", err
			}
			return quote(s)
		}
	}
	return map[string]quoting{
		"yaml":  {whole: flow(": ", "{", "}", yamlText), inside: unquoted(yamlText)},
		"json":  {whole: jsonWhole, inside: unquoted(jsonText)},
		"hcl":   {whole: flow(" = ", "{ ", " }", hclText), inside: unquoted(hclText)},
		"ts":    {whole: jsonWhole, inside: unquoted(jsonText)},
		"toml":  {whole: flow(" = ", "{ ", " }", yamlText), inside: unquoted(yamlText)},
		"md":    {whole: scalar(mdText)},
		"code":  {whole: scalar(mdCode)},
		"sh":    {whole: scalar(shText)},
		"sql":   {whole: scalar(sqlText)},
		"ident": {whole: scalar(sqlIdent)},
		"plain": {whole: scalar(plainText)},
	}
}

// unquoted is a quoting function without the quotes that it puts around.
func unquoted(quote func(string) string) func(string) (string, error) {
	return func(s string) (string, error) {
		q := quote(s)
		return q[1 : len(q)-1], nil
	}
}

// scalarText is a value that is no list and no mapping, as text.
func scalarText(v any) (string, error) {
	p, err := plainValue(v)
	if err != nil {
		return "", err
	}
	switch p := p.(type) {
	case nil:
		return "", nil
	case string:
		return p, nil
	case []any, map[string]any:
		return "", errors.New("a list or mapping cannot stand here; name its parts")
	}
	return fmt.Sprint(p), nil
}

// plainValue reduces a value to what JSON knows. A [Value] is its text.
func plainValue(v any) (any, error) {
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

// jsonWhole is a value as JSON, on lines of its own where it is a list or mapping.
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
		panic(err) // a text always encodes
	}
	return string(b)
}

// flow writes values on one line: lists in brackets, mappings with quoted keys, sorted.
func flow(colon, open, end string, text func(string) string) func(any, string) (string, error) {
	var write func(any) string
	write = func(v any) string {
		var parts []string
		switch v := v.(type) {
		case nil:
			return "null"
		case string:
			return text(v)
		case []any:
			for _, item := range v {
				parts = append(parts, write(item))
			}
			return "[" + strings.Join(parts, ", ") + "]"
		case map[string]any:
			if len(v) == 0 {
				return "{}"
			}
			for _, key := range slices.Sorted(maps.Keys(v)) {
				parts = append(parts, text(key)+colon+write(v[key]))
			}
			return open + strings.Join(parts, ", ") + end
		}
		return fmt.Sprint(v)
	}
	return func(v any, _ string) (string, error) {
		p, err := plainValue(v)
		if err != nil {
			return "", err
		}
		return write(p), nil
	}
}

// yamlText is a text in double quotes, as YAML and TOML read it. JSON's form is almost theirs: what
// else they do not take as it is are further control characters and marks of other encodings.
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

// hclText is a text in double quotes in which nothing is evaluated. The doubled sign that HCL wants
// before a brace would be read as part of a sign before it, which is therefore written by its number.
func hclText(s string) string {
	quoted := []rune(yamlText(s))
	var b strings.Builder
	for i, r := range quoted {
		before := r == '$' || r == '%'
		switch {
		case before && i+1 < len(quoted) && quoted[i+1] == '{' && quoted[i-1] == r:
			fmt.Fprintf(&b, `\u%04x`, r)
		case before && i+1 < len(quoted) && quoted[i+1] == '{':
			b.WriteRune(r)
			b.WriteRune(r)
		default:
			b.WriteRune(r)
		}
	}
	// JSON has two escapes that HCL has not.
	return unshort(b.String())
}

// unshort replaces \b and \f, which stand after an even number of backslashes, by their numbers.
func unshort(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		switch i++; s[i] {
		case 'b':
			b.WriteString(`\u0008`)
		case 'f':
			b.WriteString(`\u000c`)
		default:
			b.WriteByte('\\')
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// mdText is a text within a line of Markdown, which may begin with it.
func mdText(s string) (string, error) {
	s = mdInline(s)
	digits := len(s) - len(strings.TrimLeft(s, "0123456789"))
	switch {
	case s != "" && strings.ContainsRune("-+=:", rune(s[0])):
		s = `\` + s
	case digits > 0 && digits < len(s) && (s[digits] == '.' || s[digits] == ')'):
		s = s[:digits] + `\` + s[digits:]
	}
	return s, nil
}

// mdInline is a text within a line of Markdown, after its beginning. Line breaks, which could begin a
// block, become spaces.
func mdInline(s string) string {
	var b strings.Builder
	for _, r := range strings.Join(strings.FieldsFunc(s, isBreak), " ") {
		if strings.ContainsRune("\\`*_[]<>#|~&$!", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

func isBreak(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }

// mdCode is a text in the letters of code, within a line or the cell of a table.
func mdCode(s string) (string, error) {
	s = strings.Join(strings.FieldsFunc(s, isBreak), " ")
	if s != "" && !strings.ContainsAny(s, "`|") {
		return "`" + s + "`", nil
	}
	var b strings.Builder
	for _, r := range s {
		if r < utf8.RuneSelf && (unicode.IsPunct(r) || unicode.IsSymbol(r)) {
			fmt.Fprintf(&b, "&#%d;", r)
		} else {
			b.WriteRune(r)
		}
	}
	return "<code>" + b.String() + "</code>", nil
}

// shPlain needs no quotes in any shell.
var shPlain = regexp.MustCompile(`^[A-Za-z0-9_@%+:,./][A-Za-z0-9_@%+=:,./-]*$`)

// shText is one word of a shell, on one line whatever is in it: line breaks and other control
// characters are written as bash and zsh, and POSIX since 2024, read them.
func shText(s string) (string, error) {
	if shPlain.MatchString(s) {
		return s, nil
	}
	if !strings.ContainsFunc(s, needsNumber) {
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'", nil
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\'' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case needsNumber(r):
			for _, c := range []byte(string(r)) {
				fmt.Fprintf(&b, `\%03o`, c)
			}
		default:
			b.WriteRune(r)
		}
	}
	return "$'" + b.String() + "'", nil
}

// shellWord is a text as one word of a command that somebody pastes into a shell.
func shellWord(s string) string {
	word, err := shText(s)
	if err != nil {
		panic(err) // every text is a word of a shell
	}
	return word
}

// needsNumber reports whether some program takes a character for the end of a line, or shows nothing.
func needsNumber(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || r == '\ufeff' || r == '\ufffe' || r == '\uffff'
}

// sqlText is a text of SQL as Snowflake reads it: it knows escapes with a backslash. Source: Snowflake
// documentation, "String & binary data types", section "Escape sequences in single-quoted string constants".
func sqlText(s string) (string, error) {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\'':
			b.WriteString("''")
		case r == '\\':
			b.WriteString(`\\`)
		case needsNumber(r):
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	return "'" + b.String() + "'", nil
}

// sqlIdent is a name of SQL in double quotes, in which only these are special.
func sqlIdent(s string) (string, error) {
	if s == "" || strings.ContainsFunc(s, needsNumber) {
		return "", fmt.Errorf("%q cannot be a name in SQL", s)
	}
	return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`, nil
}

// plainText is for files without any syntax but their lines.
func plainText(s string) (string, error) {
	if strings.ContainsFunc(s, needsNumber) {
		return "", fmt.Errorf("%q is more than one line", s)
	}
	return s, nil
}

// guardWorkflow keeps GitHub from evaluating what is in a value: it looks for expressions in all texts,
// whatever their quotes. Source: GitHub documentation, "Evaluate expressions in workflows and actions".
func guardWorkflow(s string) (string, error) {
	return strings.ReplaceAll(s, "${{", "${{ '${{' }}"), nil
}

// guardSnowflake refuses what the CLI would evaluate, since nothing that it reads means these signs
// themselves. Source: Snowflake CLI documentation, "Using project templating".
func guardSnowflake(s string) (string, error) {
	for _, sign := range []string{"<%", "&{"} {
		if strings.Contains(s, sign) {
			return "", fmt.Errorf("%s holds %s, which the Snowflake CLI would evaluate", s, sign)
		}
	}
	return s, nil
}
