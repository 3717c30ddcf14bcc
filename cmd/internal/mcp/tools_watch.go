package mcp

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"sdev/cmd/internal/render"
	"sdev/dev"
	"sdev/dev/live"
	"sdev/dev/reruns"
	"sdev/dev/session"
)

// none are the arguments of tools without any.
type none struct{}

// statusAnswer is what "sdev status --json" says.
type statusAnswer struct {
	session.Status
	cut
}

func addStatus(s *sdk.Server, p Project) {
	add(s, p, reading("status", "Status of the app", "Says what runs: the address of the page, the services, how saves reach the app, how many browser tabs are open, the login mode and who is signed in. "+
		"Call it to find the page, or to see whether the app runs at all."),
		func(ctx context.Context, _ none) (statusAnswer, error) {
			status, err := p.Status(ctx)
			return statusAnswer{Status: status}, err
		})
}

func (a *statusAnswer) text() string {
	if a.Elsewhere != "" {
		return "not running here: " + a.Elsewhere
	}
	if len(a.Services) == 0 {
		return "project " + a.Project + " is not running: sdev up -d starts it" + a.note()
	}
	text := "project " + a.Project + " runs"
	if a.URL != "" {
		text += fmt.Sprintf(" at %s (%s), open tabs: %d", a.URL, render.Mode(a.Mode), a.Sessions)
	}
	if a.Auth.Current != "" {
		text += ", signed in as " + a.Auth.Current
	}
	lines := []string{text}
	for _, s := range a.Services {
		lines = append(lines, "service "+strings.TrimSpace(s.Name+": "+s.State+" "+s.Health))
	}
	return strings.Join(lines, "\n") + a.note()
}

func (a *statusAnswer) shorten() bool {
	switch longest := max(len(a.Services), len(a.Auth.Told), len(a.Auth.Unmapped), len(a.Auth.Faults)); {
	case len(a.Auth.Told) == longest:
		return fewer(&a.cut, &a.Auth.Told, longest, "entries of auth.told", false)
	case len(a.Auth.Unmapped) == longest:
		return fewer(&a.cut, &a.Auth.Unmapped, longest, "entries of auth.unmapped", false)
	case len(a.Auth.Faults) == longest:
		return fewer(&a.cut, &a.Auth.Faults, longest, "entries of auth.faults", false)
	default:
		return fewer(&a.cut, &a.Services, longest, "services", false)
	}
}

// How long wait_until_live waits.
const (
	usualWait   = 30 * time.Second // clients give up after a minute
	longestWait = 10 * time.Minute
)

type waitArguments struct {
	Path           string `json:"path" jsonschema:"the file that was saved: an absolute path, or one relative to the project's directory"`
	TimeoutSeconds int    `json:"timeout_seconds,omitempty" jsonschema:"give up after so many seconds: 30 if missing, at most 600"`
}

// waitAnswer is the outcome of a save.
type waitAnswer struct {
	Outcome   live.Outcome `json:"outcome" jsonschema:"one of: live (the open tabs show the save); no tab (sdev has noticed it and the next tab shows it); raised (the app raised an exception); unseen (no open tab uses the file); ignored (no save of this file changes the app); failed (the app could not be rebuilt or restarted)"`
	Path      string       `json:"path" jsonschema:"the file, relative to the project"`
	Message   string       `json:"message" jsonschema:"the outcome as a sentence"`
	MS        int64        `json:"ms,omitempty" jsonschema:"milliseconds from the save until the open tabs showed it"`
	Tabs      int          `json:"tabs,omitempty" jsonschema:"how many tabs show it"`
	Exception *exception   `json:"exception,omitempty" jsonschema:"what the app raised"`
	Code      dev.Code     `json:"code,omitempty" jsonschema:"sdev's code for the reason"`
	Hint      string       `json:"hint,omitempty" jsonschema:"what helps"`
	cut
}

type exception struct {
	Type    string `json:"type" jsonschema:"such as ZeroDivisionError"`
	Message string `json:"message"`
	File    string `json:"file" jsonschema:"relative to the project if inside it"`
	Line    int    `json:"line" jsonschema:"from 1; 0 if unknown"`
	Page    string `json:"page" jsonschema:"the page that ran; empty for the main page"`
	Source  string `json:"source,omitempty" jsonschema:"the lines around it, each with its number; > marks the line itself"`
}

func addWait(s *sdk.Server, p Project) {
	add(s, p, reading("wait_until_live", "Wait until a save is live", "Waits until the last save of a file is live in the open browser tabs, and says so; or returns the exception that the app raised, with file, line and source. "+
		"Call it after every edit of the app. If no tab is open, it returns at once: the next tab shows the save."),
		func(ctx context.Context, in waitArguments) (waitAnswer, error) {
			timeout := usualWait
			if in.TimeoutSeconds != 0 {
				timeout = time.Duration(in.TimeoutSeconds) * time.Second
			}
			switch {
			case in.Path == "":
				return waitAnswer{}, dev.UsageError("path is empty", "name the file that was saved")
			case in.TimeoutSeconds < 0 || in.TimeoutSeconds > int(longestWait/time.Second):
				return waitAnswer{}, dev.UsageError("timeout_seconds is "+strconv.Itoa(in.TimeoutSeconds), "give a number from 1 to 600")
			}
			save, err := p.WaitUntilLive(ctx, in.Path, timeout)
			if err != nil {
				return waitAnswer{}, err
			}
			return newWaitAnswer(save), nil
		})
}

func newWaitAnswer(s live.Save) waitAnswer {
	v := s.Verdict
	a := waitAnswer{Outcome: v.Outcome, Path: s.Path, Message: v.String()}
	switch v.Outcome {
	case live.Live:
		a.MS, a.Tabs = v.Reload.MS, v.Reload.Sessions
	case live.Raised:
		e := v.Exception
		a.Code, a.Hint = dev.CodeAppRaised, "fix it, save, and call wait_until_live again"
		a.Exception = &exception{Type: e.Exception, Message: e.Message, File: e.File, Line: e.Line, Page: e.Page, Source: excerpt(s.Dir, e.File, e.Line)}
	case live.Ignored:
		a.Code, a.Message = dev.CodeReloadIgnored, "a save of this file changes nothing: "+v.Rule
	case live.Unseen, live.Failed:
		a.Code, a.Hint = v.Problem.Code, v.Problem.Hint
	case live.NoTab:
	}
	return a
}

func (a *waitAnswer) text() string {
	text := string(a.Outcome) + ": " + a.Path + ": " + a.Message
	if e := a.Exception; e != nil {
		text += fmt.Sprintf("\nat %s:%d\n%s", e.File, e.Line, e.Source)
	}
	if a.Hint != "" {
		text += "\nhint: " + a.Hint
	}
	return text
}

func (a *waitAnswer) shorten() bool { return false } // a few texts, each of them short

type logArguments struct {
	Service string `json:"service,omitempty" jsonschema:"only the lines of this service of the compose file; all if missing"`
	Lines   int    `json:"lines,omitempty" jsonschema:"how many lines, the last ones: 100 if missing, at most 500"`
	Since   string `json:"since,omitempty" jsonschema:"only lines since then: a duration ago such as 5m, or a time such as 2026-01-31T09:00:00Z"`
}

// logAnswer holds lines, the last ones if there are too many.
type logAnswer struct {
	Lines []string `json:"lines" jsonschema:"oldest first"`
	cut

	total int // lines that were asked for
}

const usualLines = 100

func addLogs(s *sdk.Server, p Project) {
	add(s, p, reading("logs", "Logs", "Returns the last lines of what the app and the services printed, with what happened to each save: when it was live, and exceptions with file and line. "+
		"Call it if wait_until_live does not explain a problem."),
		func(ctx context.Context, in logArguments) (logAnswer, error) {
			if in.Lines < 0 || in.Lines > MaxLogLines {
				return logAnswer{}, dev.UsageError("lines is "+strconv.Itoa(in.Lines), fmt.Sprintf("give a number from 1 to %d", MaxLogLines))
			}
			lines, err := p.Logs(ctx, LogQuery{Service: in.Service, Lines: cmp.Or(in.Lines, usualLines), Since: in.Since})
			if err != nil {
				return logAnswer{}, err
			}
			return newLogAnswer(lines, p.Secrets(ctx)), nil
		})
}

// newLogAnswer hides secrets before the lines are apart: a private key has several.
func newLogAnswer(lines, secrets []string) logAnswer {
	a := logAnswer{Lines: []string{}, total: len(lines)}
	kept := last(lines, 2*MaxLogBytes) // hiding makes it shorter
	if len(kept) > 0 {
		a.Lines = last(strings.Split(dev.HideSecrets(strings.Join(kept, "\n"), secrets), "\n"), MaxLogBytes)
	}
	if len(kept) < len(lines) || len(a.Lines) < len(kept) {
		a.LeftOut = fmt.Sprintf("the last %d of %d lines; the earlier ones are left out", len(a.Lines), a.total)
	}
	return a
}

// last returns the last lines that have at most so many bytes together, each with its beginning.
func last(lines []string, limit int) []string {
	var out []string
	for _, l := range slices.Backward(lines) {
		l = head(l, longestRead)
		if limit -= len(l) + 1; limit < 0 || len(out) == MaxLogLines {
			break
		}
		out = append(out, l)
	}
	slices.Reverse(out)
	return out
}

func (a *logAnswer) text() string {
	if len(a.Lines) == 0 {
		return "no lines" + a.note()
	}
	return strings.Join(a.Lines, "\n") + a.note()
}

func (a *logAnswer) shorten() bool { return fewer(&a.cut, &a.Lines, a.total, "lines", true) }

type rerunArguments struct {
	Since string `json:"since,omitempty" jsonschema:"only runs since then: a duration ago such as 5m, or a time such as 2026-01-31T09:00:00Z"`
	Page  string `json:"page,omitempty" jsonschema:"only this page, by its name; \"main page\" is the one without a name"`
}

// rerunAnswer says how long pages take.
type rerunAnswer struct {
	Pages []pageTimes `json:"pages" jsonschema:"the slowest first"`
	Last  []rerun     `json:"last" jsonschema:"the last runs of the script, the newest first"`
	cut

	pages, last int // how many there were
}

type pageTimes struct {
	Page   string  `json:"page" jsonschema:"name of the page"`
	Runs   int     `json:"runs" jsonschema:"complete runs"`
	P50MS  int64   `json:"p50_ms" jsonschema:"median of their milliseconds"`
	P95MS  int64   `json:"p95_ms" jsonschema:"95th percentile"`
	LastMS int64   `json:"last_ms"`
	Slower *slower `json:"slower,omitempty" jsonschema:"the save that made the page slower"`
}

type slower struct {
	File   string  `json:"file" jsonschema:"the file that was saved"`
	Factor float64 `json:"factor" jsonschema:"how many times as long the median is since then"`
}

type rerun struct {
	Time        time.Time        `json:"time" jsonschema:"when it ended"`
	Page        string           `json:"page"`
	Trigger     dev.RerunTrigger `json:"trigger" jsonschema:"save, widget, fragment, load or navigation"`
	MS          int64            `json:"ms"`
	Exception   string           `json:"exception,omitempty" jsonschema:"type of the exception with which it ended"`
	Interrupted bool             `json:"interrupted,omitempty" jsonschema:"another run took its place"`
}

// lastRuns is how many runs an answer lists.
const lastRuns = 10

func addReruns(s *sdk.Server, p Project) {
	add(s, p, reading("reruns", "Times of pages", "Returns how long the runs of each page take (median and 95th percentile), whether a save made a page slower, and the last runs of the script with what made it run. "+
		"Call it if a page is slow, or to compare before and after a change."),
		func(ctx context.Context, in rerunArguments) (rerunAnswer, error) {
			log, err := p.Reruns(ctx, in.Since)
			if err != nil {
				return rerunAnswer{}, err
			}
			return newRerunAnswer(log, in.Page)
		})
}

func newRerunAnswer(log *reruns.Log, page string) (rerunAnswer, error) {
	a := rerunAnswer{Pages: []pageTimes{}, Last: []rerun{}}
	var names []string
	wanted := func(name string) bool { return page == "" || strings.EqualFold(name, page) }
	for _, p := range log.Pages() {
		name := render.PageName(p.Name)
		names = append(names, name)
		if !wanted(name) {
			continue
		}
		times := pageTimes{Page: name, Runs: p.Runs, P50MS: p.P50.Milliseconds(), P95MS: p.P95.Milliseconds(), LastMS: p.Last.MS}
		if p.Slower.File != "" {
			times.Slower = &slower{p.Slower.File, p.Slower.Factor}
		}
		a.Pages = append(a.Pages, times)
	}
	for _, r := range log.Last(reruns.MaxRuns) {
		if name := render.PageName(r.Page); wanted(name) && len(a.Last) < lastRuns {
			a.Last = append(a.Last, rerun{r.At.UTC(), name, r.Trigger, r.MS, r.Exception, r.Interrupted})
		}
	}
	if len(a.Pages)+len(a.Last) == 0 && len(names) > 0 {
		return a, dev.UsageError("no run of a page "+strconv.Quote(page), "one of: "+strings.Join(names, ", "))
	}
	a.pages, a.last = len(a.Pages), len(a.Last)
	return a, nil
}

func (a *rerunAnswer) text() string {
	if len(a.Pages)+len(a.Last) == 0 {
		return "no run of the script so far: open the page in a browser" + a.note()
	}
	var lines []string
	for _, p := range a.Pages {
		l := fmt.Sprintf("%s: median %s, 95%% within %s, runs: %d", p.Page, render.Duration(p.P50MS), render.Duration(p.P95MS), p.Runs)
		if p.Slower != nil {
			l += fmt.Sprintf("; %.1f times as long since %s was saved", p.Slower.Factor, p.Slower.File)
		}
		lines = append(lines, l)
	}
	for _, r := range a.Last {
		l := fmt.Sprintf("%s %s %s %s", r.Time.Format(time.TimeOnly), r.Trigger, render.Duration(r.MS), r.Page)
		if r.Exception != "" {
			l += " raised " + r.Exception
		}
		if r.Interrupted {
			l += " interrupted"
		}
		lines = append(lines, l)
	}
	return strings.Join(lines, "\n") + a.note()
}

func (a *rerunAnswer) shorten() bool {
	if len(a.Last) > len(a.Pages) {
		return fewer(&a.cut, &a.Last, a.last, "runs", false)
	}
	return fewer(&a.cut, &a.Pages, a.pages, "pages", false)
}
