package cli

import (
	"bytes"
	"context"
	"strconv"
	"strings"
	"time"

	"sdev/cmd/internal/auth"
	"sdev/cmd/internal/console"
	"sdev/cmd/internal/mcp"
	"sdev/cmd/internal/render"
	"sdev/dev"
	"sdev/dev/live"
	"sdev/dev/reruns"
	"sdev/dev/session"
)

// agent answers the tools of "sdev mcp" with what the commands of the same names print. It implements the interfaces of
// [mcp.Project].
type agent struct{ commands *commands }

// Status is "sdev status".
func (g agent) Status(ctx context.Context) (session.Status, error) { return g.commands.status(ctx) }

// WaitUntilLive is "sdev wait --live".
func (g agent) WaitUntilLive(ctx context.Context, path string, timeout time.Duration) (live.Save, error) {
	return g.commands.waitUntilLive(ctx, path, timeout)
}

// Logs is "sdev logs --tail".
func (g agent) Logs(ctx context.Context, q mcp.LogQuery) ([]string, error) {
	since, err := g.moment(q.Since)
	if err != nil {
		return nil, err
	}
	o := logsOptions{tail: q.Lines, since: since}
	if q.Service != "" {
		o.services = []string{q.Service}
	}
	r, err := g.commands.requireLogs(ctx, o.services)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	f, view := logSource(r, o)
	var text bytes.Buffer
	if err := g.commands.pastLogs(ctx, r, f, render.NewPlain(&text, render.Options{Cut: view.Cut, Several: view.Several})); err != nil {
		return nil, err
	}
	lines := strings.Split(strings.TrimSuffix(text.String(), "\n"), "\n")
	if text.Len() == 0 {
		return nil, nil
	}
	return lines[max(0, len(lines)-q.Lines):], nil
}

// Reruns is "sdev reruns".
func (g agent) Reruns(ctx context.Context, since string) (*reruns.Log, error) {
	from, err := g.moment(since)
	if err != nil {
		return nil, err
	}
	all, err := g.commands.pastReruns(ctx, from)
	return rerunLog(all), err
}

// moment parses the argument since of a tool.
func (g agent) moment(since string) (time.Time, error) {
	t, ok := momentOf(since, g.commands.Now())
	if !ok {
		return t, dev.UsageError("since is "+strconv.Quote(since), hintMoment)
	}
	return t, nil
}

// People is "sdev auth users".
func (g agent) People(ctx context.Context) (people []dev.Person, examples bool, err error) {
	return auth.People(ctx, g.commands.Console)
}

// Preflight is "sdev preflight".
func (g agent) Preflight(ctx context.Context) (mcp.Checks, error) {
	findings, err := g.commands.runChecks(ctx, preflightOptions{})
	report := newPreflightReport("", findings)
	return mcp.Checks{Findings: report.Findings, Rules: report.Rules, Blocks: report.Blocks}, err
}

// Secrets are those that the project's files and this machine's environment hold.
func (g agent) Secrets(ctx context.Context) []string {
	p, err := g.commands.Load(ctx, session.Options{})
	if err != nil {
		return nil
	}
	return p.KnownSecrets()
}

// Restart is "sdev restart".
func (g agent) Restart(ctx context.Context, service string) (string, error) {
	return g.commands.restart(ctx, service, console.View{})
}

// SignInAs is "sdev auth use".
func (g agent) SignInAs(ctx context.Context, email string) (dev.Person, error) {
	who, _, err := auth.Use(ctx, g.commands.Console, email)
	return who, err
}
