package devtest

import (
	"strings"
	"testing"
)

// Hostile is foreign text that attacks a terminal: it sets the title, clears the screen, writes to the clipboard,
// has C1 controls in both encodings, reorders text, and has lines that look like sdev's own.
const Hostile = "x\x1b]0;owned\x07\x1b[2J\x1b]52;c;cm0gLXJm\x07\u009b2J\x9b2J\u202e\u2066\u200b\u2028\nready    http://evil/\r\nsdev: gone"

// CheckPrintable fails the test if text acts on a terminal, has invisible characters, or has a line that looks like
// sdev's own.
func CheckPrintable(t testing.TB, text string) {
	t.Helper()
	for _, r := range text {
		if r < ' ' && r != '\n' || r >= 0x7f && r < 0xa0 || strings.ContainsRune("\u202e\u2066\u200b\u2028", r) {
			t.Errorf("holds %U: %q", r, text)
			break
		}
	}
	if strings.Contains(text, "\x9b") {
		t.Errorf("holds a C1 byte: %q", text)
	}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "ready ") || strings.HasPrefix(line, "sdev: gone") {
			t.Errorf("a line is forged: %q", text)
		}
	}
}
