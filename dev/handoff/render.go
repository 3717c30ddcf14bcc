package handoff

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"
	"unicode/utf8"

	"sdev/dev"
	"sdev/dev/pattern"
	"sdev/dev/tree"
)

// File is a rendered file of a bundle. Its path is relative to the bundle, or to the root of the repository if it
// begins with [AtRepository].
type File = tree.File

// AtRepository is the prefix of paths relative to the root of the repository.
const AtRepository = "@repository/"

// Render renders the target's templates. templates has a directory for each target. Render is pure: the same values
// give the same bytes. The files are sorted by path. The findings are those of [Target.Derive].
//
// Package tree describes the layout of the templates. The name of a layer refers to values and derived values; a {key}
// in a path is replaced by that value. A template is a text/template with the delimiters <% and %>. It sees .V, the
// values by name, .F, the [Facts], and .D, the result of [Target.Derive]. A file that contains only white space is not
// written.
//
// The renderer quotes whatever an action prints for the file's language, which it knows from the file's name. It writes
// a complete literal with its quotes: "region: <% .V.region %>". Lists and mappings become those of the language. If
// the template has written double quotes itself, the action ends in the function inside: "arn:<% .V.region | inside
// %>:x". If the place needs another language, it ends in that language's function: yaml, json, hcl, md and code
// (Markdown), sh, plain, or one of the target's own. raw quotes nothing, and accepts only constants.
//
// A value that the language cannot express in that place (a zero byte; a line break in plain text) is an error.
func (t Target) Render(templates fs.FS, f Facts, v Values) ([]File, []dev.Finding, error) {
	d := renderData{V: map[string]string{}, F: f}
	for name, value := range v {
		d.V[name] = value.Text
	}
	for _, p := range t.Params {
		if _, ok := d.V[p.Name]; !ok {
			d.V[p.Name] = ""
		}
	}
	var findings []dev.Finding
	if t.Derive != nil {
		d.D, findings = t.Derive(f, v)
	}
	if err := checkTexts("", reflect.ValueOf(d)); err != nil {
		return nil, nil, unwritableError(err)
	}
	sub, err := fs.Sub(templates, t.Name)
	if err != nil {
		return nil, nil, fmt.Errorf("open the templates of %s: %w", t.Name, err)
	}
	files, err := tree.Templates{FS: sub, Value: d.value, PlacePath: d.place, AllowUnlayered: true, DropBlank: true, Execute: func(name, text string) ([]byte, error) {
		return t.execute(name, text, d)
	}}.Render()
	return files, findings, err
}

// unwritableError is the error of a value that a file cannot contain.
func unwritableError(err error) error {
	return &dev.Error{Code: dev.CodeDeployValue, Exit: dev.ExitFailed, Cause: err, Message: dev.Sanitize(err.Error()), Hint: "change the value; sdev help deploy lists where values come from"}
}

// renderData is what templates see.
type renderData struct {
	V map[string]string
	F Facts
	D map[string]any
}

// checkTexts is an error for any text within a value that no file can contain. at is the path of the value.
func checkTexts(at string, v reflect.Value) error {
	switch v.Kind() {
	case reflect.String:
		if err := checkText(v.String()); err != nil {
			return fmt.Errorf("%s is %w", strings.TrimPrefix(at, "."), err)
		}
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			return checkTexts(at, v.Elem())
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if err := checkTexts(fmt.Sprintf("%s[%d]", at, i), v.Index(i)); err != nil {
				return err
			}
		}
	case reflect.Map:
		for key, value := range v.Seq2() {
			if err := errors.Join(checkTexts(at+" key", key), checkTexts(at+"."+key.String(), value)); err != nil {
				return err
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if err := checkTexts(at+"."+v.Type().Field(i).Name, v.Field(i)); err != nil {
				return err
			}
		}
	default: // contains no text
	}
	return nil
}

func checkText(s string) error {
	if strings.ContainsRune(s, 0) || !utf8.ValidString(s) {
		return fmt.Errorf("%q, which is not text", s)
	}
	return nil
}

// value is a parameter's value or a derived value, by name.
func (d renderData) value(key string) (text string, known bool) {
	if v, ok := d.V[key]; ok {
		return v, true
	}
	if v, ok := d.D[key]; ok {
		return fmt.Sprint(v), true
	}
	return "", false
}

// keyInPath matches the place of a value in a path.
var keyInPath = pattern.New(`\{([a-z0-9_-]+)\}`)

// pathPart matches the values that may be part of a path.
var pathPart = pattern.New(`^[A-Za-z0-9_-][A-Za-z0-9._-]*$`)

// place puts values into a path.
func (d renderData) place(file string) (_ string, err error) {
	file = keyInPath.ReplaceAllStringFunc(file, func(key string) string {
		key = strings.Trim(key, "{}")
		part, _ := d.value(key)
		if !pathPart.MatchString(part) {
			err = unwritableError(fmt.Errorf("%s is %q, which cannot be part of a file name", key, part))
		}
		return part
	})
	return file, err
}

// execute renders one template.
func (t Target) execute(name, text string, d renderData) ([]byte, error) {
	funcs, err := t.funcs(name)
	if err != nil {
		return nil, err
	}
	parsed, err := template.New(name).Delims("<%", "%>").Option("missingkey=error").Funcs(funcs).Parse(text)
	if err != nil {
		return nil, fmt.Errorf("parse template: %w", err)
	}
	for _, part := range parsed.Templates() {
		if part.Tree == nil {
			continue
		}
		q := quoter{isQuoteFunction: t.isQuoteFunction}
		if err := q.list(part.Root); err != nil {
			return nil, err
		}
	}
	var out bytes.Buffer
	if err := parsed.Execute(&out, d); err != nil {
		if refused, ok := errors.AsType[*quoteError](err); ok {
			return nil, unwritableError(fmt.Errorf("cannot write a value into %s: %w", name, refused))
		}
		return nil, fmt.Errorf("render template: %w", err)
	}
	return out.Bytes(), nil
}

// isQuoteFunction reports whether a function, by its name, quotes what an action prints.
func (t Target) isQuoteFunction(function string) bool {
	return function == inQuote || slices.ContainsFunc(t.allLanguages(), func(l language) bool { return l.name == function })
}

// quoteError says that a value cannot be quoted. Other errors of a template are its author's.
type quoteError struct{ cause error }

func (e *quoteError) Error() string { return e.cause.Error() }
func (e *quoteError) Unwrap() error { return e.cause }

// Names of functions. The renderer itself adds autoQuote, which templates cannot call.
const (
	autoQuote = "_quote"
	rawQuote  = "raw"
	inQuote   = "inside"
)

// funcs are the functions that the template of a file can call.
func (t Target) funcs(name string) (template.FuncMap, error) {
	l, err := t.languageOf(name)
	if err != nil {
		return nil, err
	}
	guard := t.guardFor(name)
	guarded := func(s string, err error) (string, error) {
		if err == nil {
			s, err = guard(s)
		}
		if err != nil {
			return "", &quoteError{err}
		}
		return s, nil
	}
	funcs := template.FuncMap{
		autoQuote: func(indent string, v any) (string, error) { return guarded(l.literal(v, indent)) },
		rawQuote:  func(s string) string { return s },
		"join":    func(sep string, list []string) string { return strings.Join(list, sep) },
		"lower":   strings.ToLower,
		"upper":   strings.ToUpper,
		"replace": func(old, with, s string) string { return strings.ReplaceAll(s, old, with) },
	}
	for _, other := range t.allLanguages() {
		funcs[other.name] = func(v any) (string, error) {
			s, err := other.literal(v, "")
			if other.name == "json" {
				s, err = compactJSON(s, err)
			}
			return guarded(s, err)
		}
	}
	if l.insideQuotes != nil {
		funcs[inQuote] = func(v any) (string, error) {
			s, err := scalarText(v)
			return guarded(l.insideQuotes(s), err)
		}
	}
	return funcs, nil
}

// compactJSON puts JSON on one line, for files of another language.
func compactJSON(s string, err error) (string, error) {
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	err = json.Compact(&b, []byte(s))
	return b.String(), err
}

// quoter appends the quoting function to every action that prints something.
type quoter struct {
	isQuoteFunction func(function string) bool
	indent          string // of the line that the last text ends in
}

func (q *quoter) list(l *parse.ListNode) error {
	if l == nil {
		return nil
	}
	for _, n := range l.Nodes {
		var err error
		switch n := n.(type) {
		case *parse.TextNode:
			q.text(n.Text)
		case *parse.ActionNode:
			err = q.action(n)
		case *parse.IfNode:
			err = errors.Join(q.list(n.List), q.list(n.ElseList))
		case *parse.RangeNode:
			err = errors.Join(q.list(n.List), q.list(n.ElseList))
		case *parse.WithNode:
			err = errors.Join(q.list(n.List), q.list(n.ElseList))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (q *quoter) text(text []byte) {
	if i := bytes.LastIndexByte(text, '\n'); i >= 0 {
		text = text[i+1:]
		q.indent = string(text[:len(text)-len(bytes.TrimLeft(text, " \t"))])
	}
}

func (q *quoter) action(n *parse.ActionNode) error {
	if len(n.Pipe.Decl) > 0 {
		return nil // prints nothing
	}
	last, _ := n.Pipe.Cmds[len(n.Pipe.Cmds)-1].Args[0].(*parse.IdentifierNode)
	switch {
	case last == nil:
	case last.Ident == rawQuote && !isConstant(n.Pipe):
		return fmt.Errorf("line %d: raw accepts only constants: %s", n.Line, n)
	case last.Ident == rawQuote, q.isQuoteFunction(last.Ident):
		return nil
	}
	n.Pipe.Cmds = append(n.Pipe.Cmds, &parse.CommandNode{NodeType: parse.NodeCommand, Args: []parse.Node{
		parse.NewIdentifier(autoQuote),
		&parse.StringNode{NodeType: parse.NodeString, Quoted: fmt.Sprintf("%q", q.indent), Text: q.indent},
	}})
	return nil
}

// isConstant reports whether a pipeline only prints literals of the template.
func isConstant(p *parse.PipeNode) bool {
	for i, c := range p.Cmds {
		for j, arg := range c.Args {
			function := j == 0 && i == len(p.Cmds)-1 // raw
			if _, text := arg.(*parse.StringNode); !text && !function {
				return false
			}
		}
	}
	return true
}
