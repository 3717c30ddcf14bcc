package dev

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// Foreign text (output of a program, a file name, the message of an exception, somebody's claim) may contain sequences
// that act on a terminal, or make one line look like another. This file is the one place that makes such text safe to
// show. It keeps no formatting, not even colours.
//
//   - [Sanitize] is for a line that a program printed.
//   - [Inline] is for a value in a line of sdev's own; [Line] formats such a line.
//   - [Lines] is for text of several lines.
//   - [SanitizeFields] is for a whole value, such as an event.
//   - [EscapeJSON] is for programs, which get the original text.
//
// All of them hide passwords in addresses ([WithoutPasswords]).

// Text is text that is already safe to show, including its line breaks.
type Text string

// Sanitize makes a line of foreign output safe for a terminal. It removes control sequences and other control
// characters, turns tabs into spaces, and replaces invalid UTF-8 and characters that are invisible or reorder text
// with U+FFFD. It also removes text that a carriage return would have overwritten on a screen.
func Sanitize(line string) string {
	line = strings.TrimRight(line, "\r\n")
	if i := strings.LastIndexByte(line, '\r'); i >= 0 {
		line = line[i+1:]
	}
	return WithoutPasswords(visible(line))
}

// Inline makes a foreign value safe within a line: it sanitizes the value and turns line breaks of any kind into
// spaces, so that no part of the value looks like a separate line.
func Inline(value string) string {
	if isPlain(value) {
		return WithoutPasswords(value)
	}
	return WithoutPasswords(visible(strings.Map(func(r rune) rune {
		if isBreak(r) {
			return ' '
		}
		return r
	}, strings.TrimRight(value, "\r\n"))))
}

// Line is fmt.Sprintf with values made safe by [Inline], whether they are strings, errors, or any type that has
// text. Only the format and values of type [Text] may contain line breaks.
func Line(format string, values ...any) string {
	safe := slices.Clone(values)
	for i, v := range safe {
		safe[i] = inlineAny(v)
	}
	return fmt.Sprintf(format, safe...)
}

func inlineAny(v any) any {
	switch v := v.(type) {
	case nil:
		return nil
	case Text:
		return string(v)
	case error:
		return Inline(v.Error())
	case []byte:
		return Inline(string(v))
	}
	switch rv := reflect.ValueOf(v); rv.Kind() {
	case reflect.String:
		return Inline(rv.String())
	case reflect.Slice, reflect.Array, reflect.Map, reflect.Struct, reflect.Pointer:
		if s, ok := v.(fmt.Stringer); ok {
			return Inline(s.String())
		}
		return shown(rv, texts{Inline, func(s string) string { return string(Lines(s, "  ")) }}).Interface()
	default:
		return v
	}
}

// Lines makes text of several lines safe. It sanitizes each line and indents all lines after the first, unless they
// begin with a space, so that none looks like a line of sdev's own.
func Lines(text, indent string) Text {
	text = strings.TrimRight(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	if isPlain(text) {
		return Text(WithoutPasswords(text))
	}
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		if l = Sanitize(l); i > 0 && l != "" && !strings.HasPrefix(l, " ") {
			l = indent + l
		}
		lines[i] = l
	}
	return Text(strings.Join(lines, "\n"))
}

// SanitizeFields returns a copy of a value, such as an event or a list of them, with all strings made safe: by
// [Lines] for fields named Message and Hint, by [Inline] for all others.
func SanitizeFields[T any](v T) T {
	if l, ok := any(v).(LogLine); ok { // the most frequent type, without reflection
		l.Service, l.Stream, l.Text = Inline(l.Service), Inline(l.Stream), Sanitize(l.Text)
		return any(l).(T)
	}
	return replaceTexts(v, texts{Inline, func(s string) string { return string(Lines(s, "  ")) }})
}

// ReplaceTexts returns a copy of a value, such as an answer, in which with has replaced every string.
func ReplaceTexts[T any](v T, with func(string) string) T { return replaceTexts(v, texts{with, with}) }

func replaceTexts[T any](v T, with texts) T {
	rv := reflect.ValueOf(&v).Elem()
	rv.Set(shown(rv, with))
	return v
}

// texts replace strings: block those in fields named Message and Hint, which may have several lines, and inline all others.
type texts struct{ inline, block func(string) string }

// shown returns a copy of a value in which text has replaced every string.
func shown(v reflect.Value, text texts) reflect.Value {
	switch v.Kind() {
	case reflect.String:
		return reflect.ValueOf(text.inline(v.String())).Convert(v.Type())
	case reflect.Interface, reflect.Pointer:
		if v.IsNil() {
			return v
		}
		in := shown(v.Elem(), text)
		if v.Kind() == reflect.Interface {
			out := reflect.New(v.Type()).Elem()
			out.Set(in)
			return out
		}
		out := reflect.New(v.Type().Elem())
		out.Elem().Set(in)
		return out
	case reflect.Slice:
		if v.IsNil() {
			return v
		}
		out := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		for i := range v.Len() {
			out.Index(i).Set(shown(v.Index(i), text))
		}
		return out
	case reflect.Array:
		out := reflect.New(v.Type()).Elem()
		for i := range v.Len() {
			out.Index(i).Set(shown(v.Index(i), text))
		}
		return out
	case reflect.Map:
		if v.IsNil() {
			return v
		}
		out := reflect.MakeMapWithSize(v.Type(), v.Len())
		for _, k := range v.MapKeys() {
			out.SetMapIndex(shown(k, text), shown(v.MapIndex(k), text))
		}
		return out
	case reflect.Struct:
		return shownStruct(v, text)
	default:
		return v
	}
}

func shownStruct(v reflect.Value, text texts) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	out.Set(v) // copies unexported fields, too, such as those of a time
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if !f.IsExported() {
			continue
		}
		field := text
		if f.Name == "Message" || f.Name == "Hint" {
			field.inline = text.block
		}
		out.Field(i).Set(shown(v.Field(i), field))
	}
	return out
}

// visible removes control sequences and replaces invisible characters.
func visible(text string) string {
	if isPlain(text) {
		return text
	}
	text = strings.ToValidUTF8(strings.ReplaceAll(text, "\t", "    "), "\uFFFD")
	runes := []rune(ansi.Strip(text))
	out := runes[:0]
	for i, r := range runes {
		switch {
		case unicode.IsControl(r):
			continue
		case isHidden(r) && !joins(runes[:i], r, runes[i+1:]):
			r = '\uFFFD'
		}
		out = append(out, r)
	}
	return string(out)
}

func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

// isBreak reports whether a terminal or a reader may treat a character as the end of a line.
func isBreak(r rune) bool {
	return r >= '\n' && r <= '\r' || r == '\u0085' || r == '\u2028' || r == '\u2029'
}

// isHidden reports whether a character is invisible or changes how others appear: characters that change the
// direction of text, join, separate or fill without a width, and separators of lines and paragraphs. Variation
// selectors 15 and 16 do not count, because emoji need them.
func isHidden(r rune) bool {
	switch {
	case r < 0x300: // nearly all text, so skip the tables
		return r == '\u00ad'
	case r > '\u206f' && r < 0xd800:
		return r == '\u3164'
	case unicode.Is(unicode.Prepended_Concatenation_Mark, r), r == '\ufe0e', r == '\ufe0f':
		return false
	}
	return unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

const (
	nonJoiner = '\u200c'
	joiner    = '\u200d'
)

// joins reports whether a joiner is part of correct writing: between the parts of an emoji, or between letters of
// scripts that need it.
func joins(before []rune, r rune, after []rune) bool {
	if r != joiner && r != nonJoiner || len(before) == 0 || len(after) == 0 {
		return false
	}
	last, next := before[len(before)-1], after[0]
	if r == joiner && unicode.In(next, unicode.So, unicode.Sm) && (unicode.In(last, unicode.So, unicode.Sk) || last == '\ufe0f') {
		return true
	}
	scripts := []*unicode.RangeTable{unicode.Arabic, unicode.Syriac, unicode.Mongolian, unicode.Devanagari, unicode.Bengali, unicode.Gurmukhi, unicode.Gujarati, unicode.Oriya,
		unicode.Tamil, unicode.Telugu, unicode.Kannada, unicode.Malayalam, unicode.Sinhala, unicode.Khmer, unicode.Myanmar}
	return unicode.In(last, scripts...) && (r == joiner || unicode.In(next, scripts...))
}

// EscapeJSON replaces characters that are invisible or act on a terminal with JSON escapes. The JSON stays equal,
// except that it hides passwords in addresses.
func EscapeJSON(b []byte) []byte {
	text := WithoutPasswords(string(b))
	if isASCII(text) {
		return []byte(text)
	}
	out := make([]byte, 0, len(text))
	for _, r := range text {
		switch {
		case !IsHidden(r):
			out = utf8.AppendRune(out, r)
		case r > 0xffff:
			high, low := (r-0x10000)>>10+0xd800, (r-0x10000)&0x3ff+0xdc00
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
	}
	return out
}

// IsHidden reports whether a character is invisible or acts on a terminal, apart from line breaks and other
// characters below the space.
func IsHidden(r rune) bool { return r >= 0x7f && r < 0xa0 || isHidden(r) }

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x7f {
			return false
		}
	}
	return true
}
