package dev_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"sdev/dev"
)

// Whatever a text holds, what is made of it is fit for a terminal, once and for all.
func FuzzPrintable(f *testing.F) {
	for _, seed := range []string{"text", "\x1b[31mred\x1b[0m", "\x1b]0;t", "a\x9bb\u009bc", "a\u202eb\u2028c", "👩\u200d💻", "می\u200cخواهم", "a\r\nb\rc\n", "http://u:p@x/y", "\x1b\x1b[\x18x", "\x1bP\x9c", "http://a:b@c:d@e", "\u200d\u200d", "://:@", "\xed\xa0\x80"} {
		f.Add(seed)
	}
	fit := func(t *testing.T, what, text string) {
		if !utf8.ValidString(text) {
			t.Errorf("%s is no UTF-8: %q", what, text)
		}
		for _, r := range text {
			if unicode.IsControl(r) && r != '\n' || unicode.In(r, unicode.Zl, unicode.Zp, unicode.Bidi_Control) {
				t.Errorf("%s holds %U: %q", what, r, text)
			}
		}
		if dev.HasPassword(text) {
			t.Errorf("%s tells a password: %q", what, text)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		for what, made := range map[string]string{"Sanitize": dev.Sanitize(text), "Inline": dev.Inline(text), "Line": dev.Line("%s", text)} {
			fit(t, what, made)
			if strings.Contains(made, "\n") {
				t.Errorf("%s has several lines: %q", what, made)
			}
			if again := dev.Inline(made); again != made {
				t.Errorf("%s %q is made %q", what, made, again)
			}
		}
		lines := string(dev.Lines(text, "  "))
		fit(t, "Lines", lines)
		for i, l := range strings.Split(lines, "\n") {
			if i > 0 && l != "" && !strings.HasPrefix(l, " ") {
				t.Errorf("line %d of %q is not marked", i, lines)
			}
		}
		b, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		// A line break in an address is two letters in JSON, so that more may look like a password there.
		secret := dev.HasPassword(text) || dev.HasPassword(string(b))
		b = dev.EscapeJSON(b)
		fit(t, "JSON", string(b))
		var back string
		if err := json.Unmarshal(b, &back); err != nil {
			t.Errorf("%s: %v", b, err)
		} else if want := strings.ToValidUTF8(text, "\uFFFD"); !secret && strings.ReplaceAll(back, "\uFFFD", "") != strings.ReplaceAll(want, "\uFFFD", "") {
			t.Errorf("%q is read as %q", text, back)
		}
	})
}
