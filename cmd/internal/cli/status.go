package cli

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/gateway"
	"sdev/dev/oidc"
)

func (a *app) newStatusCmd() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show what runs, where, and in which mode",
		Long:  "Shows what of this project runs, where its page is, how saves reach it and which AWS login it has. Nothing running is no error. What another clone of it runs under the same name is not shown; that it does is said.",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a.json = asJSON
			return a.runStatus(cmd.Context(), asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

// status is the object that "sdev status --json" prints; its fields are a contract.
type status struct {
	V        int             `json:"v"`
	Project  string          `json:"project"`
	Dir      string          `json:"dir"`
	Mode     dev.Mode        `json:"mode"`
	URL      string          `json:"url"`
	Issuer   string          `json:"issuer"` // of the local provider; "" where the login is bypassed
	Services []serviceStatus `json:"services"`
	Reload   reloadStatus    `json:"reload"`
	Sessions int             `json:"sessions"`
	Auth     authStatus      `json:"auth"`
	AWS      awsStatus       `json:"aws"`
	Engine   engineStatus    `json:"engine"`
	// Elsewhere says that what runs under the project's name belongs to another directory; "" where it does not.
	Elsewhere string `json:"elsewhere"`

	hint      string
	exception dev.AppException
	reloads   int
}

type serviceStatus struct {
	Name      string   `json:"name"`
	State     string   `json:"state"`
	Health    string   `json:"health"`
	Image     string   `json:"image"`
	Container string   `json:"container"`
	Ports     []string `json:"ports"`
}

type reloadStatus struct {
	How     string `json:"how"`
	Watches int    `json:"watches"`
	LastMS  int64  `json:"last_ms"`
}

type authStatus struct {
	Users   int          `json:"users"`
	Current string       `json:"current"` // who signs in without being asked
	Faults  []oidc.Fault `json:"faults"`  // that are armed
}

type awsStatus struct {
	Source  string `json:"source"`
	Profile string `json:"profile"`
	Region  string `json:"region"`
	Expires string `json:"expires"` // RFC 3339; "" where the login does not run out or it is unknown
}

type engineStatus struct {
	Host    string `json:"host"`
	Context string `json:"context"` // docker context; "" where none names it
	Why     string `json:"why"`     // what chose it
	API     string `json:"api"`
}

func (a *app) runStatus(ctx context.Context, asJSON bool) error {
	r, err := a.seek(ctx)
	if err != nil {
		return err
	}
	defer r.close()
	s := a.collect(ctx, r)
	if asJSON {
		return a.printJSON(s)
	}
	return a.print(a.statusText(s))
}

func (a *app) collect(ctx context.Context, r running) status {
	s := status{V: dev.WireVersion, Project: r.project.Name, Dir: r.project.Dir, Services: []serviceStatus{}, Auth: authStatus{Faults: []oidc.Fault{}}, AWS: awsStatus{Source: config.AWSNone}}
	for _, c := range r.have.Containers {
		state := "exited"
		if c.Running {
			state = "running"
		}
		ports := c.Ports
		if ports == nil {
			ports = []string{}
		}
		s.Services = append(s.Services, serviceStatus{Name: c.Service, State: state, Health: c.Health, Image: c.Reference, Container: c.Name, Ports: ports})
	}
	s.Engine = engineStatus(r.engine.Place())
	if r.elsewhere != nil {
		e := dev.AsError(r.elsewhere)
		s.Elsewhere, s.hint = e.Message, e.Hint
	}
	if _, ok := r.sidecar(); !ok {
		return s
	}
	s.URL, s.Mode, s.AWS = r.url(), r.mode(), a.awsStatus(r)
	if g, err := r.ask(ctx, gateway.Request{Do: gateway.DoStatus}); err == nil {
		s.Reload = reloadStatus{How: g.How, Watches: g.Watches, LastMS: g.Reload.MS}
		s.Sessions, s.exception, s.reloads = g.Sessions, g.Exception, g.Reloads
		if g.Mode.SignsIn() {
			s.Issuer, s.Auth = g.Auth.Issuer, authStatus{len(g.Auth.People), g.Auth.Current, g.Auth.Faults}
		}
		if s.AWS.Source == config.AWSSession && !g.AWSExpires.IsZero() {
			s.AWS.Expires = g.AWSExpires.UTC().Format(time.RFC3339)
		}
	}
	return s
}

// awsStatus reads what the running app was given: its own environment and mounts are the truth.
func (a *app) awsStatus(r running) awsStatus {
	app, _ := r.container(r.project.App)
	out := awsStatus{Profile: cmp.Or(app.Env["AWS_PROFILE"], "default"), Region: app.Env["AWS_REGION"]}
	switch {
	case app.Env["AWS_CONTAINER_CREDENTIALS_FULL_URI"] != "":
		out.Source, out.Profile = config.AWSSession, cmp.Or(r.project.Settings.AWS.Profile, a.Getenv("AWS_PROFILE"), "default")
		return out
	case !app.HasMount("/.aws"):
		return awsStatus{Source: config.AWSNone}
	}
	out.Source = config.AWSMount
	if m, _, err := config.ReadMachine(r.project, a.Getenv, a.now()); err == nil && !m.AWS.Expires.IsZero() {
		out.Expires = m.AWS.Expires.UTC().Format(time.RFC3339)
	}
	return out
}

func (a *app) statusText(s status) *page {
	var b page
	row := func(name, format string, args ...any) {
		b.add("%-9s %s\n", name, a.wrapped(fmt.Sprintf(format, args...), 10))
	}
	row("project", "%s in %s", s.Project, s.Dir)
	row("engine", "%s  %s, API %s", s.Engine.Host, s.Engine.Why, s.Engine.API)
	if s.Elsewhere != "" {
		row("state", "not running here: %s", s.Elsewhere)
		row("hint", "%s", s.hint)
		return &b
	}
	if len(s.Services) == 0 {
		row("state", "not running (sdev up --local starts it)")
		return &b
	}
	if s.URL != "" {
		mode := string(s.Mode)
		if s.Mode == dev.Local {
			mode = "local: the login is bypassed"
		}
		row("page", "%s  %s", s.URL, mode)
		if s.Issuer != "" {
			row("login", "%s", s.Auth.text(s.Issuer))
		}
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
		if s.reloads > 0 {
			last = fmt.Sprintf(", last save live in %d ms", s.Reload.LastMS)
		}
		dirs := "directories"
		if s.Reload.Watches == 1 {
			dirs = "directory"
		}
		row("reload", "%s, %d %s watched%s", s.Reload.How, s.Reload.Watches, dirs, last)
	}
	if e := s.exception; e.Exception != "" {
		row("exception", "%s at %s:%d", e.Exception, e.File, e.Line)
	}
	row("aws", "%s", s.AWS.text())
	for _, svc := range s.Services {
		health := ""
		if svc.Health != "" {
			health = ", " + svc.Health
		}
		// A hyphen would be a place to break the line.
		row("service", "%s %s%s  %s", svc.Name, svc.State, health, strings.ReplaceAll(strings.Join(svc.Ports, " "), "->", "→"))
	}
	return &b
}

func (s authStatus) text(issuer string) string {
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

func (s awsStatus) text() string {
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
