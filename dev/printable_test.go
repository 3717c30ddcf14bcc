package dev_test

import (
	"testing"

	"sdev/dev"
)

func TestPrintable_LeavesTextAndTakesControl(t *testing.T) {
	for name, c := range map[string]struct{ line, want string }{
		"plain":                  {"  You can now view your app.", "  You can now view your app."},
		"empty":                  {"", ""},
		"end of line":            {"text\r\n", "text"},
		"umlauts and emoji":      {"Grüße 🎈", "Grüße 🎈"},
		"colours":                {"\x1b[1;31mred\x1b[0m text", "red text"},
		"title":                  {"\x1b]0;owned\x07text", "text"},
		"a link":                 {"\x1b]8;;http://x\x1b\\text\x1b]8;;\x1b\\", "text"},
		"cursor movement":        {"\x1b[2J\x1b[Htext", "text"},
		"bell, backspace, DEL":   {"a\ab\bc\x7fd", "abcd"},
		"C1 made harmless":       {"a\u009b31mb", "a31mb"},
		"a progress bar":         {"10 %\r50 %\r100 %", "100 %"},
		"a progress bar, ended":  {"10 %\r100 %\r\n", "100 %"},
		"tab":                    {"a\tb", "a    b"},
		"broken UTF-8":           {"a\xffb", "a\uFFFDb"},
		"right-to-left override": {"safe\u202eexe.txt", "safe\uFFFDexe.txt"},
	} {
		if got := dev.Printable(c.line); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
