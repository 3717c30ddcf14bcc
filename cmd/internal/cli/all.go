package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"sdev/cmd/internal/console"
	"sdev/cmd/internal/render"
	"sdev/dev"
	"sdev/dev/engine"
	"sdev/dev/session"
)

// What "status --all" and "down --all" share: they work on every project of sdev on the container engine and among the
// processes of this machine, and need no project here.

// located is a project and the runtime that has it.
type located struct {
	session.Instance
	on console.Engine
}

// findAll opens every runtime and finds the projects on it. The caller closes the runtimes with closeAll, after an error too.
func (a *commands) findAll(ctx context.Context) (out []located, runtimes []console.Engine, err error) {
	if runtimes, err = a.OpenAll(ctx); err != nil {
		return nil, nil, err
	}
	for _, on := range runtimes {
		found, err := session.ObserveAll(ctx, on.Containers)
		if err != nil {
			return nil, runtimes, err
		}
		for _, i := range found {
			out = append(out, located{i, on})
		}
	}
	slices.SortStableFunc(out, func(a, b located) int { return strings.Compare(a.Project.Name, b.Project.Name) })
	return out, runtimes, nil
}

// closeAll closes what OpenAll has opened. Nothing is lost with the connections.
func closeAll(runtimes []console.Engine) {
	for _, r := range runtimes {
		_ = r.Close()
	}
}

// statuses are the statuses of projects.
func (a *commands) statuses(ctx context.Context, found []located) []session.Status {
	all := []session.Status{}
	for _, i := range found {
		all = append(all, i.Status(ctx, a.Host(), i.on.Exec, session.EngineStatus(i.on.Endpoint)))
	}
	return all
}

// statusOfAll prints the status of every project.
func (a *commands) statusOfAll(ctx context.Context, asJSON bool) error {
	found, runtimes, err := a.findAll(ctx)
	defer closeAll(runtimes)
	if err != nil {
		return err
	}
	if asJSON {
		return a.PrintJSON(a.statuses(ctx, found))
	}
	if len(found) == 0 {
		return a.printNone(runtimes)
	}
	return a.printAll(a.statuses(ctx, found))
}

// printNone says that no runtime has a project.
func (a *commands) printNone(runtimes []console.Engine) error {
	if !runtimes[0].OnHost {
		return a.Printf("no project of sdev is on the engine %s, and none runs as processes of this machine\n", runtimes[0].Host)
	}
	return a.Printf("no project of sdev runs as processes of this machine\n")
}

// printAll prints a table of projects. Those that run as processes say so.
func (a *commands) printAll(all []session.Status) error {
	rows := [][]string{{"PROJECT", "STATE", "MODE", "PAGE", "FOLDER"}}
	for _, s := range all {
		mode, page := string(s.Mode), s.URL
		if page == "" {
			mode, page = "-", "-"
		}
		folder := a.FromHome(s.Dir)
		if s.Gone {
			folder += " (gone: not on this machine)"
		}
		state := stateText(s.Services)
		if s.Engine.Host == console.ProcessHost {
			state += ", process"
		}
		rows = append(rows, []string{s.Project, state, mode, page, folder})
	}
	if a.OutTTY && widthOf(rows) > a.Width {
		rows = stacked(rows)
	}
	return a.Table(rows)
}

// widthOf is the width of a table.
func widthOf(rows [][]string) (width int) {
	for column := range rows[0] {
		widest := 0
		for _, row := range rows {
			widest = max(widest, ansi.StringWidth(row[column]))
		}
		width += widest + 2
	}
	return width - 2
}

// stacked puts the last column below the one before, for a narrow terminal.
func stacked(rows [][]string) (out [][]string) {
	last := len(rows[0]) - 1
	for _, row := range rows {
		below := make([]string, last)
		below[last-1] = row[last]
		out = append(out, row[:last], below)
	}
	return out
}

// stateText says how many services of a project run.
func stateText(services []session.ServiceStatus) string {
	running := 0
	for _, s := range services {
		if s.State == "running" {
			running++
		}
	}
	switch running {
	case 0:
		return "stopped"
	case len(services):
		return "running"
	}
	return fmt.Sprintf("%d/%d run", running, len(services))
}

// downAll takes down every project. One that cannot be taken down keeps none of the others.
func (a *commands) downAll(ctx context.Context, o downOptions) error {
	found, runtimes, err := a.findAll(ctx)
	defer closeAll(runtimes)
	if err != nil {
		return err
	}
	if len(found) == 0 && !o.json {
		return a.printNone(runtimes)
	}
	if yes, err := a.confirmAll(ctx, o, found); err != nil || !yes {
		return err
	}
	return a.WithFound(ctx, console.View{JSON: o.json}, func(_ context.Context, engineOn func(console.Engine) *engine.Engine) error {
		var failed []error
		for _, i := range found {
			e := engineOn(i.on)
			p, err := i.FoundRemoval(i.on.Host)
			if err == nil {
				err = e.Down(ctx, a.Force, p, o.volumes)
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				failed = append(failed, err)
				reason := dev.AsError(err)
				e.Emit(a.Now(), dev.Warning{Code: reason.Code, Message: "project " + p.Name + " is still there: " + reason.Error(), Hint: reason.Hint})
			}
		}
		if len(failed) == 0 {
			return nil
		}
		return &dev.Error{Code: dev.AsError(failed[0]).Code, Exit: dev.ExitFailed, Cause: failed[0],
			Message: fmt.Sprintf("%d of %s could not be taken down, for the reasons above", len(failed), render.Count(len(found), "project")), Hint: "what is left: sdev status --all"}
	})
}

// confirmAll asks on a terminal whether to take down projects of other directories.
func (a *commands) confirmAll(ctx context.Context, o downOptions, found []located) (bool, error) {
	if o.yes || o.json || !a.InTTY || !a.OutTTY {
		return true, nil
	}
	here, err := a.Load(ctx, session.Options{})
	isHere := func(i located) bool {
		return err == nil && i.Project.Name == here.Name && i.Project.Dir == here.Dir
	}
	if !slices.ContainsFunc(found, func(i located) bool { return !isHere(i) }) {
		return true, nil
	}
	if err := a.printAll(a.statuses(ctx, found)); err != nil {
		return false, err
	}
	question := "Take down " + render.Count(len(found), "project") + "?"
	if o.volumes {
		question = "Take down " + render.Count(len(found), "project") + ", and remove the data in their volumes?"
	}
	yes := false
	if err := a.Ask(ctx, console.Confirmation(&yes, "%s", question)); err != nil {
		return false, err
	}
	if !yes {
		return false, a.Printf("nothing was taken down\n")
	}
	return true, nil
}
