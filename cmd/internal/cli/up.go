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

// What leaving the dashboard does to the app.
const (
	quitLeave = "leave"
	quitStop  = "stop"
)

type upOptions struct {
	session.Options
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

func (a *commands) newUpCmd() *cobra.Command {
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
		Args: console.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a.JSON = o.json
			if cmd.Flags().Changed("with-auth") {
				if cmd.Flags().Changed("local") {
					return dev.UsageError("--local and --with-auth exclude each other", "give one of them")
				}
				o.Auth = o.auth
			}
			o.Mount = cmd.Flags().Changed("sync") && !o.Copy
			if err := o.check(); err != nil {
				return err
			}
			o.Entry.Required, o.Entry.Keep, o.Entry.Ask = true, true, a.Chooser(!o.json)
			if a.HasScreen() && !o.detach && !o.plain && !o.json && !o.noTUI {
				return dashboard.Run(cmd.Context(), a.Console, dashboard.Options{Options: o.Options, Build: o.build, Timeout: o.timeout, StopOnQuit: o.quit == quitStop}, true)
			}
			return a.runUp(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.local, "local", true, "bypass the app's login (LOCAL_STREAMLIT=1), on this machine only")
	f.StringVar(&o.auth, "with-auth", "", "try the app's own login with a local provider: `MODE` is app (its own OAuth code) or native (st.login), and else found out")
	f.Lookup("with-auth").NoOptDefVal = session.DetectAuth
	f.StringVar(&o.As, "as", "", "with --with-auth: `EMAIL` signs in without being asked")
	console.CompleteFlag(cmd, "as", a.OfferPeople)
	f.BoolVarP(&o.detach, "detach", "d", false, "return once the page answers")
	f.BoolVar(&o.plain, "plain", false, "print lines, also on a terminal")
	f.BoolVar(&o.noTUI, "no-tui", false, "the same as --plain")
	f.StringVar(&o.quit, "on-quit", quitLeave, "what leaving the dashboard with q does to the app: `WHAT` is leave or stop")
	f.BoolVar(&o.json, "json", false, "print one JSON object per event")
	f.BoolVar(&o.build, "build", false, "build even where nothing changed")
	f.IntVar(&o.Port, "port", 0, "publish the app at 127.0.0.1:`N`, and no other port will do")
	f.StringVar(&o.AWS, "aws", "", "AWS credentials for the app: `MODE` is mount (~/.aws, read-only), session (one profile's keys, renewed from here) or none")
	f.StringVar(&o.Entry.Entry, "entry", "", "the `SCRIPT` that Streamlit runs, where there is no compose file")
	f.BoolVar(&o.Copy, "sync", false, "copy the project into the app's container instead of mounting it, and every save after that")
	f.StringArrayVar(&o.Profiles, "profile", nil, "activate a compose `PROFILE` (may be given several times)")
	f.DurationVar(&o.timeout, "timeout", time.Minute, "how long the app may take until its page answers")
	return cmd
}

func (o upOptions) check() error {
	switch {
	case o.json && o.plain:
		return dev.UsageError("--json and --plain exclude each other", "give one of them")
	case o.json && o.noTUI:
		return dev.UsageError("--json and --no-tui exclude each other", "give one of them")
	case o.quit != quitLeave && o.quit != quitStop:
		return dev.UsageError("--on-quit is "+strconv.Quote(o.quit), "one of: leave, stop")
	case !o.local:
		return dev.UsageError("--local=false: there is no other mode", "leave --local away")
	case !slices.Contains(append(config.LoginModes(), session.DetectAuth, ""), o.auth):
		return wrongMode(o.auth)
	case o.As != "" && o.auth == "":
		return dev.UsageError("--as is for --with-auth", "for example: sdev up --with-auth --as "+o.As)
	case o.Port < 0 || o.Port > 65535:
		return dev.UsageError("--port must be a number from 1 to 65535", "for example: --port 8600")
	case o.AWS != "" && !slices.Contains(config.AWSModes(), o.AWS):
		return dev.UsageError("--aws is "+strconv.Quote(o.AWS), "one of: "+strings.Join(config.AWSModes(), ", "))
	case o.timeout <= 0:
		return dev.UsageError("--timeout must be longer than nothing", "for example: --timeout 90s")
	}
	return nil
}

func wrongMode(mode string) error {
	return dev.UsageError("--with-auth is "+strconv.Quote(mode), "one of: "+strings.Join(config.LoginModes(), ", ")+"; or without a value, and it is found out")
}

func (a *commands) runUp(ctx context.Context, o upOptions) error {
	return a.WithEngine(ctx, o.Options, console.View{JSON: o.json, Detach: o.detach}, func(attended context.Context, e *engine.Engine) error {
		e.Timeout = o.timeout
		want := engine.Request{Build: o.build}
		if o.detach {
			_, err := e.Up(ctx, want)
			return err
		}
		err := e.Supervise(attended, a.Force, want)
		if errors.Is(err, context.Canceled) && ctx.Err() != nil {
			return console.ExitError(dev.ExitInterrupted) // the last event, "stopped", has said it
		}
		return err
	})
}
