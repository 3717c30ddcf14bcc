package tui

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"sdev/cmd/internal/render"
	"sdev/dev"
)

// Target is a platform that the project can be handed over to.
type Target struct {
	Name   string
	About  string
	Bundle string // directory of the rendered files, relative to the project
	Status string // of the last hand-off: "ready", "incomplete", "blocked"; "" if there was none
	Commit string // that it was rendered from
	Dirty  bool   // there were changes besides
	Image  string // that it names
}

// Checks are the result of the preflight.
type Checks struct {
	Rules    int // how many there are
	Findings []dev.Finding
}

// deploy is the pane of the hand-off: the targets, the last hand-off, and findings.
type deploy struct {
	scroll
	*common
	cursor  int // place in the list of targets
	targets []Target
	asked   bool
	failed  string // why there is no list
	checks  map[string]Checks
}

// Messages of the hand-off.
type (
	targetsMsg struct {
		targets []Target
		err     error
	}
	checksMsg struct {
		target string
		checks Checks
		err    error
	}
)

// chosen is the target under the cursor; its name is "" where there is none.
func (d *deploy) chosen() Target {
	if d.cursor >= len(d.targets) {
		return Target{}
	}
	return d.targets[d.cursor]
}

// refresh asks the host for the targets.
func (d *deploy) refresh() tea.Cmd {
	d.asked = true
	return d.work.call(func(ctx context.Context) tea.Msg {
		targets, err := d.opts.HandOff.Targets(ctx)
		return targetsMsg{targets, err}
	})
}

func (*deploy) name() scope { return inDeploy }

// update asks for the targets when the pane becomes visible or an action has ended, and stores the host's answers.
func (d *deploy) update(msg tea.Msg) (bool, tea.Cmd) {
	switch msg := msg.(type) {
	case shownMsg:
		if !d.asked {
			return false, d.refresh()
		}
	case doneMsg:
		return false, d.refresh()
	case targetsMsg:
		d.found(msg)
		return true, nil
	case checksMsg:
		d.checked(msg)
		return true, nil
	}
	return false, nil
}

// found stores the targets.
func (d *deploy) found(msg targetsMsg) {
	d.failed = ""
	if msg.err != nil {
		d.failed = safeLines(dev.AsError(msg.err).Error())[0]
		return
	}
	d.targets = msg.targets
	d.cursor = max(0, min(d.cursor, len(msg.targets)-1))
}

// checked stores the result of the preflight, and sums it up.
func (d *deploy) checked(msg checksMsg) {
	if msg.err != nil {
		d.done(doneMsg{err: msg.err})
		return
	}
	if d.checks == nil {
		d.checks = map[string]Checks{}
	}
	d.checks[msg.target] = msg.checks
	summary := fmt.Sprintf("checked %s: %s", msg.target, tally(msg.checks.Findings))
	d.done(doneMsg{result: summary})
	if dev.AnyBlocks(msg.checks.Findings) {
		d.notify(warning, summary)
	}
}

func (d *deploy) do(c command) tea.Cmd {
	switch c {
	case cmdUp, cmdDownward:
		d.cursor += map[command]int{cmdUp: -1, cmdDownward: 1}[c]
		d.cursor = max(0, min(d.cursor, len(d.targets)-1))
		d.top = 0
		return nil
	case cmdCheck, cmdRender:
	default:
		d.move(c)
		return nil
	}
	target := d.chosen()
	switch {
	case target.Name == "":
		return nil
	case d.busy():
		return nil
	case c == cmdCheck:
		return d.check(target.Name)
	}
	d.overlay = &question{"Render the files for " + target.Name + "?", "Into " + safe(target.Bundle) + ". What you edited there is merged.", "render", request{"rendering " + target.Name, Action{Do: Render, Target: target.Name}}}
	return nil
}

// check makes the host run the preflight.
func (d *deploy) check(target string) tea.Cmd {
	return d.start("checking what ships to "+target, func(ctx context.Context) tea.Msg {
		checks, err := d.opts.HandOff.Check(ctx, target)
		return checksMsg{target, checks, err}
	})
}

func (d *deploy) view(t theme) string {
	sh := sheet{theme: t, state: &d.state, width: d.layout.width}
	if d.failed != "" {
		return d.show(t, append([]string{""}, sh.prose(sh.bad, d.failed, 2)...))
	}
	if len(d.targets) == 0 {
		return d.show(t, []string{"", sh.row(sh.dim.Render("looking up deployment targets"))})
	}
	return d.show(t, slices.Concat(d.list(sh), d.record(sh), d.findings(sh)))
}

func (d *deploy) list(sh sheet) []string {
	rows := []string{"", sh.heading("TARGETS", "")}
	name := 0
	for _, target := range d.targets {
		name = max(name, len(target.Name))
	}
	for i, target := range d.targets {
		mark, status := sh.faint.Render("○"), sh.dim.Render("never")
		switch target.Status {
		case "":
		case "ready":
			mark, status = sh.good.Render("●"), sh.good.Render(target.Status)
		case "incomplete":
			mark, status = sh.warn.Render("◐"), sh.warn.Render(target.Status)
		default:
			mark, status = sh.bad.Render("✗"), sh.bad.Render(target.Status)
		}
		row := "  " + spread(mark+" "+fit(target.Name, name)+"  "+sh.dim.Render(safe(target.About)), status, max(0, sh.width-3))
		if i == d.cursor {
			row = sh.cursor.Render(fit(stripped(row), sh.width))
		}
		rows = append(rows, row)
	}
	return append(rows, "")
}

// record shows the last hand-off.
func (d *deploy) record(sh sheet) []string {
	target := d.chosen()
	rows := []string{sh.heading("LAST HAND-OFF TO "+strings.ToUpper(target.Name), "")}
	if target.Status == "" {
		return append(rows, sh.row(sh.dim.Render("none yet; ")+sh.key.Render(keyOf(inDeploy, cmdRender))+sh.dim.Render(" renders its files into ")+safe(target.Bundle)), "")
	}
	field := func(name, value string) {
		if value != "" {
			rows = append(rows, sh.row(sh.dim.Render(fit(name, 8))+" "+value))
		}
	}
	commit := safe(target.Commit)
	const abbreviated = 12
	commit = commit[:min(abbreviated, len(commit))]
	if target.Dirty {
		commit += sh.warn.Render("  with uncommitted changes")
	}
	field("commit", commit)
	field("image", safe(target.Image))
	field("files", safe(target.Bundle))
	return append(rows, "")
}

// findings are those of this dashboard's last check, the worst first.
func (d *deploy) findings(sh sheet) []string {
	target := d.chosen()
	checks, ok := d.checks[target.Name]
	if !ok {
		return []string{sh.heading("CHECKS", ""), sh.row(sh.key.Render(keyOf(inDeploy, cmdCheck)) + sh.dim.Render(" checks source, history and files for problems"))}
	}
	rows := []string{sh.heading("CHECKS", tally(checks.Findings))}
	if len(checks.Findings) == 0 {
		rows = append(rows, sh.row(sh.good.Render("✓")+" nothing blocks"+sh.dim.Render(fmt.Sprintf("  %d rules", checks.Rules))))
	}
	list := slices.Clone(checks.Findings)
	slices.SortStableFunc(list, func(a, b dev.Finding) int { return rank(a) - rank(b) })
	for _, f := range list {
		rows = append(rows, sh.finding(f)...)
	}
	return rows
}

// rank orders findings: what blocks, warnings, what informs, what is suppressed.
func rank(f dev.Finding) int {
	if f.Suppressed != nil {
		return 3
	}
	return max(0, slices.Index([]dev.Severity{dev.Blocks, dev.Warns, dev.Informs}, f.Severity))
}

// finding is one finding: message, place and fix.
func (s sheet) finding(f dev.Finding) []string {
	mark, style := "✗", s.bad
	switch rank(f) {
	case 1:
		mark, style = "!", s.warn
	case 2:
		mark, style = "·", s.dim
	case 3:
		mark, style = "–", s.faint
	}
	where := safe(cmp.Or(f.File, f.Where))
	if f.File != "" && f.Line > 0 {
		where = fmt.Sprintf("%s:%d", safe(f.File), f.Line)
	}
	rows := []string{"  " + spread(style.Render(mark)+" "+s.strong.Render(f.ID), s.dim.Render(cut(where, s.width/2)), max(0, s.width-3))}
	const indent = 4
	rows = append(rows, s.prose(s.plain, f.Message, indent)...)
	if f.Suppressed != nil {
		return append(rows, s.prose(s.faint, fmt.Sprintf("suppressed until %s: %s", f.Suppressed.Until.Format("2006-01-02"), f.Suppressed.Reason), indent)...)
	}
	fix := s.prose(s.accent, f.Fix, indent+2)
	if len(fix) > 0 {
		fix[0] = strings.Repeat(" ", indent) + s.accent.Render("→") + fix[0][indent+1:]
	}
	return append(rows, fix...)
}

// tally counts findings in words.
func tally(findings []dev.Finding) string {
	var counts [4]int
	for _, f := range findings {
		counts[rank(f)]++
	}
	var parts []string
	for i, text := range []string{fmt.Sprintf("%d blocking", counts[0]), render.Count(counts[1], "warning"), render.Count(counts[2], "note"), fmt.Sprintf("%d suppressed", counts[3])} {
		if counts[i] > 0 {
			parts = append(parts, text)
		}
	}
	if len(parts) == 0 {
		return "nothing found"
	}
	return strings.Join(parts, ", ")
}
