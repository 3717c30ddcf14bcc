package devtest

import (
	"strings"
	"testing"
)

// Hostile is what a name, a message or a claim may hold: title, clear screen, clipboard, C1 in both
// forms, text turned around, and a line that looks like one of ours.
const Hostile = "x\x1b]0;owned\x07\x1b[2J\x1b]52;c;cm0gLXJm\x07\u009b2J\x9b2J\u202e\u2066\u200b\u2028\nready    http://evil/\r\nsdev: gone"

// CheckPrintable fails where text would steer a terminal, hides something, or has a line that begins as one
// of ours would.
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
