package cli

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"sdev/cmd/internal/console"
	"sdev/cmd/internal/render"
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
		c.Path = r.DisplayPath(c.Path)
		files = append(files, c)
	}
	rec := r.Record
	return deployReport{V: dev.WireVersion, Type: "deploy", Target: rec.Target, Status: rec.Status, Check: check, Written: r.Written, Out: r.Dir(), Values: rec.Values, Files: files,
		Findings: rec.Findings, Checks: rec.Checks, Image: rec.Image, Commit: rec.Commit, Dirty: len(rec.Dirty) > 0, Next: rec.Next, Record: r.File(handoff.RecordFile)}
}

// printPlan prints values, files, differences and findings.
func (a *commands) printPlan(p *release.Project, r *release.Release) {
	if !a.Quiet {
		a.Printf("%s to %s, in %s\n\n", r.Record.Project, r.Record.Target, r.Dir())
		a.printValues(r.Record)
		a.printOrigin(p, r.Record)
		a.printFiles(r)
	}
	a.printMissing(r.Missing())
	// The list above has the missing values already, so their findings are left out.
	rest := slices.DeleteFunc(slices.Clone(r.Findings), func(f dev.Finding) bool { return f.ID == handoff.MissingValue })
	if len(rest) > 0 {
		_ = a.printPreflight(rest)
	}
}

// printMissing lists the values that are missing.
func (a *commands) printMissing(missing []handoff.Param) {
	if len(missing) == 0 {
		return
	}
	a.Printf("%s\n", "Values that are missing, with placeholders in the files:")
	names := 0
	for _, p := range missing {
		names = max(names, len(p.Name))
	}
	for _, p := range missing {
		a.Printf("  %-*s  %s\n", names, p.Name, console.Wrap(p.About, a.Width, names+4))
	}
	a.Printf("\n")
}

// printValues prints every value with its source.
func (a *commands) printValues(r handoff.Record) {
	const widest = 30 // a longer value, which is rare, pushes its source to the next line
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
		case placed && strings.HasPrefix(v.Source, "x-sdev."): // its place is enough
			source = "(" + place
		case v.Placeholder:
			source = "(missing"
		case v.Remembered:
			source += ", earlier"
		}
		column := names + 2 + values + 2
		pad := strings.Repeat(" ", max(values-utf8.RuneCountInString(text), 0)+2)
		if utf8.RuneCountInString(text) > values {
			pad = "\n" + strings.Repeat(" ", column)
		}
		a.Printf("%-*s  %s%s%s\n", names, v.Name, text, dev.Text(pad), console.Wrap(source+")", a.Width, column))
	}
	a.Printf("\n")
}

// printOrigin prints the commit and the image.
func (a *commands) printOrigin(p *release.Project, r handoff.Record) {
	commit := "no commit"
	switch {
	case !p.Repository.Found:
		commit = "no commit: " + p.Repository.Why
	case r.Commit != "" && len(r.Dirty) > 0:
		commit = fmt.Sprintf("commit %.12s, with uncommitted changes in %s", r.Commit, render.Count(len(r.Dirty), "file"))
	case r.Commit != "":
		commit = fmt.Sprintf("commit %.12s", r.Commit)
	}
	a.Printf("%s\n", console.Wrap(commit, a.Width, 0))
	if i := r.Image; i != nil {
		a.Printf("image %s\n", i.Ref)
		for _, id := range []struct{ what, text string }{{"id", i.ID}, {"digest", i.Digest}} {
			if id.text != "" {
				a.Printf("  %s %s\n", id.what, id.text)
			}
		}
		if p := i.Proof; p != nil && p.Page {
			a.Printf("  started once as user %s: its page was served, healthy after %d ms\n", p.User, p.Health)
		}
	}
	a.Printf("\n")
}

// printFiles lists the files, and prints how the existing ones change.
func (a *commands) printFiles(r *release.Release) {
	same := 0
	for _, c := range r.Bundle.Changes {
		if c.Status == handoff.Identical && !a.Verbose {
			same++
			continue
		}
		reason := ""
		if c.Reason != "" {
			reason = " (" + c.Reason + ")"
		}
		a.Printf("%-10s %s\n", c.Status, console.Wrap(r.DisplayPath(c.Path)+reason, a.Width, 11))
	}
	if same > 0 {
		a.Printf("%-10s %s\n", handoff.Identical, render.Count(same, "file"))
	}
	a.Printf("\n")
	for _, c := range r.Bundle.Changes {
		if c.Before == nil || c.File == handoff.SummaryFile && !a.Verbose {
			continue
		}
		diff := c.Diff()
		for line := range strings.Lines(diff) {
			a.Printf("%s\n", line)
		}
		if diff != "" {
			a.Printf("\n")
		}
	}
}

// printNext prints what was done, and the next steps.
func (a *commands) printNext(r *release.Release, check bool) {
	switch {
	case check:
		a.Printf("%s is up to date, and nothing blocks\n", r.Dir())
		return
	case r.Record.Status == handoff.Incomplete:
		missing := len(r.Missing())
		a.Printf("rendered into %s; the hand-off is complete once %s %s set:\n  %s\n", r.Dir(), render.Count(missing, "value"), map[bool]string{true: "is", false: "are"}[missing == 1], r.Command())
		return
	case !r.Written:
		a.Printf("nothing to do: %s is up to date\n", r.Dir())
	default:
		a.Printf("handed over in %s; the record is %s\n", r.Dir(), r.File(handoff.SummaryFile))
	}
	if a.Quiet || len(r.Record.Next) == 0 {
		return
	}
	a.Printf("\nnext:\n")
	for i, step := range r.Record.Next {
		once := ""
		if step.Once {
			once = " (once)"
		}
		a.Printf("%2d. %s\n", i+1, console.Wrap(step.About+once, a.Width, 4))
		for line := range strings.Lines(step.Run) {
			a.Printf("      %s\n", line)
		}
	}
}

// printTargets lists the targets, each with its last hand-off.
func (a *commands) printTargets(list []listedTarget) {
	for _, t := range list {
		a.Printf("%-12s %s\n", t.Name, console.Wrap(t.About, a.Width, 13))
		switch {
		case t.Last != nil && t.Last.Commit != "":
			a.Printf("%-12s last: %s, %s, commit %.12s\n", "", t.Last.Status, t.Last.Time.Format(time.DateOnly), t.Last.Commit)
		case t.Last != nil:
			a.Printf("%-12s last: %s, %s\n", "", t.Last.Status, t.Last.Time.Format(time.DateOnly))
		}
	}
}
