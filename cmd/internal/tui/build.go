package tui

import (
	"fmt"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"sdev/cmd/internal/render"
	"sdev/dev"
)

// build is the pane of image builds: the steps of the newest build of each service, and the output of a failed one.
type build struct {
	scroll
	*common
}

func (*build) name() scope { return inBuild }

func (b *build) do(c command) tea.Cmd {
	b.move(c)
	return nil
}

func (*build) update(tea.Msg) (bool, tea.Cmd) { return false, nil }

// builds are the image builds of this project since the dashboard began.
type builds struct {
	runs []buildRun // newest last
	fail dev.Failed
}

// buildRun is one build of one service's image.
type buildRun struct {
	service string
	began   time.Time
	steps   []dev.BuildStep
	total   int
	done    bool
	failed  bool
	image   string
	ms      int64
}

// keptBuilds is how many builds are shown.
const keptBuilds = 8

// apply applies an event.
func (b *builds) apply(e dev.Stamped) {
	switch ev := e.Event.(type) {
	case dev.BuildStep:
		r := b.open(ev.Service, e.Time)
		r.total = max(r.total, ev.Total)
		if i := slices.IndexFunc(r.steps, func(s dev.BuildStep) bool { return s.Step == ev.Step && s.Text == ev.Text }); i >= 0 {
			r.steps[i] = ev
		} else {
			r.steps = append(r.steps, ev)
		}
	case dev.BuildDone:
		r := b.open(ev.Service, e.Time)
		r.done, r.image, r.ms = true, ev.Image, ev.MS
		b.fail = dev.Failed{}
	case dev.Failed:
		b.broke(ev)
	case dev.Warning:
		b.broke(dev.Failed{Code: ev.Code, Message: ev.Message, Hint: ev.Hint})
	}
}

func (b *builds) broke(f dev.Failed) {
	if f.Code != dev.CodeBuildFailed && f.Code != dev.CodeImageMissing {
		return
	}
	b.fail = f
	for i := range b.runs {
		if !b.runs[i].done {
			b.runs[i].done, b.runs[i].failed = true, true
		}
	}
}

// open returns the current build of a service, or begins one.
func (b *builds) open(service string, at time.Time) *buildRun {
	for i := range b.runs {
		if b.runs[i].service == service && !b.runs[i].done {
			return &b.runs[i]
		}
	}
	b.runs = keep(append(b.runs, buildRun{service: service, began: at}), keptBuilds)
	return &b.runs[len(b.runs)-1]
}

// progress is that of a running build: "3/7", or "" if none is running.
func (b *builds) progress() string {
	for i := range b.runs {
		if r := &b.runs[i]; !r.done && len(r.steps) > 0 {
			return fmt.Sprintf("%d/%d", r.steps[len(r.steps)-1].Step, r.total)
		}
	}
	return ""
}

func (b *build) view(t theme) string {
	sh, list := sheet{theme: t, width: b.layout.width}, &b.state.builds
	var rows []string
	if list.fail.Message != "" {
		rows = append(rows, b.failure(sh, list.fail)...)
	} else {
		rows = append(rows, "")
	}
	for i := range slices.Backward(list.runs) {
		rows = append(rows, b.run(sh, &list.runs[i])...)
	}
	if len(list.runs) == 0 && list.fail.Message == "" {
		rows = []string{"", sh.row(t.dim.Render("nothing was built: the image is up to date")), "", sh.row(t.key.Render(keyOf(everywhere, cmdRebuild)) + "  build it anyway")}
	}
	return b.show(t, rows)
}

func (b *build) failure(sh sheet, f dev.Failed) []string {
	lines := safeLines((&dev.Error{Message: f.Message, File: f.File, Line: f.Line}).Error())
	rows := []string{""}
	for i, l := range lines {
		rows = append(rows, sh.problemLine(l, i == 0)...)
	}
	if f.Hint != "" {
		for _, l := range wrap("hint: "+safe(f.Hint), max(10, sh.width-5)) {
			rows = append(rows, sh.row(sh.warn.Render("  "+l)))
		}
	}
	return append(rows, "")
}

func (b *build) run(sh sheet, r *buildRun) []string {
	note := ""
	cached := 0
	for _, s := range r.steps {
		if s.Cached {
			cached++
		}
	}
	switch {
	case r.failed:
		note = sh.bad.Render("failed")
	case r.done:
		note = fmt.Sprintf("%s, %d of %d cached", render.Duration(r.ms), cached, len(r.steps))
	default:
		note = fmt.Sprintf("%d of %d, since %s", len(r.steps), r.total, r.began.Format(time.TimeOnly))
	}
	rows := []string{sh.heading(strings.ToUpper(safe(r.service)), note)}
	for _, s := range r.steps {
		rows = append(rows, b.step(sh, r, s))
	}
	if r.image != "" {
		rows = append(rows, sh.row(sh.dim.Render("→ "+safe(r.image))))
	}
	return append(rows, "")
}

func (b *build) step(sh sheet, r *buildRun, s dev.BuildStep) string {
	dot, end := sh.warn.Render("◌"), "…"
	switch {
	case s.Cached:
		dot, end = sh.faint.Render("●"), "cached"
	case s.MS > 0:
		dot, end = sh.good.Render("●"), render.Duration(s.MS)
	case r.failed:
		dot, end = sh.bad.Render("✗"), "failed"
	}
	text := safe(strings.Join(strings.Fields(s.Text), " "))
	if s.Cached {
		text = sh.dim.Render(text)
	}
	number := ""
	if s.Step > 0 {
		number = fmt.Sprintf("%2d ", s.Step)
	}
	return "  " + spread(dot+" "+sh.faint.Render(number)+text+" ", sh.dim.Render(" "+end), max(0, sh.width-3))
}
