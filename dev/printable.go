package dev

import (
	"strings"
	"unicode"

	"github.com/charmbracelet/x/ansi"
)

// Printable makes a line of foreign output safe for a terminal: control sequences and other
// control characters go, a tab becomes spaces, invalid UTF-8 becomes U+FFFD, and so do the
// characters that reorder text, which can make a line lie. What a carriage return would have
// overwritten on a screen goes too.
func Printable(line string) string {
	line = strings.TrimRight(line, "\r\n")
	if i := strings.LastIndexByte(line, '\r'); i >= 0 {
		line = line[i+1:]
	}
	if isPlain(line) {
		return line
	}
	line = strings.ToValidUTF8(strings.ReplaceAll(line, "\t", "    "), "\uFFFD")
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r):
			return -1
		case unicode.Is(unicode.Bidi_Control, r):
			return '\uFFFD'
		}
		return r
	}, ansi.Strip(line))
}

func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] >= 0x7f {
			return false
		}
	}
	return true
}
