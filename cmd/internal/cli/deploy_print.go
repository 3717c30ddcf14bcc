package cli

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"sdev/dev"
	"sdev/dev/handoff"
	"sdev/dev/session"
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

func (d *delivery) report() deployReport {
	r := d.record
	files := []handoff.Change{}
	for _, c := range d.bundle.Changes {
		c.Path = d.shown(c.Path)
		files = append(files, c)
	}
	return deployReport{V: dev.WireVersion, Type: "deploy", Target: d.target.Name, Status: r.Status, Check: d.options.check, Written: d.written, Out: d.shownBundle(), Values: r.Values, Files: files,
		Findings: r.Findings, Checks: r.Checks, Image: r.Image, Commit: r.Commit, Dirty: len(r.Dirty) > 0, Next: r.Next, Record: d.shown(path.Join(d.bundle.Place.Bundle, handoff.RecordFile))}
}

// printPlan shows values, files, differences and findings.
func (a *app) printPlan(d *delivery) {
	if !a.quiet {
		a.printf("%s to %s, in %s\n\n", d.project.Name, d.target.Name, d.shownBundle())
		a.printValues(d)
		a.printOrigin(d)
		a.printFiles(d)
	}
	a.printUnsaid(d)
	// What nobody has said stands in the list above: a finding each would say it twice.
	rest := slices.DeleteFunc(slices.Clone(d.findings), func(f dev.Finding) bool { return f.ID == handoff.MissingValue })
	if len(rest) > 0 {
		_ = a.print(preflightText(rest, a.Width))
	}
}

// printUnsaid lists the values that placeholders stand for.
func (a *app) printUnsaid(d *delivery) {
	unsaid := d.unsaid()
	if len(unsaid) == 0 {
		return
	}
	a.printf("%s\n", "Nobody has said yet, so placeholders stand in the files:")
	names := 0
	for _, p := range unsaid {
		names = max(names, len(p.Name))
	}
	for _, p := range unsaid {
		a.printf("  %-*s  %s\n", names, p.Name, wrap(p.About, a.Width, names+4))
	}
	a.printf("\n")
}

// printValues is the plan table: every value, and who says it.
func (a *app) printValues(d *delivery) {
	const widest = 30 // longer values are rare, and push their own source to the next line alone
	names, values := 0, 0
	for _, v := range d.record.Values {
		names = max(names, utf8.RuneCountInString(v.Name))
		if n := utf8.RuneCountInString(v.Text); n <= widest {
			values = max(values, n)
		}
	}
	for _, v := range d.record.Values {
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

func (a *app) printOrigin(d *delivery) {
	commit := "no commit"
	switch r := d.record; {
	case !d.repo.Found:
		commit = "no commit: " + d.repo.Why
	case r.Commit != "" && len(r.Dirty) > 0:
		commit = fmt.Sprintf("commit %.12s, and %s not as committed", r.Commit, count(len(r.Dirty), "file"))
	case r.Commit != "":
		commit = fmt.Sprintf("commit %.12s", r.Commit)
	}
	a.printf("%s\n", wrap(commit, a.Width, 0))
	if i := d.record.Image; i != nil {
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
func (a *app) printFiles(d *delivery) {
	same := 0
	for _, c := range d.bundle.Changes {
		if c.Status == handoff.Identical && !a.verbose {
			same++
			continue
		}
		reason := ""
		if c.Reason != "" {
			reason = " (" + c.Reason + ")"
		}
		a.printf("%-10s %s\n", c.Status, wrap(d.shown(c.Path)+reason, a.Width, 11))
	}
	if same > 0 {
		a.printf("%-10s %s\n", handoff.Identical, count(same, "file"))
	}
	a.printf("\n")
	for _, c := range d.bundle.Changes {
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
func (a *app) printNext(d *delivery) {
	switch {
	case d.options.check:
		a.printf("%s is as it would be rendered, and nothing blocks\n", d.shownBundle())
		return
	case d.record.Status == handoff.Incomplete:
		unsaid := len(d.unsaid())
		a.printf("%s is rendered; it is handed over once %s %s said:\n  %s\n", d.shownBundle(), count(unsaid, "value"), map[bool]string{true: "is", false: "are"}[unsaid == 1], d.saying())
		return
	case !d.written:
		a.printf("nothing to do: %s is as it would be rendered\n", d.shownBundle())
	default:
		a.printf("handed over in %s; the record is %s\n", d.shownBundle(), d.shown(path.Join(d.bundle.Place.Bundle, handoff.SummaryFile)))
	}
	if a.quiet || len(d.record.Next) == 0 {
		return
	}
	a.printf("\nnext:\n")
	for i, step := range d.record.Next {
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

// listedTarget is a row of "sdev deploy --json".
type listedTarget struct {
	Name  string      `json:"name"`
	About string      `json:"about"`
	Last  *lastRecord `json:"last"` // null where nothing was handed over yet
}

type lastRecord struct {
	Status string    `json:"status"`
	Time   time.Time `json:"time"`
	Commit string    `json:"commit"`
	Path   string    `json:"path"`
}

// listTargets shows the targets, each with its last hand-off in the usual directory.
func (a *app) listTargets(ctx context.Context, o deployOptions) error {
	s, err := a.gather(ctx, session.EntryChoice{})
	if e, ok := errors.AsType[*dev.Error](err); ok && e.Code == dev.CodeProjectMissing && a.dir == "" && len(a.files) == 0 {
		s = nil
	} else if err != nil {
		return err
	}
	var list []listedTarget
	for _, t := range handoff.Targets() {
		row := listedTarget{Name: t.Name, About: t.About}
		if s != nil {
			if row.Last, err = a.lastOf(s, t.Name); err != nil {
				return err
			}
		}
		list = append(list, row)
	}
	if o.json {
		return a.printJSON(struct {
			V       int            `json:"v"`
			Type    string         `json:"type"`
			Targets []listedTarget `json:"targets"`
		}{dev.WireVersion, "deploy.targets", list})
	}
	for _, t := range list {
		a.printf("%-12s %s\n", t.Name, wrap(t.About, a.Width, 13))
		switch {
		case t.Last != nil && t.Last.Commit != "":
			a.printf("%-12s last: %s, %s, commit %.12s\n", "", t.Last.Status, t.Last.Time.Format(time.DateOnly), t.Last.Commit)
		case t.Last != nil:
			a.printf("%-12s last: %s, %s\n", "", t.Last.Status, t.Last.Time.Format(time.DateOnly))
		}
	}
	return nil
}

func (a *app) lastOf(s *subject, target string) (*lastRecord, error) {
	last, err := a.recordOf(s, target)
	if last == nil || err != nil {
		return nil, err
	}
	return &lastRecord{last.Status, last.Time, last.Commit, path.Join(deployDir, target, handoff.RecordFile)}, nil
}

// recordOf is the record of the last hand-off in the usual directory; nil where there was none.
func (a *app) recordOf(s *subject, target string) (*handoff.Record, error) {
	place, err := a.placeOf(s, target, "")
	if err != nil {
		return nil, err
	}
	b, err := handoff.Open(place)
	if err != nil {
		return nil, err
	}
	defer b.Close()
	return b.Last, nil
}
