package render

import (
	"fmt"
	"strings"

	"sdev/dev"
)

// Findings shows to a person what so many rules found: what blocks first, each finding with its place and with
// what helps. Nothing in it is wider than width, but for words that are.
func Findings(found []dev.Finding, rules, width int) dev.Text {
	var b strings.Builder
	for _, group := range []struct {
		title string
		in    func(dev.Finding) bool
	}{
		{"Blocks the hand-off", isOpen(dev.Blocks)},
		{"Ships, but you should know", isOpen(dev.Warns)},
		{"Notes", isOpen(dev.Informs)},
		{"Suppressed", func(f dev.Finding) bool { return f.Suppressed != nil }},
	} {
		before := b.Len()
		for _, f := range found {
			if !group.in(f) {
				continue
			}
			if b.Len() == before {
				b.WriteString(group.title + ":\n")
			}
			b.WriteString(findingText(f, width))
		}
		if b.Len() > before {
			b.WriteString("\n")
		}
	}
	b.WriteString(tallyText(found, rules))
	return dev.Text(b.String())
}

// isOpen tells findings of a severity that nobody has suppressed.
func isOpen(s dev.Severity) func(dev.Finding) bool {
	return func(f dev.Finding) bool { return f.Severity == s && f.Suppressed == nil }
}

// tallyText counts findings.
func tallyText(found []dev.Finding, rules int) string {
	of := func(in func(dev.Finding) bool) (n int) {
		for _, f := range found {
			if in(f) {
				n++
			}
		}
		return n
	}
	var text string
	switch n := of(isOpen(dev.Blocks)); n {
	case 0:
		text = Count(rules, "rule") + ": nothing blocks"
	case 1:
		text = Count(rules, "rule") + ": 1 blocks"
	default:
		text = fmt.Sprintf("%s: %d block", Count(rules, "rule"), n)
	}
	if n := of(isOpen(dev.Warns)); n > 0 {
		text += ", " + Count(n, "warning")
	}
	if n := of(isOpen(dev.Informs)); n > 0 {
		text += ", " + Count(n, "note")
	}
	if n := of(func(f dev.Finding) bool { return f.Suppressed != nil }); n > 0 {
		text += fmt.Sprintf(", %d suppressed", n)
	}
	return text + "\n"
}

// findingText is one finding: id and place, what is wrong, what helps.
func findingText(f dev.Finding, width int) string {
	const indent = "    "
	at := f.File
	if f.File != "" && f.Line > 0 {
		at = fmt.Sprintf("%s:%d", f.File, f.Line)
	}
	if f.Where != "" {
		at = strings.TrimPrefix(at+", "+f.Where, ", ")
	}
	head := "  " + f.ID
	if at != "" {
		head += "  " + at
	}
	var b strings.Builder
	b.WriteString("  " + Wrap(dev.Inline(strings.TrimSpace(head)), width, len(indent)))
	line := func(label, text string) {
		if text != "" {
			b.WriteString("\n" + indent + label + Wrap(dev.Inline(text), width, len(indent)+len(label)))
		}
	}
	line("", f.Message)
	if s := f.Suppressed; s != nil {
		line("reason: ", fmt.Sprintf("%s (until %s, %s)", s.Reason, s.Until.Format("2006-01-02"), s.Origin))
	} else {
		line("fix: ", f.Fix)
		line("see: ", f.Docs)
	}
	return b.String() + "\n"
}
