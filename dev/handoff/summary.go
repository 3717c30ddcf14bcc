package handoff

import (
	"bytes"
	"fmt"
	"net/url"
	"strings"
	"time"

	"sdev/dev"
)

// summary is the record in Markdown, for people.
func (r Record) summary(place Place) []byte {
	w := &lineWriter{}
	w.line("# Hand-off of %s to %s\n", inlineText(r.Project), inlineText(r.Target))
	switch r.Status {
	case Ready:
		w.line("**Ready.** No check found anything that blocks.\n")
	case Incomplete:
		w.line("**Incomplete: nothing is handed over.** Set the missing values listed below.\n")
	default:
		w.line("**Blocked: nothing is handed over.** Fix the findings below first.\n")
	}
	w.line("Written by sdev %s (templates %s). Every `sdev deploy %s` renews this file.\n", inlineText(r.Sdev), inlineText(r.Templates), r.Target)
	r.origin(w)
	r.findings(w)
	w.line("## Next\n")
	for i, step := range r.Next {
		once := ""
		if step.Once {
			once = " (once)"
		}
		w.line("%d. %s%s\n", i+1, inlineText(step.About), once)
		if step.Run != "" {
			w.line("%s\n", fence(step.Run))
		}
	}
	w.line("## Values\n\n| name | value | source |\n|---|---|---|")
	for _, v := range r.Values {
		text := "–"
		if v.Text != "" {
			text = inlineCode(v.Text)
		}
		if v.Placeholder {
			text += " **(not set)**"
		}
		w.line("| %s | %s | %s |", inlineCode(v.Name), text, inlineText(v.Source))
	}
	w.line("\n## Files\n\n| file | SHA-256 |\n|---|---|")
	for _, f := range r.Files {
		edited := ""
		if f.Edited {
			edited = " (edited)"
		}
		w.line("| %s%s | %s |", link(place, f.Path), edited, inlineCode(f.SHA256))
	}
	return w.Bytes()
}

// lineWriter is a text that grows line by line.
type lineWriter struct{ bytes.Buffer }

func (p *lineWriter) line(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

// origin writes what is handed over, and what it was built from.
func (r Record) origin(w *lineWriter) {
	w.line("## What\n\n| | |\n|---|---|")
	w.line("| since | %s |", r.Time.Format(time.RFC3339))
	switch {
	case r.Commit == "":
		w.line("| commit | none |")
	case len(r.Dirty) == 1:
		w.line("| commit | %s, with uncommitted changes in 1 file |", inlineCode(r.Commit))
	case len(r.Dirty) > 1:
		w.line("| commit | %s, with uncommitted changes in %d files |", inlineCode(r.Commit), len(r.Dirty))
	default:
		w.line("| commit | %s |", inlineCode(r.Commit))
	}
	if r.Remote != "" {
		w.line("| repository | %s |", inlineCode(r.Remote))
	}
	if i := r.Image; i != nil {
		for _, row := range []struct{ name, value string }{{"image", i.Ref}, {"image id", i.ID}, {"manifest digest", i.Digest}, {"platform", i.Platform}, {"built from", i.Revision}} {
			if row.value != "" {
				w.line("| %s | %s |", row.name, inlineCode(row.value))
			}
		}
		if p := i.Proof; p != nil {
			w.line("| started once | page served: %s; health check after %d ms; read-only root: %s; user %s |", yesOrNo(p.Page), p.Health, yesOrNo(p.ReadOnly), inlineCode(p.User))
		}
	}
	w.line("")
}

func yesOrNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// findings writes what the checks found, in the order of the record: worst first.
func (r Record) findings(w *lineWriter) {
	w.line("## Checks\n\n%d rules: %d blocking, %d warnings, %d suppressed.\n", r.Checks.Rules, r.Checks.Blocks, r.Checks.Warnings, r.Checks.Suppressed)
	for _, f := range r.Findings {
		at := f.Where
		if f.File != "" {
			at = f.File
			if f.Line > 0 {
				at = fmt.Sprintf("%s:%d", f.File, f.Line)
			}
		}
		if at != "" {
			at = " " + inlineCode(at)
		}
		if s := f.Suppressed; s != nil {
			w.line("- %s (%s)%s: %s. **Suppressed** until %s: %s (%s).", inlineCode(f.ID), f.Severity, at, inlineText(f.Message), s.Until.Format(time.DateOnly), inlineText(s.Reason), inlineText(s.Origin))
			continue
		}
		if f.Severity == dev.Informs {
			continue
		}
		w.line("- %s (%s)%s: %s. Fix: %s", inlineCode(f.ID), f.Severity, at, inlineText(f.Message), inlineText(f.Fix))
	}
	w.line("")
}

// inlineText and inlineCode quote a text for a line of Markdown, and remove what controls a terminal: people read
// summaries there, too.
func inlineText(s string) string { return mdInline(dev.Inline(s)) }

func inlineCode(s string) string { return mdCode(dev.Inline(s)) }

// link is a link from the summary to a file.
func link(place Place, file string) string {
	target := file
	if rel, ok := strings.CutPrefix(file, place.Bundle+"/"); ok {
		target = rel
	} else if place.Bundle != "." {
		target = strings.Repeat("../", strings.Count(place.Bundle, "/")+1) + file
	}
	return "[" + inlineCode(target) + "](<" + linkTarget(target) + ">)"
}

// linkTarget is a path as the target of a link.
func linkTarget(path string) string {
	var b strings.Builder
	for _, r := range dev.WithoutPasswords(path) {
		if r < ' ' || dev.IsHidden(r) || strings.ContainsRune("<>\\", r) {
			b.WriteString(url.PathEscape(string(r)))
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// fence is a code block in a list. Its fence is longer than any run of backticks in the code.
func fence(s string) string {
	marks := "```"
	for strings.Contains(s, marks) {
		marks += "`"
	}
	return "   " + marks + "sh\n   " + strings.ReplaceAll(strings.TrimRight(s, "\n"), "\n", "\n   ") + "\n   " + marks
}
