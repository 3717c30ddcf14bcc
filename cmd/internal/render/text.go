package render

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"sdev/dev"
)

// The wording that the lines and the dashboard share.

// Failed reports whether a service ended with an error: neither well nor by a signal to stop.
func Failed(e dev.ServiceState) bool {
	const killed, terminated = 137, 143
	return e.State == dev.Exited && e.ExitCode != 0 && e.ExitCode != killed && e.ExitCode != terminated
}

// unknownSessions stands for a number of open tabs that no event has said yet.
const unknownSessions = -1

// Outcome says what a save leads to, if no other line will; else "".
func Outcome(e dev.FileChanged, sessions int) string {
	if e.Service != "" {
		return e.Service + ": " + string(e.Action)
	}
	switch e.Action {
	case dev.Rebuild:
		return "needs a rebuild"
	case dev.Restart, dev.SyncRestart:
		return "needs a restart"
	case dev.Live, dev.Sync, dev.SyncExec:
		if sessions == 0 {
			return "the next tab shows it"
		}
	case dev.Ignored:
	}
	return ""
}

// State says what is wrong with a service, as a label and a text; the label is "" if nothing is.
func State(e dev.ServiceState) (label, text string) {
	switch {
	case Failed(e):
		return "exited", fmt.Sprintf("%s with code %d", e.Service, e.ExitCode)
	case e.State == dev.Unhealthy:
		return "health", e.Service + " is unhealthy"
	}
	return "", ""
}

// Stopped says how long it took to stop the project, or that another program stopped it.
func Stopped(e dev.Stopped) string {
	if e.MS == 0 {
		return "by another program"
	}
	if e.Project != "" {
		return e.Project + " in " + Duration(e.MS)
	}
	return "in " + Duration(e.MS)
}

// Dropped says how many lines are missing.
func Dropped(e dev.LogDropped) string { return Count(e.N, "line") + ", because they came too fast" }

// Denied says whom the provider refused and why. A request is often refused before the provider knows the user: then
// the reason comes first, and nothing follows it.
func Denied(e dev.AuthDenied) (first, then string) {
	if e.User == "" {
		return e.Reason, ""
	}
	return e.User, e.Reason
}

// Count is a number of things, as in "2 tabs", "2 entries" and "2 keys".
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if stem, ok := strings.CutSuffix(noun, "y"); ok && !strings.HasSuffix(stem, "e") {
		return strconv.Itoa(n) + " " + stem + "ies"
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// Mode names a login mode. In the local one sdev sets the variable of the bypass; whether the app's login heeds it is the
// app's business, and a warning says so where it does not.
func Mode(m dev.Mode) string {
	if m == dev.Local {
		return "local: bypass on (LOCAL_STREAMLIT=1)"
	}
	return string(m)
}

// Door returns the name of the identity proxy of a mode for people; "" if the mode has none.
func Door(m dev.Mode) string {
	for _, p := range dev.IdentityProxies() {
		if p.Name == string(m) {
			return p.Title
		}
	}
	return ""
}

// Duration formats milliseconds.
func Duration(ms int64) string {
	switch {
	case ms < 1000:
		return fmt.Sprintf("%d ms", ms)
	case ms < 60_000:
		return fmt.Sprintf("%.1f s", float64(ms)/1000)
	}
	return fmt.Sprintf("%d min %d s", ms/60_000, ms/1000%60)
}

// PageName is the name of a page for people. The main page has none.
func PageName(page string) string { return cmp.Or(page, "main page") }
