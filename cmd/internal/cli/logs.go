package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"sdev/cmd/internal/console"
	"sdev/cmd/internal/render"
	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/engine"
	"sdev/dev/hub"
	"sdev/dev/plan"
)

// logsOptions are the arguments and flags of "sdev logs".
type logsOptions struct {
	services []string // empty for all
	follow   bool
	tail     int       // -1 for all
	since    time.Time // zero for the start
	json     bool
}

func (a *commands) newLogsCmd(run func(context.Context, logsOptions) error) *cobra.Command {
	var o logsOptions
	var tail, since string
	cmd := &cobra.Command{
		Use:   "logs [SERVICE…]",
		Short: "Show what the services printed, and what happened to each save",
		Long: `Shows what the project's services printed, and the events of the gateway: saves, reloads,
exceptions, browser tabs. With SERVICE it shows the lines of those services only; the gateway's
events belong to the app. It prints plain text: it removes colours and everything else that
controls a terminal.`,
		Example: `  sdev logs -f                    everything so far, then new lines
  sdev logs --since 5m --json     the last five minutes, for programs`,
		RunE: func(cmd *cobra.Command, args []string) error {
			a.JSON = o.json
			o.services = args
			var err error
			if o.tail, err = parseTail(tail); err != nil {
				return err
			}
			if o.since, err = parseSince(since, a.Now()); err != nil {
				return err
			}
			return run(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.BoolVarP(&o.follow, "follow", "f", false, "keep printing new lines until interrupted")
	f.StringVar(&tail, "tail", "all", "start with the last `N` lines of each service and the last N events of the gateway")
	f.StringVar(&since, "since", "", "start at `TIME`: a duration ago (5m) or an RFC 3339 time")
	f.BoolVar(&o.json, "json", false, "print one JSON object per event")
	return cmd
}

func (a *commands) runLogs(ctx context.Context, o logsOptions) error {
	r, err := a.requireLogs(ctx, o.services)
	if err != nil {
		return err
	}
	defer r.Close()
	f, view := logSource(r, o)
	if o.follow {
		return a.followLogs(ctx, r, f, view)
	}
	return a.pastLogs(ctx, r, f, a.Printer(view))
}

// requireStarted is RequireRunning for commands that need something that was started. The caller closes the result.
func (a *commands) requireStarted(ctx context.Context) (console.Running, error) {
	return a.requireLogs(ctx, nil)
}

// requireLogs is requireStarted for commands that read what services have printed.
func (a *commands) requireLogs(ctx context.Context, services []string) (console.Running, error) {
	r, err := a.RequireRunning(ctx)
	if err != nil {
		return r, err
	}
	for _, s := range services {
		if _, err := r.RequireContainer(s); err != nil {
			r.Close()
			return console.Running{}, err
		}
	}
	if len(r.Observed.Containers) == 0 {
		r.Close()
		return console.Running{}, r.NotRunning()
	}
	return r, nil
}

// logSource says what "sdev logs" reads of a project, and how it shows that.
func logSource(r console.Running, o logsOptions) (plan.Follow, console.View) {
	return plan.Follow{Project: r.Project.Name, Gateway: config.GatewayService, Services: o.services, Tail: o.tail, Since: o.since, Stay: o.follow},
		console.View{JSON: o.json, Cut: o.tail >= 0 || !o.since.IsZero(), Several: severalPrint(r.Observed.Containers, o.services)}
}

// severalPrint reports whether the log has lines of several services. The gateway prints events.
func severalPrint(containers []plan.Container, requested []string) bool {
	services := map[string]bool{}
	for _, c := range containers {
		if c.Service != config.GatewayService && (len(requested) == 0 || slices.Contains(requested, c.Service)) {
			services[c.Service] = true
		}
	}
	return len(services) > 1
}

func (a *commands) followLogs(ctx context.Context, r console.Running, f plan.Follow, view console.View) error {
	events := hub.New(a.Now)
	following, gone := context.WithCancel(ctx)
	defer gone()
	printed := a.Show(ctx, events, view, gone)
	err := r.Engine.Runtime.Follow(following, f, func(at time.Time, ev dev.Event) {
		events.EmitAt(at, ev)
		if w, ok := a.warnUnsupervised(r, ev); ok {
			events.Emit(w)
		}
	})
	events.Close()
	if showErr := <-printed; err == nil {
		err = showErr
	}
	if err == nil {
		err = ctx.Err()
	}
	return err
}

// warnUnsupervised returns a warning for a save that requires a rebuild or a restart while no "sdev up" is running to
// carry it out: a project that was started with --detach runs without one.
func (a *commands) warnUnsupervised(r console.Running, ev dev.Event) (dev.Warning, bool) {
	save, ok := ev.(dev.FileChanged)
	if !ok || save.Action != dev.Rebuild && save.Action != dev.Restart || engine.IsSupervised(r.Project.StatePath()) {
		return dev.Warning{}, false
	}
	hint := "run: sdev up -d"
	if save.Action == dev.Restart {
		hint = "run: sdev restart"
	}
	return dev.Warning{Code: dev.CodeRebuildPending, Message: fmt.Sprintf("%s needs a %s, but no sdev up is running to do it", save.Paths[0], save.Action), Hint: hint}, true
}

// pastLogs prints all events so far.
func (a *commands) pastLogs(ctx context.Context, r console.Running, f plan.Follow, printer render.Printer) error {
	all, err := pastEvents(ctx, r, f)
	if err != nil {
		return err
	}
	for i, s := range all {
		s.Seq = uint64(i) + 1
		if err := printer.Print(s); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// pastEvents returns what has happened so far, sorted by time.
func pastEvents(ctx context.Context, r console.Running, f plan.Follow) ([]dev.Stamped, error) {
	var mu sync.Mutex
	var all []dev.Stamped
	err := r.Engine.Runtime.Follow(ctx, f, func(at time.Time, ev dev.Event) {
		mu.Lock()
		defer mu.Unlock()
		all = append(all, dev.Stamped{Time: at, Event: ev})
	})
	slices.SortStableFunc(all, func(x, y dev.Stamped) int { return x.Time.Compare(y.Time) })
	return all, err
}

// parseTail parses the value of --tail.
func parseTail(s string) (int, error) {
	if s == "all" {
		return -1, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return 0, dev.UsageError("--tail is "+strconv.Quote(s), "give a number, or all")
	}
	return n, nil
}

// parseSince parses the value of --since.
func parseSince(s string, now time.Time) (time.Time, error) {
	if t, ok := momentOf(s, now); ok {
		return t, nil
	}
	return time.Time{}, dev.UsageError("--since is "+strconv.Quote(s), hintMoment)
}

const hintMoment = "give a duration (5m, 2h) or a time (2026-01-31T09:00:00Z)"

// momentOf parses a moment: a duration ago or a time; "" is the zero time.
func momentOf(s string, now time.Time) (time.Time, bool) {
	if s == "" {
		return time.Time{}, true
	}
	if d, err := time.ParseDuration(strings.TrimPrefix(s, "-")); err == nil {
		return now.Add(-d), true
	}
	t, err := time.Parse(time.RFC3339, s)
	return t, err == nil
}
