// Package live says from the events of a project whether one save of one file is live. It starts no goroutine; a [Judge] is
// not safe for concurrent use.
package live

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"sdev/dev"
)

// Outcome is what became of a save.
type Outcome string

// The outcomes of a save.
const (
	Live    Outcome = "live"    // the open tabs show it
	NoTab   Outcome = "no tab"  // sdev has noticed it, and the next tab shows it: none is open
	Raised  Outcome = "raised"  // the app raised an exception, or does not compile
	Unseen  Outcome = "unseen"  // no open tab uses the file
	Ignored Outcome = "ignored" // no save of this file changes the app
	Failed  Outcome = "failed"  // the app could not be rebuilt or restarted, or it cannot show saves
)

// Verdict is the outcome of a save.
type Verdict struct {
	Outcome   Outcome
	Reload    dev.AppReloaded  // Live, unless the file is no script
	Exception dev.AppException // Raised
	Problem   dev.Warning      // Unseen and Failed
	Rule      string           // Ignored: the rule that says so
}

// Save is the last save of a file of a project, and its outcome.
type Save struct {
	Dir     string // of the project, absolute
	Path    string // relative to the project, with slashes
	Verdict Verdict
}

// Judge follows the events around a save. It needs them in order, from the start of the gateway: those before the save say how
// many tabs are open.
type Judge struct {
	path  string
	saved time.Time

	tabs    int // open now
	noticed bool
	action  dev.Action
	// triggers are the files by which the reload that shows the save may be named: the first file of its batch, or of a
	// later one.
	triggers []string
}

// clockSlack is how much later than an event its file's time may be: the two come from different clocks.
const clockSlack = 100 * time.Millisecond

// NewJudge returns a judge of the save of a file at a time. path is relative to the project, with slashes.
func NewJudge(path string, saved time.Time) *Judge { return &Judge{path: path, saved: saved} }

// Noticed reports whether sdev has noticed the save.
func (j *Judge) Noticed() bool { return j.noticed }

// Add takes an event into account. ok is false as long as the outcome is open.
func (j *Judge) Add(at time.Time, e dev.Event) (v Verdict, ok bool) {
	switch e := e.(type) {
	case dev.SessionOpened:
		j.tabs = e.Sessions
	case dev.SessionClosed:
		j.tabs = e.Sessions
	}
	if at.Add(clockSlack).Before(j.saved) {
		return v, false
	}
	if e, ok := e.(dev.FileChanged); ok {
		return j.changed(e)
	}
	if !j.noticed {
		return v, false
	}
	switch e := e.(type) {
	case dev.AppReloaded:
		return Verdict{Outcome: Live, Reload: e}, slices.Contains(j.triggers, e.Trigger)
	case dev.Ready: // the app was replaced while no tab was open
		return Verdict{Outcome: Live}, j.replaces()
	case dev.AppException:
		return Verdict{Outcome: Raised, Exception: e}, true
	case dev.Failed:
		return Verdict{Outcome: Failed, Problem: dev.Warning{Code: e.Code, Message: e.Message, Hint: e.Hint}}, true
	case dev.Warning:
		return j.warned(e)
	}
	return v, false
}

func (j *Judge) changed(e dev.FileChanged) (v Verdict, ok bool) {
	ours := slices.Contains(e.Paths, j.path)
	if !ours && !j.noticed || len(e.Paths) == 0 {
		return v, false
	}
	j.triggers = append(j.triggers, e.Paths[0])
	if !ours {
		return v, false
	}
	j.noticed, j.action = true, e.Action
	switch {
	case e.Action == dev.Ignored:
		return Verdict{Outcome: Ignored, Rule: e.Rule}, true
	case !j.replaces() && !strings.HasSuffix(j.path, ".py"):
		return Verdict{Outcome: Live}, true // it is where the app reads it, and no message shows when that happens
	case !j.replaces() && j.tabs == 0:
		return Verdict{Outcome: NoTab}, true
	}
	return v, false
}

// replaces reports whether the save makes sdev replace the app.
func (j *Judge) replaces() bool {
	return j.action == dev.Restart || j.action == dev.Rebuild || j.action == dev.SyncRestart
}

// failures are the warnings after which a save does not become live.
var failures = []dev.Code{
	dev.CodeReloadOff, dev.CodeReloadUnmounted, dev.CodeRebuildPending, dev.CodeBuildFailed, dev.CodeSyncFailed, dev.CodeAppExited,
}

func (j *Judge) warned(w dev.Warning) (Verdict, bool) {
	if w.Code == dev.CodeReloadUnseen {
		return Verdict{Outcome: Unseen, Problem: w}, true
	}
	return Verdict{Outcome: Failed, Problem: w}, slices.Contains(failures, w.Code)
}

// String is the verdict as a sentence about a file.
func (v Verdict) String() string {
	switch v.Outcome {
	case Live:
		if v.Reload.Trigger == "" {
			return "live"
		}
		return fmt.Sprintf("live in %d ms; open tabs that show it: %d", v.Reload.MS, v.Reload.Sessions)
	case Raised:
		return v.Exception.Exception + ": " + v.Exception.Message
	case Ignored:
		return "ignored: " + v.Rule
	case NoTab:
		return "no tab is open: the next one shows it"
	case Unseen, Failed:
		return v.Problem.Message
	}
	return ""
}
