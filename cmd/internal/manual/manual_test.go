package manual_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sdev/cmd/internal/manual"
)

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	if err := manual.Write(dir, "1700000000"); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"man1/sdev.1":             "sdev-up(1)",
		"man1/sdev-up.1":          "--with-auth",
		"man1/sdev-auth-fault.1":  "sdev-auth-fault-set(1)",
		"man7/sdev-x-sdev.7":      "x-sdev:",
		"man7/sdev-exit-codes.7":  "wrong usage",
		"completions/sdev.bash":   "__sdev",
		"completions/_sdev":       "#compdef sdev",
		"completions/sdev.fish":   "complete -c sdev",
		"completions/sdev.ps1":    "Register-ArgumentCompleter",
		"man1/sdev-preflight.1":   "Nov 2023",
		"man7/sdev-environment.7": "Nov 2023",
	} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !strings.Contains(strings.ReplaceAll(string(b), `\-`, "-"), want) {
			t.Errorf("%s lacks %q: %v", name, want, err)
		}
	}
	if hidden, _ := filepath.Glob(filepath.Join(dir, "man1", "sdev-gateway*")); hidden != nil {
		t.Errorf("pages of hidden commands: %v", hidden)
	}
}

func TestWrite_NeedsADate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "manual")
	if err := manual.Write(dir, "yesterday"); err == nil || !strings.Contains(err.Error(), "SOURCE_DATE_EPOCH") {
		t.Errorf("error %v", err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("a failed call leaves a directory")
	}
}
