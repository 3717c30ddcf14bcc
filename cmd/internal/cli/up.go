package cli

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sdev/cmd/internal/console"
	"sdev/cmd/internal/dashboard"
	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/engine"
	"sdev/dev/session"
)

// The values of --on-quit: what happens to the app when the user leaves the dashboard.
const (
	quitLeave = "leave"
	quitStop  = "stop"
)

// upOptions are the flags of "sdev up".
type upOptions struct {
	session.Options
	local      bool
	bothLogins bool // the command line has both --local and --with-auth
	detach     bool
	plain      bool
	json       bool
	noTUI      bool
	quit       string // --on-quit
	build      bool
	timeout    time.Duration
}

func (a *commands) newUpCmd(run func(context.Context, upOptions) error) *cobra.Command {
	var o upOptions
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Run the project: build if needed, start, wait for the page, report saves",
		Long: `Runs the project in this directory. It builds the image if its inputs changed, starts the app behind
the gateway, and waits until the page answers. Then it reports whether each save is live.
It leaves containers that are up to date alone.

If there is no compose file or no Dockerfile, it derives them from the files of the project, and prints
each assumption with its reason. "sdev init" writes them to disk.

On a terminal it shows the dashboard. q leaves the dashboard, and the app keeps running (--on-quit).
Ctrl-C stops and removes the containers; a second Ctrl-C kills them, a third exits at once.
With --plain, or without a terminal, it prints lines.
With --detach it returns when the page answers, and the app keeps running.`,
		Example: `  sdev up --local          run it and follow
  sdev up --local -d       run it in the background
  sdev up --with-auth      run it with its real login
  sdev up --as alice@example.com
                           run it without its login; st.user is Alice
  sdev up --json           one event per line, for programs`,
		Args: console.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a.JSON = o.json
			o.bothLogins = cmd.Flags().Changed("local") && cmd.Flags().Changed("with-auth")
			o.Mount = cmd.Flags().Changed("sync") && !o.Copy
			if err := o.validate(); err != nil {
				return err
			}
			return run(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.local, "local", true, "bypass the app's login (LOCAL_STREAMLIT=1), on this machine only")
	f.StringVar(&o.Auth, "with-auth", "", "run the app's own login against a local provider: `MODE` is app (its own OAuth code), native (st.login), or the identity proxy in front: alb (AWS), iap (Google) or cloudflare; without MODE sdev detects it")
	f.Lookup("with-auth").NoOptDefVal = session.DetectAuth
	f.StringVar(&o.As, "as", "", "be `EMAIL` without the sign-in page: --with-auth signs that person in; --local makes st.user that person, without any login")
	console.CompleteFlag(cmd, "as", a.OfferPeople)
	f.BoolVarP(&o.detach, "detach", "d", false, "return once the page answers")
	f.BoolVar(&o.plain, "plain", false, "print lines, even on a terminal")
	f.BoolVar(&o.noTUI, "no-tui", false, "the same as --plain")
	f.StringVar(&o.quit, "on-quit", quitLeave, "what happens to the app when you leave the dashboard with q: `WHAT` is leave or stop")
	f.BoolVar(&o.json, "json", false, "print one JSON object per event")
	f.StringVar(&o.Runtime, "runtime", "", "`WHAT` runs the project: docker, process (the app as a process of this machine, without its other services), or auto (docker if it answers); without it, what the last up used")
	f.BoolVar(&o.build, "build", false, "build even if nothing changed")
	f.BoolVar(&o.TLS, "tls", false, "serve the page over https, with a certificate of the project's own authority, as for Secure and __Host- cookies")
	f.IntVar(&o.Port, "port", 0, "publish the app at 127.0.0.1:`N`; fail if that port is taken")
	f.StringVar(&o.AWS, "aws", "", "AWS credentials for the app: `MODE` is mount (~/.aws, read-only), session (keys of one profile, renewed from this machine) or none")
	f.BoolVar(&o.Copy, "sync", false, "copy the project, and every save, into the app's container instead of mounting it")
	f.StringArrayVar(&o.Profiles, "profile", nil, "activate a compose `PROFILE` (repeatable)")
	f.DurationVar(&o.timeout, "timeout", time.Minute, "how long the app may take until its page answers")
	return cmd
}

func (o upOptions) validate() error {
	switch {
	case o.bothLogins:
		return dev.UsageError("--local and --with-auth cannot be combined", "use one of them")
	case o.json && o.plain:
		return dev.UsageError("--json and --plain cannot be combined", "use one of them")
	case o.json && o.noTUI:
		return dev.UsageError("--json and --no-tui cannot be combined", "use one of them")
	case o.quit != quitLeave && o.quit != quitStop:
		return dev.UsageError("--on-quit is "+strconv.Quote(o.quit), "one of: leave, stop")
	case !o.local:
		return dev.UsageError("--local cannot be false", "for the real login use --with-auth; else leave --local out")
	case validateLoginMode(o.Auth) != nil:
		return validateLoginMode(o.Auth)
	case o.Port < 0 || o.Port > 65535:
		return dev.UsageError("--port must be a number from 1 to 65535", "for example: --port 8600")
	case o.AWS != "" && !slices.Contains(config.AWSModes(), o.AWS):
		return dev.UsageError("--aws is "+strconv.Quote(o.AWS), "one of: "+strings.Join(config.AWSModes(), ", "))
	case o.Runtime != "" && !slices.Contains(session.Runtimes(), o.Runtime):
		return dev.UsageError("--runtime is "+strconv.Quote(o.Runtime), "one of: "+strings.Join(session.Runtimes(), ", "))
	case o.Runtime == session.RuntimeProcess && o.Copy:
		return dev.UsageError("--runtime process and --sync cannot be combined: a process sees the project itself", "use one of them")
	case o.timeout <= 0:
		return dev.UsageError("--timeout must be positive", "for example: --timeout 90s")
	}
	return nil
}

// validateLoginMode checks the value of --with-auth; "" means that it is not given.
func validateLoginMode(mode string) error {
	if slices.Contains(append(config.LoginModes(), session.DetectAuth, ""), mode) {
		return nil
	}
	return dev.UsageError("--with-auth is "+strconv.Quote(mode), "one of: "+strings.Join(config.LoginModes(), ", ")+"; without a value sdev detects it")
}

func (a *commands) runUp(ctx context.Context, o upOptions) error {
	o.Entry.Required, o.Entry.Keep, o.Entry.Ask = true, true, a.Chooser(!o.json)
	if a.HasScreen() && !o.detach && !o.plain && !o.json && !o.noTUI {
		return dashboard.Run(ctx, a.Console, dashboard.Options{Options: o.Options, Build: o.build, Timeout: o.timeout, StopOnQuit: o.quit == quitStop}, true)
	}
	return a.WithEngine(ctx, o.Options, console.View{JSON: o.json, Detach: o.detach, Attached: !o.detach}, func(reading context.Context, e *engine.Engine) error {
		e.Timeout = o.timeout
		want := engine.Request{Build: o.build}
		if o.detach {
			_, err := e.Up(ctx, want)
			return err
		}
		err := e.Supervise(reading, a.Force, want)
		if errors.Is(err, context.Canceled) && ctx.Err() != nil {
			return console.ExitError(dev.ExitInterrupted) // the last event, "stopped", was the message
		}
		return err
	})
}
