package tui

import (
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"sdev/cmd/internal/render"
	"sdev/dev"
	"sdev/dev/reruns"
)

// pages is the pane of how long the app's pages take: the slowest first, and the last runs of the script.
type pages struct {
	scroll
	*common
}

func (*pages) name() scope { return inPages }

func (p *pages) do(c command) tea.Cmd {
	p.move(c)
	return nil
}

func (*pages) update(tea.Msg) (bool, tea.Cmd) { return false, nil }

// shownRuns is how many runs the pane lists.
const shownRuns = 100

// Widths of the columns behind the name of a page.
const (
	runsWidth = 6
	tookWidth = 8
)

func (p *pages) view(t theme) string {
	sh := sheet{theme: t, width: p.layout.width}
	last := p.state.reruns.Last(shownRuns)
	if len(last) == 0 {
		return p.show(t, []string{"", sh.row(t.dim.Render("no page has run so far")), "", sh.row(t.key.Render(keyOf(everywhere, cmdOpen)) + "  open the app in the browser")})
	}
	all := p.state.reruns.Pages()
	rows := []string{"", sh.heading("PAGES", "slowest first")}
	name := p.nameWidth(all, last)
	rows = append(rows, sh.row(t.dim.Render(fit("", name)+right("runs", runsWidth)+right("p50", tookWidth)+right("p95", tookWidth)+right("last", tookWidth))))
	for _, page := range all {
		rows = append(rows, p.page(sh, page, name)...)
	}
	rows = append(rows, "", sh.heading("LAST RUNS", ""))
	for _, run := range last {
		rows = append(rows, p.run(sh, run, name))
	}
	return p.show(t, rows)
}

// nameWidth is the width of the column of names: that of the longest, within a third of the screen.
func (p *pages) nameWidth(all []reruns.Page, last []reruns.Run) int {
	width := 0
	for _, page := range all {
		width = max(width, ansi.StringWidth(pageName(page.Name)))
	}
	for _, run := range last {
		width = max(width, ansi.StringWidth(pageName(run.Page)))
	}
	return min(width, p.layout.width/3)
}

func (p *pages) page(sh sheet, page reruns.Page, name int) []string {
	took := func(d time.Duration) string { return right(render.Duration(d.Milliseconds()), tookWidth) }
	row := fit(pageName(page.Name), name) + right(grouped(page.Runs), runsWidth) + sh.strong.Render(took(page.P50)) + took(page.P95) + took(page.Last.Took())
	if page.Slower.File == "" {
		return []string{sh.row(row)}
	}
	slower := fmt.Sprintf("▲ %.1f times as long since %s was saved", page.Slower.Factor, safe(page.Slower.File))
	if ansi.StringWidth(row)+ansi.StringWidth(slower)+2 > sh.width-3 {
		return []string{sh.row(row), sh.row("  " + sh.warn.Render(slower))}
	}
	return []string{sh.row(row + "  " + sh.warn.Render(slower))}
}

func (p *pages) run(sh sheet, run reruns.Run, name int) string {
	end := ""
	switch {
	case run.Exception != "":
		end = "  " + sh.bad.Render(safe(run.Exception))
	case run.Interrupted:
		end = "  " + sh.dim.Render("interrupted")
	}
	return sh.row(sh.dim.Render(run.At.Format(time.TimeOnly)) + "  " + fit(pageName(run.Page), name) + right(render.Duration(run.MS), tookWidth) + "  " + fit(string(run.Trigger), len(dev.RerunNavigation)) + end)
}

// pageName is the name of a page for people.
func pageName(page string) string { return safe(render.PageName(page)) }

// right fits a text into a width, at the right.
func right(text string, width int) string {
	return strings.Repeat(" ", max(0, width-ansi.StringWidth(text))) + text
}
