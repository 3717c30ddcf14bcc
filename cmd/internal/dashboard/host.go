package dashboard

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sdev/cmd/internal/console"
	"sdev/cmd/internal/tui"
	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/engine"
	"sdev/dev/oidc"
	"sdev/dev/plan"
	"sdev/dev/session"
)

// Do carries out an action of the user. It implements tui.Host.
func (d *host) Do(ctx context.Context, action tui.Action) (string, error) {
	start := time.Now()
	switch action.Do {
	case tui.Start:
		return d.start(ctx)
	case tui.Restart, tui.Rebuild:
		// It is completed even if the user leaves the dashboard meanwhile.
		return d.replace(context.WithoutCancel(ctx), action)
	case tui.Open:
		return d.browse(ctx)
	case tui.Down, tui.DownVolumes:
		if err := d.down(context.WithoutCancel(ctx), action.Do == tui.DownVolumes); err != nil {
			return "", err
		}
		return "stopped and removed in " + since(start), nil
	case tui.Switch:
		return d.switchMode(context.WithoutCancel(ctx), action.Mode)
	case tui.SaveLog:
		return saveLog(d.console.Dir, action.File, action.Text)
	case tui.SignInAs, tui.SetFault, tui.ClearFaults, tui.MoveClock, tui.RotateKeys:
		return d.steer(ctx, action)
	case tui.Render:
		return d.handOver(context.WithoutCancel(ctx), action.Target)
	}
	return "", fmt.Errorf("unknown action %q", action.Do)
}

// start starts the project, or supervises one that already runs, and waits until it is ready.
func (d *host) start(ctx context.Context) (string, error) {
	if d.supervising() {
		return "already running", nil
	}
	d.endJob(engine.ErrDetached) // a job that only follows; the new one supervises
	_, stream := d.events.Subscribe()
	defer stream.Close()
	began := time.Now()
	if err := d.supervise(nil); err != nil {
		return "", err
	}
	err := awaitStart(ctx, stream)
	return "ready after " + since(began), err
}

// replace restarts or rebuilds a service, with an engine of its own beside the job's.
func (d *host) replace(ctx context.Context, action tui.Action) (string, error) {
	began := time.Now()
	r, err := d.findRunning(ctx)
	if err != nil {
		return "", err
	}
	service := action.Service
	if service == "" {
		service = r.Project.App
	}
	if _, err := r.RequireContainer(service); err != nil {
		return "", err
	}
	e, err := d.engine(ctx, r.Project, r.CurrentOptions(d.console.Host()))
	if err != nil {
		return "", err
	}
	if action.Do == tui.Restart {
		err := r.Restart(ctx, e, service)
		return "restarted " + service + " in " + since(began), err
	}
	want, err := r.Rebuild(service)
	if err == nil {
		_, err = e.Up(ctx, want)
	}
	return "rebuilt " + service + " in " + since(began), err
}

func (d *host) browse(ctx context.Context) (string, error) {
	url := d.events.Snapshot().URL
	missing, err := d.console.Browse(ctx, url)
	if missing != "" {
		return "cannot start a browser here (" + missing + " is missing): open " + url + " yourself", nil
	}
	return "opened " + url, err
}

func (d *host) down(ctx context.Context, volumes bool) error {
	d.endJob(engine.ErrDetached)
	p, err := d.console.Load(ctx, session.Options{Entry: d.options.Entry})
	if err != nil {
		return err
	}
	e := &engine.Engine{Runtime: d.runtime.Runtime, Emit: d.events.EmitAt}
	return e.Down(ctx, d.console.Force, session.Removal(p, d.runtime.Host), volumes)
}

// switchMode runs the app in another login mode. A supervising job continues in that mode, and open pages stay.
func (d *host) switchMode(ctx context.Context, mode dev.Mode) (string, error) {
	began := time.Now()
	r, err := d.findRunning(ctx)
	if err != nil {
		return "", err
	}
	as := r.CurrentOptions(d.console.Host())
	as.Auth, as.As = "", ""
	if mode.SignsIn() {
		as.Auth = string(mode)
	}
	e, err := d.engine(ctx, r.Project, as)
	if err == nil {
		_, err = e.Up(ctx, engine.Request{Announcement: dev.Announcement{How: dev.AnnounceRestart}, Keep: true})
	}
	if err != nil {
		return "", err
	}
	d.mu.Lock()
	d.options.Auth, d.options.As = as.Auth, "" // for the next start
	d.mu.Unlock()
	return "mode " + string(mode) + " after " + since(began), nil
}

// saveLog writes the log into a new file. It does not overwrite an existing one.
func saveLog(dir, file, text string) (string, error) {
	if rest, ok := strings.CutPrefix(file, "~/"); ok {
		if home, err := os.UserHomeDir(); err == nil {
			file = filepath.Join(home, rest)
		}
	}
	if !filepath.IsAbs(file) {
		file = filepath.Join(dir, file)
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return "", &dev.Error{Code: dev.CodeUsage, Exit: dev.ExitUsage, Message: file + " already exists", Hint: "choose another name"}
	}
	if err != nil {
		return "", fmt.Errorf("save the log: %w", err)
	}
	if _, err := io.WriteString(f, text); err != nil {
		_ = f.Close()
		return "", fmt.Errorf("save the log: %w", err)
	}
	return fmt.Sprintf("saved %d lines to %s", strings.Count(text, "\n"), file), f.Close()
}

// Facts reads the project and its containers, and asks the gateway. It implements tui.Host.
func (d *host) Facts(ctx context.Context) (tui.Facts, error) {
	f := d.initialFacts()
	r, err := d.findRunning(ctx)
	if err != nil {
		return f, err
	}
	d.followOthers(r)
	f.Project, f.Dir, f.App, f.Modes = r.Project.Name, d.console.FromHome(r.Project.Dir), r.Project.App, d.modes(ctx, r.Project)
	f.Running = len(r.Observed.Containers) > 0
	f.Supervised = engine.IsSupervised(r.Project.StatePath())
	d.setRunning(r.Observed.Containers)
	for _, c := range r.Observed.Containers {
		state := dev.Exited
		if c.Running {
			state = dev.Running
		}
		f.Services = append(f.Services, tui.Service{Name: c.Service, State: state, Health: c.Health, Ports: c.Ports})
	}
	f.Provider.People, f.Provider.Current = r.Project.Settings.Auth.People(), r.Person()
	f.URL = r.URL()
	if f.URL == "" {
		return f, nil
	}
	aws := r.AWS(d.console.Host())
	f.Mode, f.AWS = r.Mode(), tui.AWS{Source: aws.Source, Profile: aws.Profile, Region: aws.Region}
	f.AWS.Expires, _ = time.Parse(time.RFC3339, aws.Expires) // zero where there is none
	g, err := r.GatewayStatus(ctx, r.Engine.Exec)
	if err != nil {
		return f, nil // it is starting or ending: the next call may succeed
	}
	f.How, f.Watches = g.How, g.Watches
	if aws.Source == config.AWSSession {
		f.AWS.Expires = g.AWSExpires
	}
	for _, t := range g.Tabs {
		f.Tabs = append(f.Tabs, tui.Tab{Page: t.Page, User: t.User})
	}
	if f.Mode.SignsIn() {
		f.Provider = providerFacts(g.Auth)
		for _, t := range g.Told {
			f.Provider.Told = append(f.Provider.Told, tui.Told{User: t.User, At: t.At.Local(), Headers: t.Headers})
		}
	}
	return f, nil
}

// setRunning stores the running containers, for Usage.
func (d *host) setRunning(list []plan.Container) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.running = slices.DeleteFunc(slices.Clone(list), func(c plan.Container) bool { return !c.Running })
}

// providerFacts is the provider's state as the screen has it.
func providerFacts(s oidc.State) tui.Provider {
	facts := tui.Provider{Issuer: s.Issuer, Profile: s.Profile, People: s.People, Current: s.Current, Clock: s.Clock, SignedIn: s.SignedIn}
	for _, session := range s.Sessions {
		facts.Sessions = append(facts.Sessions, tui.Session{User: session.User, Client: session.Client, At: session.At, Claims: session.Claims})
	}
	for _, f := range s.Faults {
		facts.ActiveFaults = append(facts.ActiveFaults, tui.Fault{Name: f.Name, Left: f.Times})
	}
	for _, u := range s.Unmapped {
		facts.Unmapped = append(facts.Unmapped, tui.Unmapped{Address: u.Address, Count: u.Count})
	}
	for _, f := range oidc.Faults() {
		facts.Faults = append(facts.Faults, tui.FaultDoc{Name: f.Name, About: f.About})
	}
	return facts
}

// followOthers follows a project that another sdev has started or changed, unless a job here supervises it.
func (d *host) followOthers(r console.Running) {
	if d.supervising() || len(r.Observed.Containers) == 0 {
		return
	}
	snap := d.events.Snapshot()
	switch url := r.URL(); {
	case !d.hasJob():
		if d.lostEngine() && url != "" && d.supervise(nil) == nil {
			return // it supervises again, as before the engine was lost
		}
		d.follow(r)
	case url != "" && (snap.Stopped || snap.URL != url || snap.Mode != r.Mode()):
		d.events.Emit(dev.Ready{URL: url, Mode: r.Mode(), Issuer: r.Issuer()})
	}
}

// Usage measures the containers that the last call of Facts found: listing them each time would cost the engine more
// than measuring them. It implements tui.Host.
func (d *host) Usage(ctx context.Context) ([]tui.Usage, error) {
	d.mu.Lock()
	last, found := d.samples, d.running
	d.mu.Unlock()
	if d.runtime.Meter == nil {
		return nil, nil
	}
	now := map[string]dev.Sample{}
	var list []tui.Usage
	for _, c := range found {
		s, err := d.runtime.Meter.Sample(ctx, c.ID)
		if err != nil {
			continue // it has ended: the next call of Facts shows that
		}
		now[c.ID] = s
		u := tui.Usage{Service: c.Service, Memory: s.Memory}
		if before, ok := last[c.ID]; ok && s.At.After(before.At) {
			u.CPU = 100 * float64(max(0, s.CPU-before.CPU)) / float64(s.At.Sub(before.At))
		}
		list = append(list, u)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.samples = now
	return list, nil
}

// excerptAround is how many lines before and after the line are shown.
const excerptAround = 2

// Excerpt reads lines of a file within the project. It implements tui.Host.
func (d *host) Excerpt(_ context.Context, file string, line int) ([]tui.SourceLine, error) {
	root, err := os.OpenRoot(d.project.Dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	f, err := dev.Files(root).Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	var list []tui.SourceLine
	lines := bufio.NewScanner(f)
	for n := 1; n <= line+excerptAround && lines.Scan(); n++ {
		if n >= line-excerptAround {
			list = append(list, tui.SourceLine{Number: n, Text: lines.Text()})
		}
	}
	return list, lines.Err()
}

// Shell returns a program that runs a shell in the app's container. It implements tui.Host.
func (d *host) Shell(ctx context.Context) tui.Program {
	return func(io.Reader, io.Writer, io.Writer) error { // RunShell uses the console's, which is the same terminal
		err := d.console.RunShell(ctx, nil)
		if _, ok := errors.AsType[console.ExitError](err); ok {
			return nil // the exit code of the last command in the shell is of no interest
		}
		return err
	}
}

// steer sends a command to the local provider.
func (d *host) steer(ctx context.Context, action tui.Action) (string, error) {
	r, err := d.findRunning(ctx)
	if err != nil {
		return "", err
	}
	var c oidc.Command
	var done string
	switch action.Do {
	case tui.SignInAs:
		c, done = oidc.Command{Do: oidc.DoUse, Email: action.Email}, action.Email+" is signed in at the next login"
		if action.Email == "" {
			done = "the next login shows the sign-in page"
		}
	case tui.SetFault:
		c, done = oidc.Command{Do: oidc.DoFault, Fault: oidc.Fault{Name: action.Fault, Times: 1}}, action.Fault+" takes effect once"
	case tui.ClearFaults:
		c, done = oidc.Command{Do: oidc.DoClear}, "all faults are cleared"
	case tui.MoveClock:
		now, err := r.Steer(ctx, r.Engine.Exec, oidc.Command{Do: oidc.DoState})
		if err != nil {
			return "", err
		}
		c, done = oidc.Command{Do: oidc.DoClock, Clock: now.Clock + action.By}, "moved the provider's clock"
	case tui.RotateKeys:
		c, done = oidc.Command{Do: oidc.DoRotate}, "a new key signs from now on; the old keys stay published for a while"
	default:
		return "", fmt.Errorf("the provider cannot %s", action.Do)
	}
	if _, err = r.Steer(ctx, r.Engine.Exec, c); err != nil || !action.Browse {
		return done, err
	}
	opened, err := d.browse(ctx)
	return done + "; " + opened, err
}
