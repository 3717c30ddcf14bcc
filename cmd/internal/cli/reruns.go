package cli

import (
	"cmp"
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
	"sdev/dev/plan"
	"sdev/dev/reruns"
)

// rerunsOptions are the flags of "sdev reruns".
type rerunsOptions struct {
	follow bool
	since  time.Time // zero for the start
	json   bool
}

func (a *commands) newRerunsCmd(run func(context.Context, rerunsOptions) error) *cobra.Command {
	var o rerunsOptions
	var since string
	cmd := &cobra.Command{
		Use:   "reruns",
		Short: "Show how long each page takes, and the last runs of the script",
		Long: `Shows how long the pages of the app take, the slowest first, and the last runs of the script in
every tab: the page, what made it run, how long it took, and the exception with which it ended.

A page's times leave out runs of a fragment, which is only a part of the page, and runs that
another one interrupted. A page is marked if a save made it slower: if its median is at least
1.5 times what it was before the save.`,
		Example: `  sdev reruns --since 5m          the last five minutes
  sdev reruns -f                  each run from now on, as it ends`,
		Args: console.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a.JSON = o.json
			var err error
			if o.since, err = parseSince(since, a.Now()); err != nil {
				return err
			}
			return run(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.BoolVarP(&o.follow, "follow", "f", false, "print each run as it ends, until interrupted")
	f.StringVar(&since, "since", "", "start at `TIME`: a duration ago (5m) or an RFC 3339 time")
	f.BoolVar(&o.json, "json", false, "print one JSON object per run")
	return cmd
}

func (a *commands) runReruns(ctx context.Context, o rerunsOptions) error {
	show := a.printRerun
	if o.json {
		printer, seq := a.Printer(console.View{JSON: true}), uint64(0)
		show = func(run reruns.Run) error {
			seq++
			return printer.Print(dev.Stamped{Seq: seq, Time: run.At, Event: run.AppRerun})
		}
	}
	if o.follow {
		return a.followReruns(ctx, o.since, show)
	}
	all, err := a.pastReruns(ctx, o.since)
	if err != nil {
		return err
	}
	if !o.json {
		return a.printReruns(rerunLog(all))
	}
	for _, s := range all {
		if run, ok := s.Event.(dev.AppRerun); ok {
			if err := show(reruns.Run{At: s.Time, AppRerun: run}); err != nil {
				return err
			}
		}
	}
	return nil
}

// rerunSource is what "sdev reruns" reads of a project.
func rerunSource(r console.Running, since time.Time) plan.Follow {
	return plan.Follow{Project: r.Project.Name, Gateway: config.GatewayService, Services: []string{r.Project.App}, Tail: -1, Since: since}
}

// pastReruns returns the events so far, among them the runs.
func (a *commands) pastReruns(ctx context.Context, since time.Time) ([]dev.Stamped, error) {
	r, err := a.requireStarted(ctx)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return pastEvents(ctx, r, rerunSource(r, since))
}

// rerunLog collects the runs among events.
func rerunLog(all []dev.Stamped) *reruns.Log {
	var log reruns.Log
	for _, s := range all {
		log.Add(s.Time, s.Event)
	}
	return &log
}

// followReruns shows each run from now on, or since an earlier time, until ctx ends or a run cannot be shown.
func (a *commands) followReruns(ctx context.Context, since time.Time, show func(reruns.Run) error) error {
	r, err := a.requireStarted(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	if since.IsZero() {
		since = a.Now()
	}
	f := rerunSource(r, since)
	f.Stay = true
	following, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var mu sync.Mutex // the runtime may call from several goroutines
	err = r.Engine.Runtime.Follow(following, f, func(at time.Time, ev dev.Event) {
		mu.Lock()
		defer mu.Unlock()
		if run, ok := ev.(dev.AppRerun); ok && following.Err() == nil {
			if err := show(reruns.Run{At: at, AppRerun: run}); err != nil {
				stop(err)
			}
		}
	})
	return cmp.Or(ctx.Err(), context.Cause(following), err)
}

// lastRuns is how many runs "sdev reruns" lists.
const lastRuns = 10

// printReruns prints how long each page takes, and the last runs.
func (a *commands) printReruns(log *reruns.Log) error {
	last := log.Last(lastRuns)
	if len(last) == 0 {
		return a.Printf("no run of the script so far: open the page in a browser\n")
	}
	rows := [][]string{{"PAGE", "RUNS", "P50", "P95", "LAST", ""}}
	for _, p := range log.Pages() {
		slower := ""
		if p.Slower.File != "" {
			slower = fmt.Sprintf("%.1f times as long since %s was saved", p.Slower.Factor, p.Slower.File)
		}
		rows = append(rows, []string{render.PageName(p.Name), strconv.Itoa(p.Runs), render.Duration(p.P50.Milliseconds()), render.Duration(p.P95.Milliseconds()), render.Duration(p.Last.MS), slower})
	}
	if err := a.Table(rows); err != nil {
		return err
	}
	if err := a.Printf("\n"); err != nil {
		return err
	}
	slices.Reverse(last)
	for _, run := range last {
		if err := a.printRerun(run); err != nil {
			return err
		}
	}
	return nil
}

// printRerun prints a line about a run.
func (a *commands) printRerun(run reruns.Run) error {
	end := run.Exception
	if run.Interrupted {
		end = "interrupted"
	}
	line := fmt.Sprintf("%s  %-10s  %8s  %s  %s", run.At.Local().Format(time.TimeOnly), run.Trigger, render.Duration(run.MS), render.PageName(run.Page), end)
	return a.Printf("%s\n", dev.Inline(strings.TrimRight(line, " ")))
}
