package gateway

import (
	"embed"
	"html/template"
	"net/http"
	"strings"
)

//go:embed hold.html
var holdFS embed.FS

var holdPage = template.Must(template.ParseFS(holdFS, "hold.html"))

// notice is what the page says that stands in for the app.
type notice struct {
	Title, Lead, Detail string
	Busy                bool // something is under way, as opposed to waiting for the person
}

// Line is the notice as one line of plain text.
func (n notice) Line() string { return strings.TrimSpace(n.Title + ". " + n.Lead + " " + n.Detail) }

// noticeFor puts into words what keeps the app away. Without an announcement it is simply not there.
func noticeFor(e Expect) notice {
	because := ""
	if e.Trigger != "" {
		because = " because " + e.Trigger + " changed"
	}
	n := notice{Detail: e.Text, Busy: true}
	switch e.How {
	case HowStart:
		n.Title, n.Lead = "Starting the app", "It will be here in a moment."
	case HowRestart:
		n.Title, n.Lead = "Restarting the app", "Its process starts again"+because+"."
	case HowRebuild:
		n.Title, n.Lead = "Rebuilding the app", "Its image is rebuilt"+because+". This can take a minute."
	case HowExited:
		n.Title, n.Lead, n.Busy = "The app has stopped", "It ended by itself. The terminal that runs sdev shows its last words.", false
	default:
		n.Title, n.Lead, n.Busy = "The app does not answer", "Nothing listens where it should be.", false
	}
	return n
}

// serveHoldPage answers a request in the app's place: 503, with a page for a person, a line for a script.
func serveHoldPage(w http.ResponseWriter, r *http.Request, e Expect) {
	n := noticeFor(e)
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Retry-After", "1")
	h.Set("X-Content-Type-Options", "nosniff")
	if !isNavigation(r) {
		h.Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(n.Line() + "\n"))
		return
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Add("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'") // besides the one for frames
	w.WriteHeader(http.StatusServiceUnavailable)
	// The template is known to execute; what is left is a browser that has gone.
	_ = holdPage.Execute(w, n)
}
