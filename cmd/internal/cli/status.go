package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"sdev/cmd/internal/console"
	"sdev/cmd/internal/render"
	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/gateway"
	"sdev/dev/session"
)

// statusOptions are the flags of "sdev status".
type statusOptions struct {
	all  bool
	json bool
}

func (a *commands) newStatusCmd(run func(context.Context, statusOptions) error) *cobra.Command {
	var o statusOptions
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show services, page, login mode and engine of the project",
		Long:  "Shows which services of this project run, where the page is, how saves reach the app, and which AWS login it has. If nothing runs, it says so and succeeds. If another checkout of the project has the name and this one was never started, it says where that is, and does not show its services.\n\n--all lists every project of sdev on this machine, in whatever directory you are. Projects of docker compose are not listed.",
		Args:  console.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a.JSON = o.json
			return run(cmd.Context(), o)
		},
	}
	cmd.Flags().BoolVar(&o.all, "all", false, "list every project of sdev on this machine")
	cmd.Flags().BoolVar(&o.json, "json", false, "print one JSON object; with --all an array of them")
	return cmd
}

func (a *commands) runStatus(ctx context.Context, o statusOptions) error {
	if o.all {
		return a.statusOfAll(ctx, o.json)
	}
	s, err := a.status(ctx)
	if err != nil {
		return err
	}
	if o.json {
		return a.PrintJSON(s)
	}
	return a.Print(a.statusText(s))
}

// status returns the state of the project.
func (a *commands) status(ctx context.Context) (session.Status, error) {
	r, err := a.FindRunning(ctx)
	if err != nil {
		return session.Status{}, err
	}
	defer r.Close()
	return r.Status(ctx, a.Host(), r.Engine.Exec, session.EngineStatus(r.Engine.Endpoint)), nil
}

func (a *commands) statusText(s session.Status) *console.Page {
	var b console.Page
	row := func(name, format string, args ...any) {
		b.Add("%-9s %s\n", name, a.Wrapped(fmt.Sprintf(format, args...), 10))
	}
	checkout := ""
	if s.Plain != "" {
		checkout = ", a checkout of " + s.Plain
	}
	row("project", "%s in %s%s", s.Project, s.Dir, checkout)
	about := s.Engine.Why
	if s.Engine.API != "" { // processes of this machine have none
		about += ", API " + s.Engine.API
	}
	row("engine", "%s  %s", s.Engine.Host, about)
	if s.Elsewhere != "" {
		row("state", "not running here: %s", s.Elsewhere)
		row("hint", "%s", s.Hint)
		return &b
	}
	if len(s.Services) == 0 {
		row("state", "not running (sdev up --local starts it)")
		return &b
	}
	if s.URL != "" {
		mode := render.Mode(s.Mode)
		if s.Mode == dev.Local && s.Auth.Current != "" {
			mode += ", st.user is " + s.Auth.Current
		}
		row("page", "%s  %s", s.URL, mode)
		loginRows(row, s)
		tabs := "no tab open"
		if s.Sessions == 1 {
			tabs = "1 tab open"
		} else if s.Sessions > 1 {
			tabs = fmt.Sprintf("%d tabs open", s.Sessions)
		}
		row("tabs", "%s", tabs)
	}
	if s.Reload.How != "" {
		last := ""
		if s.Reloads > 0 {
			last = fmt.Sprintf(", last save live in %d ms", s.Reload.LastMS)
		}
		dirs := "directories"
		if s.Reload.Watches == 1 {
			dirs = "directory"
		}
		row("reload", "%s, %d %s watched%s", s.Reload.How, s.Reload.Watches, dirs, last)
	}
	if e := s.Exception; e.Exception != "" {
		row("exception", "%s at %s:%d", e.Exception, e.File, e.Line)
	}
	row("aws", "%s", awsText(s.AWS))
	for _, svc := range s.Services {
		health := ""
		if svc.Health != "" {
			health = ", " + svc.Health
		}
		// The line could break at a hyphen.
		row("service", "%s %s%s  %s", svc.Name, svc.State, health, strings.ReplaceAll(strings.Join(svc.Ports, " "), "->", "→"))
	}
	return &b
}

// loginRows describe the login, in modes with one.
func loginRows(row func(name, format string, args ...any), s session.Status) {
	if s.Issuer == "" {
		return
	}
	row("login", "%s", loginText(s.Auth, s.Issuer))
	if s.Mode.HasDoor() {
		row("door", "%s", doorText(s.Mode, s.Auth.Told))
	}
	for _, u := range s.Auth.Unmapped {
		row("", "%d× %s, a real identity provider: see sdev auth check", u.Count, u.Address)
	}
}

// doorText says which identity proxy stands in front of the app, and whom it let in.
func doorText(m dev.Mode, told []gateway.Told) string {
	text := render.Door(m) + " in front of the app"
	for i, t := range told {
		if i == 0 {
			text += "; the app was told: "
		} else {
			text += ", "
		}
		text += t.User
	}
	return text
}

func loginText(s session.AuthStatus, issuer string) string {
	text := "at " + issuer + " as one of " + strconv.Itoa(s.Users) + " people"
	if s.Current != "" {
		text = "at " + issuer + " as " + s.Current
	}
	for i, f := range s.Faults {
		sep := ", "
		if i == 0 {
			sep = "  faults: "
		}
		text += sep + f.Name
	}
	return text
}

func awsText(s session.AWSStatus) string {
	if s.Source == config.AWSNone {
		return "none"
	}
	text := "~/.aws mounted, profile " + s.Profile
	if s.Source == config.AWSSession {
		text = "keys of profile " + s.Profile
	}
	if s.Region != "" {
		text += ", " + s.Region
	}
	if s.Expires != "" {
		text += ", login ends " + s.Expires
	}
	return text
}
