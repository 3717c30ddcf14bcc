package cli

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"sdev/dev"
	"sdev/dev/handoff"
	"sdev/dev/release"
)

// deployReport is what "sdev deploy TARGET --json" prints.
type deployReport struct {
	V        int                  `json:"v"`
	Type     string               `json:"type"` // "deploy"
	Target   string               `json:"target"`
	Status   string               `json:"status"` // "ready", "incomplete" or "blocked"
	Check    bool                 `json:"check"`
	Written  bool                 `json:"written"`
	Out      string               `json:"out"` // directory of the bundle
	Values   []handoff.NamedValue `json:"values"`
	Files    []handoff.Change     `json:"files"`
	Findings []dev.Finding        `json:"findings"`
	Checks   handoff.Checks       `json:"checks"`
	Image    *handoff.Image       `json:"image"`
	Commit   string               `json:"commit"`
	Dirty    bool                 `json:"dirty"`
	Next     []handoff.Step       `json:"next"`
	Record   string               `json:"record"`
}

func newDeployReport(r *release.Release, check bool) deployReport {
	files := []handoff.Change{}
	for _, c := range r.Bundle.Changes {
		c.Path = r.Shown(c.Path)
		files = append(files, c)
	}
	rec := r.Record
	return deployReport{V: dev.WireVersion, Type: "deploy", Target: rec.Target, Status: rec.Status, Check: check, Written: r.Written, Out: r.Dir(), Values: rec.Values, Files: files,
		Findings: rec.Findings, Checks: rec.Checks, Image: rec.Image, Commit: rec.Commit, Dirty: len(rec.Dirty) > 0, Next: rec.Next, Record: r.File(handoff.RecordFile)}
}

// printPlan shows values, files, differences and findings.
func (a *app) printPlan(p *release.Project, r *release.Release) {
	if !a.quiet {
		a.printf("%s to %s, in %s\n\n", r.Record.Project, r.Record.Target, r.Dir())
		a.printValues(r.Record)
		a.printOrigin(p, r.Record)
		a.printFiles(r)
	}
	a.printMissing(r.Missing())
	// Missing values stand in the list above: a finding each would say it twice.
	rest := slices.DeleteFunc(slices.Clone(r.Findings), func(f dev.Finding) bool { return f.ID == handoff.MissingValue })
	if len(rest) > 0 {
		_ = a.printPreflight(rest)
	}
}

// printMissing lists the values that placeholders stand for.
func (a *app) printMissing(missing []handoff.Param) {
	if len(missing) == 0 {
		return
	}
	a.printf("%s\n", "Nobody has said yet, so placeholders stand in the files:")
	names := 0
	for _, p := range missing {
		names = max(names, len(p.Name))
	}
	for _, p := range missing {
		a.printf("  %-*s  %s\n", names, p.Name, wrap(p.About, a.Width, names+4))
	}
	a.printf("\n")
}

// printValues is the plan table: every value, and who says it.
func (a *app) printValues(r handoff.Record) {
	const widest = 30 // longer values are rare, and push their own source to the next line alone
	names, values := 0, 0
	for _, v := range r.Values {
		names = max(names, utf8.RuneCountInString(v.Name))
		if n := utf8.RuneCountInString(v.Text); n <= widest {
			values = max(values, n)
		}
	}
	for _, v := range r.Values {
		text := dev.Inline(v.Text)
		source := "(" + v.Source
		_, place, placed := strings.Cut(strings.TrimSuffix(v.Source, ")"), " (")
		switch {
		case placed && strings.HasPrefix(v.Source, "x-sdev."): // the place says it all
			source = "(" + place
		case v.Placeholder:
			source = "(missing"
		case v.Earlier:
			source += ", earlier"
		}
		column := names + 2 + values + 2
		pad := strings.Repeat(" ", max(values-utf8.RuneCountInString(text), 0)+2)
		if utf8.RuneCountInString(text) > values {
			pad = "\n" + strings.Repeat(" ", column)
		}
		a.printf("%-*s  %s%s%s\n", names, v.Name, text, dev.Text(pad), wrap(source+")", a.Width, column))
	}
	a.printf("\n")
}

// printOrigin tells the commit, and the image.
func (a *app) printOrigin(p *release.Project, r handoff.Record) {
	commit := "no commit"
	switch {
	case !p.Repository.Found:
		commit = "no commit: " + p.Repository.Why
	case r.Commit != "" && len(r.Dirty) > 0:
		commit = fmt.Sprintf("commit %.12s, and %s not as committed", r.Commit, count(len(r.Dirty), "file"))
	case r.Commit != "":
		commit = fmt.Sprintf("commit %.12s", r.Commit)
	}
	a.printf("%s\n", wrap(commit, a.Width, 0))
	if i := r.Image; i != nil {
		a.printf("image %s\n", i.Ref)
		for _, id := range []struct{ what, text string }{{"id", i.ID}, {"digest", i.Digest}} {
			if id.text != "" {
				a.printf("  %s %s\n", id.what, id.text)
			}
		}
		if p := i.Proof; p != nil && p.Page {
			a.printf("  started once as user %s: its page was served, healthy after %d ms\n", p.User, p.Health)
		}
	}
	a.printf("\n")
}

// printFiles lists the files, and shows what changes in those that are there.
func (a *app) printFiles(r *release.Release) {
	same := 0
	for _, c := range r.Bundle.Changes {
		if c.Status == handoff.Identical && !a.verbose {
			same++
			continue
		}
		reason := ""
		if c.Reason != "" {
			reason = " (" + c.Reason + ")"
		}
		a.printf("%-10s %s\n", c.Status, wrap(r.Shown(c.Path)+reason, a.Width, 11))
	}
	if same > 0 {
		a.printf("%-10s %s\n", handoff.Identical, count(same, "file"))
	}
	a.printf("\n")
	for _, c := range r.Bundle.Changes {
		if c.Before == nil || c.File == handoff.SummaryFile && !a.verbose {
			continue
		}
		diff := c.Diff()
		for line := range strings.Lines(diff) {
			a.printf("%s\n", line)
		}
		if diff != "" {
			a.printf("\n")
		}
	}
}

// printNext closes: what was done, and what comes next.
func (a *app) printNext(r *release.Release, check bool) {
	switch {
	case check:
		a.printf("%s is as it would be rendered, and nothing blocks\n", r.Dir())
		return
	case r.Record.Status == handoff.Incomplete:
		missing := len(r.Missing())
		a.printf("%s is rendered; it is handed over once %s %s said:\n  %s\n", r.Dir(), count(missing, "value"), map[bool]string{true: "is", false: "are"}[missing == 1], r.Command())
		return
	case !r.Written:
		a.printf("nothing to do: %s is as it would be rendered\n", r.Dir())
	default:
		a.printf("handed over in %s; the record is %s\n", r.Dir(), r.File(handoff.SummaryFile))
	}
	if a.quiet || len(r.Record.Next) == 0 {
		return
	}
	a.printf("\nnext:\n")
	for i, step := range r.Record.Next {
		once := ""
		if step.Once {
			once = " (once)"
		}
		a.printf("%2d. %s\n", i+1, wrap(step.About+once, a.Width, 4))
		for line := range strings.Lines(step.Run) {
			a.printf("      %s\n", line)
		}
	}
}

// printTargets lists the targets, each with its last hand-off.
func (a *app) printTargets(list []listedTarget) {
	for _, t := range list {
		a.printf("%-12s %s\n", t.Name, wrap(t.About, a.Width, 13))
		switch {
		case t.Last != nil && t.Last.Commit != "":
			a.printf("%-12s last: %s, %s, commit %.12s\n", "", t.Last.Status, t.Last.Time.Format(time.DateOnly), t.Last.Commit)
		case t.Last != nil:
			a.printf("%-12s last: %s, %s\n", "", t.Last.Status, t.Last.Time.Format(time.DateOnly))
		}
	}
}
