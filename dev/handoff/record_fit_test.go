package handoff

import (
	"encoding/json"
	"strings"
	"testing"

	"sdev/dev"
	"sdev/dev/tree"
)

func TestRecord_IsFitForATerminalAndHoldsNoPassword(t *testing.T) {
	const evil = "a\x1b]0;t\x07\u009b2J\u202e\u200b\nb https://u:pw@x"
	r := Record{Project: evil, Target: "ecs", Commit: evil, Remote: evil, Dirty: []string{evil}, Image: &Image{Ref: evil}, Values: []NamedValue{{Name: "domain", Value: Value{Text: evil, Source: evil}}},
		Findings: []dev.Finding{{ID: "x", Severity: dev.Blocks, Message: evil, Fix: evil, File: evil}}, Files: []RecordedFile{{Path: evil}}, Next: []Step{{About: evil}}}
	for name, text := range map[string]string{"record": string(tree.EncodeRecord(r)), "summary": string(r.summary(Place{Bundle: "deploy"}))} {
		for _, c := range text {
			if c < ' ' && c != '\n' || c >= 0x7f && c < 0xa0 || strings.ContainsRune("\u202e\u200b", c) {
				t.Errorf("the %s holds %U", name, c)
			}
		}
		if strings.Contains(text, "pw@") || strings.Contains(text, "\nb ") {
			t.Errorf("the %s tells a password, or has a line of others:\n%s", name, text)
		}
	}
	var back Record
	if err := json.Unmarshal(tree.EncodeRecord(r), &back); err != nil || back.Project != strings.Replace(evil, "u:pw", "***", 1) {
		t.Errorf("the record is read as %q, %v", back.Project, err)
	}
}
