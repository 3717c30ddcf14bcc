package cli

import (
	"context"
	"fmt"
	"slices"

	"github.com/charmbracelet/x/ansi"

	"sdev/cmd/internal/console"
	"sdev/cmd/internal/render"
	"sdev/dev"
	"sdev/dev/docker"
	"sdev/dev/engine"
	"sdev/dev/session"
)

// What "status --all" and "down --all" share: they work on every project of sdev on an engine, and need no project here.

// statusOfAll prints the status of every project.
func (a *commands) statusOfAll(ctx context.Context, asJSON bool) error {
	runtime, err := a.Open(ctx)
	if err != nil {
		return err
	}
	defer runtime.Close() //nolint:errcheck // the connection is only read from
	found, err := session.ObserveAll(ctx, runtime.Containers)
	if err != nil {
		return err
	}
	all := []session.Status{}
	for _, i := range found {
		all = append(all, i.Status(ctx, a.Host(), runtime.Exec, session.EngineStatus(runtime.Endpoint)))
	}
	if asJSON {
		return a.PrintJSON(all)
	}
	return a.printAll(all, runtime.Endpoint)
}

func (a *commands) printAll(all []session.Status, engine docker.Endpoint) error {
	if len(all) == 0 {
		return a.Printf("no project of sdev is on the engine %s\n", engine.Host)
	}
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
		rows = append(rows, []string{s.Project, stateText(s.Services), mode, page, folder})
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
	runtime, err := a.Open(ctx)
	if err != nil {
		return err
	}
	defer runtime.Close() //nolint:errcheck // nothing is lost with the connection
	found, err := session.ObserveAll(ctx, runtime.Containers)
	if err != nil {
		return err
	}
	if len(found) == 0 && !o.json {
		return a.printAll(nil, runtime.Endpoint)
	}
	if yes, err := a.confirmAll(ctx, o, found, runtime); err != nil || !yes {
		return err
	}
	return a.WithFound(ctx, runtime, console.View{JSON: o.json}, func(_ context.Context, e *engine.Engine) error {
		var failed []error
		for _, i := range found {
			p, err := i.FoundRemoval(runtime.Host)
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
func (a *commands) confirmAll(ctx context.Context, o downOptions, found []session.Instance, runtime console.Engine) (bool, error) {
	if o.yes || o.json || !a.InTTY || !a.OutTTY {
		return true, nil
	}
	here, err := a.Load(ctx, session.Options{})
	isHere := func(i session.Instance) bool {
		return err == nil && i.Project.Name == here.Name && i.Project.Dir == here.Dir
	}
	if !slices.ContainsFunc(found, func(i session.Instance) bool { return !isHere(i) }) {
		return true, nil
	}
	var all []session.Status
	for _, i := range found {
		all = append(all, i.Status(ctx, a.Host(), runtime.Exec, session.EngineStatus(runtime.Endpoint)))
	}
	if err := a.printAll(all, runtime.Endpoint); err != nil {
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
