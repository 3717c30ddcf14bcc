package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"sdev/cmd/internal/console"
	"sdev/cmd/internal/render"
	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/live"
	"sdev/dev/plan"
	"sdev/dev/session"
)

// waitOptions are the flags of "sdev wait".
type waitOptions struct {
	live    string // the path of a save; "" waits for the app alone
	timeout time.Duration
}

func (a *commands) newWaitCmd(run func(context.Context, waitOptions) error) *cobra.Command {
	var o waitOptions
	var healthy bool
	cmd := &cobra.Command{
		Use:   "wait",
		Short: "Wait until the app answers, or until a save is live",
		Long: `Waits until the app's page answers or, with --live PATH, until the last save of that file is live:
until every open tab that uses the file has run the script to its end. Without an open tab it is
enough that sdev has noticed the save, because the next tab shows it. The project may start
meanwhile.

The exit code is 1 if the app raised an exception instead, or if no save of that file can become
live, and 5 if the time is over.`,
		Example: `  sdev up -d && sdev wait --live Home.py --timeout 10s`,
		Args:    console.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if healthy && o.live != "" {
				return dev.UsageError("--healthy and --live are two things to wait for", "give one of them")
			}
			if o.timeout <= 0 {
				return dev.UsageError("--timeout is "+o.timeout.String(), "give a duration, such as 30s")
			}
			return run(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.live, "live", "", "wait until the last save of the file `PATH` is live")
	f.BoolVar(&healthy, "healthy", false, "wait until the app's page answers (the default)")
	f.DurationVar(&o.timeout, "timeout", time.Minute, "give up after this `TIME`")
	return cmd
}

// lookEvery is the pause between two looks at what runs.
const lookEvery = 200 * time.Millisecond

var errWaitedLong = errors.New("the time is over")

func (a *commands) runWait(ctx context.Context, o waitOptions) error {
	if o.live != "" {
		save, err := a.waitUntilLive(ctx, o.live, o.timeout)
		if err != nil {
			return err
		}
		return a.reportSave(save)
	}
	return a.waiting(ctx, o.timeout, (*waiter).untilAnswers)
}

// waitUntilLive waits until the outcome of the last save of a file is known.
func (a *commands) waitUntilLive(ctx context.Context, path string, timeout time.Duration) (save live.Save, err error) {
	err = a.waiting(ctx, timeout, func(w *waiter, ctx context.Context) (err error) {
		save, err = w.untilLive(ctx, path)
		return err
	})
	return save, err
}

// waiting waits for a limited time. If it is over, the error says what was still missing.
func (a *commands) waiting(ctx context.Context, timeout time.Duration, wait func(*waiter, context.Context) error) error {
	waiting, stop := context.WithTimeoutCause(ctx, timeout, errWaitedLong)
	defer stop()
	w := &waiter{commands: a}
	err := wait(w, waiting)
	if err != nil && errors.Is(context.Cause(waiting), errWaitedLong) {
		return &dev.Error{Code: dev.CodeAppNotReady, Exit: dev.ExitNotReady, Message: fmt.Sprintf("%s after %s", w.state, timeout), Hint: "see: sdev status, sdev logs"}
	}
	return err
}

// waiter waits, and remembers for what.
type waiter struct {
	*commands
	state string // what is so far
}

// untilAnswers waits until the app's page answers.
func (w *waiter) untilAnswers(ctx context.Context) error {
	r, err := w.running(ctx, func(status bool) bool { return status })
	if err != nil {
		return err
	}
	defer r.Close()
	return w.Printf("the app answers at %s\n", r.URL())
}

// running waits for the project's containers, and until ok says yes to whether the app answers. The caller closes the result.
func (w *waiter) running(ctx context.Context, ok func(answers bool) bool) (console.Running, error) {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		r, err := w.RequireRunning(ctx)
		if err != nil {
			return r, err
		}
		w.state = "the project is not running"
		if _, there := r.GatewayConfig(); there {
			status, err := r.GatewayStatus(ctx, r.Engine.Exec)
			w.state = "the app does not answer"
			if answers := err == nil && status.Up; ok(answers) {
				return r, nil
			}
		}
		r.Close()
		select {
		case <-ctx.Done():
			return console.Running{}, ctx.Err()
		case <-look.C:
		}
	}
}

// untilLive waits until the outcome of the last save of a file is known.
func (w *waiter) untilLive(ctx context.Context, path string) (live.Save, error) {
	e, err := session.Explain(ctx, w.Host(), path, false)
	switch {
	case err != nil:
		return live.Save{}, err
	case e.Kind == "directory":
		return live.Save{}, dev.UsageError(path+" is a directory", "name a file")
	case e.Outside:
		return live.Save{}, ignoredSave(path, e.Why)
	case e.Action == dev.Ignored:
		return live.Save{Path: path, Verdict: live.Verdict{Outcome: live.Ignored, Rule: e.Why}}, nil
	}
	r, err := w.running(ctx, func(bool) bool { return true })
	if err != nil {
		return live.Save{}, err
	}
	defer r.Close()
	file, err := os.Stat(filepath.Join(r.Project.Dir, filepath.FromSlash(e.Path)))
	if err != nil {
		return live.Save{}, &dev.Error{Code: dev.CodeUsage, Exit: dev.ExitUsage, Cause: err, Message: "cannot look at " + path + ": " + err.Error(), Hint: "name a file that exists"}
	}
	w.state = "sdev has not noticed a save of " + e.Path
	v, err := w.follow(ctx, r, live.NewJudge(e.Path, file.ModTime()), file.ModTime())
	return live.Save{Dir: r.Project.Dir, Path: e.Path, Verdict: v}, err
}

// ignoredSave is the error for a file whose saves change nothing.
func ignoredSave(path, why string) *dev.Error {
	return &dev.Error{Code: dev.CodeReloadIgnored, Exit: dev.ExitFailed, Message: "a save of " + path + " changes nothing: " + why, Hint: "see: sdev watch --explain " + path}
}

// follow gives the events of the gateway to a judge until the outcome is clear. An app that has started after the save shows
// it in any case.
func (w *waiter) follow(ctx context.Context, r console.Running, j *live.Judge, saved time.Time) (live.Verdict, error) {
	following, stop := context.WithCancel(ctx)
	defer stop()
	var mu sync.Mutex // guards verdict, and the judge: the runtime may call from several goroutines
	var verdict *live.Verdict
	settle := func(v live.Verdict) {
		verdict = &v
		stop()
	}
	started := make(chan struct{})
	go func() {
		defer close(started)
		if w.startedSince(following, saved) {
			mu.Lock()
			defer mu.Unlock()
			if verdict == nil {
				settle(live.Verdict{Outcome: live.Live})
			}
		}
	}()
	f := plan.Follow{Project: r.Project.Name, Gateway: config.GatewayService, Services: []string{r.Project.App}, Whole: true, Stay: true}
	err := r.Engine.Runtime.Follow(following, f, func(at time.Time, ev dev.Event) {
		mu.Lock()
		defer mu.Unlock()
		if verdict != nil {
			return
		}
		if v, ok := j.Add(at, ev); ok {
			settle(v)
		} else if j.Noticed() {
			w.state = "no open tab has shown the save"
			if pending, ok := w.warnUnsupervised(r, ev); ok {
				settle(live.Verdict{Outcome: live.Failed, Problem: pending})
			}
		}
	})
	stop()
	<-started
	if verdict != nil {
		return *verdict, nil
	}
	return live.Verdict{}, errors.Join(err, ctx.Err())
}

// startedSince waits until the app runs that has started after a moment, and answers. It returns false if ctx ends before.
func (w *waiter) startedSince(ctx context.Context, moment time.Time) bool {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		r, err := w.RequireRunning(ctx)
		if err == nil {
			app, there := r.Container(r.Project.App)
			status, statusErr := r.GatewayStatus(ctx, r.Engine.Exec)
			r.Close()
			if there && app.Running && app.Started.After(moment) && statusErr == nil && status.Up {
				return true
			}
		}
		select {
		case <-ctx.Done():
			return false
		case <-look.C:
		}
	}
}

// reportSave prints the outcome of a save, or returns it as an error.
func (a *commands) reportSave(s live.Save) error {
	v := s.Verdict
	failed := &dev.Error{Exit: dev.ExitFailed, Message: s.Path + ": " + v.String()}
	switch v.Outcome {
	case live.Live:
		if v.Reload.Trigger != "" {
			return a.Printf("live  %s in %s, %s\n", s.Path, render.Duration(v.Reload.MS), render.Count(v.Reload.Sessions, "tab"))
		}
		return a.Printf("live  %s\n", s.Path)
	case live.NoTab:
		return a.Printf("noticed  %s; no tab is open: the next one shows it\n", s.Path)
	case live.Raised:
		failed.Code, failed.File, failed.Line, failed.Hint = dev.CodeAppRaised, v.Exception.File, v.Exception.Line, "fix it, and save"
		failed.Message = v.String()
	case live.Ignored:
		return ignoredSave(s.Path, v.Rule)
	case live.Unseen, live.Failed:
		failed.Code, failed.Hint = v.Problem.Code, v.Problem.Hint
	}
	return failed
}
