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

// Text of others (what a program printed, the name of a file, the message of an exception, a claim of
// somebody) may hold what steers a terminal or makes a line look like another one. Here is the one
// place that makes it fit to be shown. Nothing of it is kept for its looks: not even colours.
//
//   - [Sanitize] is for a line that a program printed.
//   - [Inline] is for a value in a line of ours, and [Line] puts such values into one.
//   - [Lines] is for what has several lines of its own.
//   - [SanitizeFields] is for a whole value, such as an event.
//   - [EscapeJSON] is for programs, which get the very text that it was.
//
// All of them take the passwords out of addresses ([WithoutPasswords]).

// Text is what was made fit to be shown already, line breaks included.
type Text string

// Sanitize makes a line of foreign output safe for a terminal: control sequences and other
// control characters go, a tab becomes spaces, and what is not UTF-8, reorders text or cannot be seen
// becomes U+FFFD. What a carriage return would have overwritten on a screen goes too.
func Sanitize(line string) string {
	line = strings.TrimRight(line, "\r\n")
	if i := strings.LastIndexByte(line, '\r'); i >= 0 {
		line = line[i+1:]
	}
	return WithoutPasswords(visible(line))
}

// Inline makes a value of others safe within a line of ours: it has been through [Sanitize], and line breaks of any
// kind become spaces, so that nothing in it can pass for a line of its own.
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

// Line is fmt.Sprintf whose values are Inline, however they come: as strings, errors, or anything that
// has a text. Only the format and a [Text] have line breaks.
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
		return shown(rv, Inline).Interface()
	default:
		return v
	}
}

// Lines makes text of several lines safe: each of them has been through [Sanitize], and all behind the first begin
// with the indent, or with the space they have, so that none can pass for a line of ours.
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

// SanitizeFields gives a copy of a value, such as an event or a list of them, whose texts are all fit to be
// shown: Inline, but for messages and hints, which may have [Lines].
func SanitizeFields[T any](v T) T {
	if l, ok := any(v).(LogLine); ok { // there are many of them
		l.Service, l.Stream, l.Text = Inline(l.Service), Inline(l.Stream), Sanitize(l.Text)
		return any(l).(T)
	}
	rv := reflect.ValueOf(&v).Elem()
	rv.Set(shown(rv, Inline))
	return v
}

func shown(v reflect.Value, text func(string) string) reflect.Value {
	switch v.Kind() {
	case reflect.String:
		return reflect.ValueOf(text(v.String())).Convert(v.Type())
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
		return shownStruct(v)
	default:
		return v
	}
}

func shownStruct(v reflect.Value) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	out.Set(v) // with what is not exported, as in a time
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if !f.IsExported() {
			continue
		}
		text := Inline
		if f.Name == "Message" || f.Name == "Hint" {
			text = func(s string) string { return string(Lines(s, "  ")) }
		}
		out.Field(i).Set(shown(v.Field(i), text))
	}
	return out
}

// visible takes out what steers a terminal, and marks what cannot be seen.
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

// isBreak says whether a terminal or a reader could take a character for the end of a line.
func isBreak(r rune) bool {
	return r >= '\n' && r <= '\r' || r == '\u0085' || r == '\u2028' || r == '\u2029'
}

// isHidden says whether a character is not seen where it stands, or changes how others are: those that
// turn the direction of text, join, separate or fill without a width, and the ends of lines and
// paragraphs. Variation selectors are left out, since emoji are written with them.
func isHidden(r rune) bool {
	switch {
	case r < 0x300: // most of what there is, so the tables need not be asked
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

// joins says whether a joiner stands where writing needs one: between the parts of an emoji, and
// between letters of scripts that are spelled with it.
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

// EscapeJSON writes what a terminal would act on, or what cannot be seen, as JSON's own escapes, so
// that a line of JSON is fit for a terminal and every value is still what it was. The passwords of
// addresses alone are gone.
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

// IsHidden says whether a terminal would act on a character, line breaks and the other characters
// below the space aside, or whether it is not seen where it stands.
func IsHidden(r rune) bool { return r >= 0x7f && r < 0xa0 || isHidden(r) }

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x7f {
			return false
		}
	}
	return true
}
