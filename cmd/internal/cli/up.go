package cli

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sdev/cmd/internal/render"
	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/docker"
	"sdev/dev/engine"
	"sdev/dev/gateway"
	"sdev/dev/hub"
)

// What leaving the dashboard does to the app.
const (
	quitLeave = "leave"
	quitStop  = "stop"
)

type upOptions struct {
	runOptions
	local   bool
	auth    string
	detach  bool
	plain   bool
	json    bool
	noTUI   bool
	quit    string
	build   bool
	timeout time.Duration
}

func (a *app) newUpCmd() *cobra.Command {
	var o upOptions
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Build if needed, start, wait until the page answers, follow",
		Long: `Runs the project here: builds its image if what it is made of changed, starts it behind
the gateway, waits until the page answers, then tells of every save whether it is live.
Nothing is done twice: what runs already and is up to date is left as it is.

Where there is no compose file, or no Dockerfile, it runs what the directory's files say of the app,
and tells each assumption with its reason; "sdev init" writes them down.

On a terminal it shows the dashboard; q leaves it, and the app goes on running (--on-quit).
Ctrl-C stops the app and removes what was started; a second one kills, a third leaves at once.
With --plain, or without a terminal, it prints lines.
With --detach it returns when the page answers, and the app goes on running.`,
		Example: `  sdev up --local          run it and follow
  sdev up --local -d       run it in the background
  sdev up --with-auth      run it with its login, and people to choose from
  sdev up --json           one event per line, for programs`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a.json = o.json
			if cmd.Flags().Changed("with-auth") {
				if cmd.Flags().Changed("local") {
					return usage("--local and --with-auth exclude each other", "give one of them")
				}
				o.runOptions.auth = o.auth
			}
			o.mount = cmd.Flags().Changed("sync") && !o.sync
			if err := o.check(); err != nil {
				return err
			}
			o.choice.must, o.choice.keep, o.choice.ask = true, true, a.InTTY && a.OutTTY && !o.json
			if a.hasScreen() && !o.detach && !o.plain && !o.json && !o.noTUI {
				return a.runDashboard(cmd.Context(), o, true)
			}
			return a.runUp(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.local, "local", true, "bypass the app's login (LOCAL_STREAMLIT=1), on this machine only")
	f.StringVar(&o.auth, "with-auth", "", "try the app's own login with a local provider: `MODE` is app (its own OAuth code) or native (st.login), and else found out")
	f.Lookup("with-auth").NoOptDefVal = detected
	f.StringVar(&o.as, "as", "", "with --with-auth: `EMAIL` signs in without being asked")
	offer(cmd, "as", a.peopleOffered)
	f.BoolVarP(&o.detach, "detach", "d", false, "return once the page answers")
	f.BoolVar(&o.plain, "plain", false, "print lines, also on a terminal")
	f.BoolVar(&o.noTUI, "no-tui", false, "the same as --plain")
	f.StringVar(&o.quit, "on-quit", quitLeave, "what leaving the dashboard with q does to the app: `WHAT` is leave or stop")
	f.BoolVar(&o.json, "json", false, "print one JSON object per event")
	f.BoolVar(&o.build, "build", false, "build even where nothing changed")
	f.IntVar(&o.port, "port", 0, "publish the app at 127.0.0.1:`N`, and no other port will do")
	f.StringVar(&o.aws, "aws", "", "AWS credentials for the app: `MODE` is mount (~/.aws, read-only), session (one profile's keys, renewed from here) or none")
	f.StringVar(&o.choice.entry, "entry", "", "the `SCRIPT` that Streamlit runs, where there is no compose file")
	f.BoolVar(&o.sync, "sync", false, "copy the project into the app's container instead of mounting it, and every save after that")
	f.StringArrayVar(&o.profiles, "profile", nil, "activate a compose `PROFILE` (may be given several times)")
	f.DurationVar(&o.timeout, "timeout", time.Minute, "how long the app may take until its page answers")
	return cmd
}

func (o upOptions) check() error {
	switch {
	case o.json && o.plain:
		return usage("--json and --plain exclude each other", "give one of them")
	case o.json && o.noTUI:
		return usage("--json and --no-tui exclude each other", "give one of them")
	case o.quit != quitLeave && o.quit != quitStop:
		return usage("--on-quit is "+quote(o.quit), "one of: leave, stop")
	case !o.local:
		return usage("--local=false: there is no other mode", "leave --local away")
	case !slices.Contains(append(config.LoginModes(), detected, ""), o.auth):
		return wrongMode(o.auth)
	case o.as != "" && o.auth == "":
		return usage("--as is for --with-auth", "for example: sdev up --with-auth --as "+o.as)
	case o.port < 0 || o.port > 65535:
		return usage("--port must be a number from 1 to 65535", "for example: --port 8600")
	case o.aws != "" && !slices.Contains(config.AWSModes(), o.aws):
		return usage("--aws is "+quote(o.aws), "one of: "+strings.Join(config.AWSModes(), ", "))
	case o.timeout <= 0:
		return usage("--timeout must be longer than nothing", "for example: --timeout 90s")
	}
	return nil
}

func wrongMode(mode string) error {
	return usage("--with-auth is "+quote(mode), "one of: "+strings.Join(config.LoginModes(), ", ")+"; or without a value, and it is found out")
}

func (a *app) runUp(ctx context.Context, o upOptions) error {
	return a.withEngine(ctx, o.runOptions, view{json: o.json, detach: o.detach}, func(attended context.Context, e *engine.Engine) error {
		e.Timeout = o.timeout
		want := engine.Want{Build: o.build}
		if o.detach {
			_, err := e.Up(ctx, want)
			return err
		}
		err := e.Attend(attended, a.force, want)
		if errors.Is(err, context.Canceled) && ctx.Err() != nil {
			return exitError(dev.ExitInterrupted) // the last event, "stopped", has said it
		}
		return err
	})
}

// view says how a command's events are shown.
type view struct {
	json   bool
	detach bool
}

// withEngine opens the container engine, runs work, and shows its events meanwhile. It returns
// once every event has been shown. The context that work gets ends with ctx, and also once nobody
// reads the events any more.
func (a *app) withEngine(ctx context.Context, o runOptions, v view, work func(context.Context, *engine.Engine) error) error {
	// A project that cannot be used is said before an engine that does not answer.
	first, err := a.load(ctx, o)
	if err != nil {
		return err
	}
	login, err := newSignIn(first, o)
	if err != nil {
		return err
	}
	runtime, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer runtime.Close() //nolint:errcheck // nothing is lost with the connection
	events := hub.New(a.now)
	e, err := a.engineOn(ctx, runtime, first, login, o, events)
	if err != nil {
		return err
	}
	attended, gone := context.WithCancel(ctx)
	defer gone()
	shown := a.show(ctx, events, v, gone)
	err = work(attended, e)
	events.Close()
	if showErr := <-shown; showErr != nil && (err == nil || errors.Is(err, context.Canceled)) {
		err = showErr
	}
	return err
}

// engineOn makes an engine that works on the project as the options have it, on a container engine
// that is open, and tells what it does to the hub. The project is read again each time it is needed,
// but for the first, when first is as it was read just now.
func (a *app) engineOn(ctx context.Context, runtime *docker.Engine, first *config.Project, login signIn, o runOptions, events *hub.Hub) (*engine.Engine, error) {
	session, err := a.newAWSSession(ctx, first)
	if err != nil {
		return nil, err
	}
	given := &supplies{project: first, runtime: runtime, aws: session, insist: o.as != ""}
	return &engine.Engine{
		Runtime: runtime, Host: runtime.Host(), Images: runtime, Copies: &copier{runtime, func(ev dev.Event) { events.EmitAt(a.now(), ev) }}, Emit: events.EmitAt, Timeout: time.Minute,
		Announce: func(ctx context.Context, p engine.Project, n engine.Announcement) {
			req := gateway.Request{Do: gateway.DoExpect, Expect: gateway.Expect{How: n.How, Trigger: n.Trigger, Text: n.Text}}
			_, _ = ask(ctx, runtime, gatewayName(p.Name, p.Gateway), req) // a courtesy
		},
		Bring:  bring(runtime),
		Verify: verify(runtime),
		Look:   func(ctx context.Context, p engine.Project) (engine.Sight, error) { return sightOf(ctx, runtime, p) },
		Source: func(ctx context.Context) (engine.Project, error) {
			p := first
			if first = nil; p == nil { // files may have changed since
				var err error
				if p, err = a.load(ctx, o); err != nil {
					return engine.Project{}, err
				}
				if o.auth, o.as, err = sinceSwitched(ctx, runtime, p, o); err != nil {
					return engine.Project{}, err
				}
				if login, err = newSignIn(p, o); err != nil {
					return engine.Project{}, err
				}
			}
			return a.blueprint(ctx, p, o, login, runtime, given)
		},
		Supply: given.supply,
	}, nil
}

// sinceSwitched gives the mode, and who signs in, of an app that runs: another sdev may have switched
// it since this one came.
func sinceSwitched(ctx context.Context, runtime *docker.Engine, p *config.Project, o runOptions) (auth, current string, err error) {
	r, err := observe(ctx, runtime, p)
	if err != nil {
		return "", "", err
	}
	if app, ok := r.container(p.App); !ok || app.Labels[dev.LabelMode] == "" {
		return o.auth, o.as, nil
	}
	auth, current = r.login()
	return auth, current, nil
}

// show prints events in a goroutine of its own until the hub is closed, then delivers how that went.
// It calls gone as soon as an event cannot be printed.
func (a *app) show(ctx context.Context, events *hub.Hub, v view, gone func()) <-chan error {
	ctx = context.WithoutCancel(ctx) // what happens after an interrupt is shown too
	_, stream := events.Subscribe()
	done := make(chan error, 1)
	printer := a.printer(v)
	go func() {
		for {
			ev, err := stream.Next(ctx)
			if err != nil {
				done <- render.End(err)
				return
			}
			if err := printer.Print(ev); err != nil {
				stream.Close()
				gone()
				done <- err
				return
			}
		}
	}()
	return done
}

func (a *app) printer(v view) render.Printer {
	if v.json {
		return render.NewJSON(a.out())
	}
	return render.NewPlain(a.out(), render.Options{Color: a.colored(), Width: a.Width, Wrap: a.OutTTY, Quiet: a.quiet, Verbose: a.verbose})
}
