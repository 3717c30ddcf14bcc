package gateway

import (
	"embed"
	"html/template"
	"net/http"
	"strings"
	"sync"

	"sdev/dev"
)

//go:embed hold.html
var holdFS embed.FS

var holdPage = sync.OnceValue(func() *template.Template { return template.Must(template.ParseFS(holdFS, "hold.html")) })

// notice is the text of the hold page.
type notice struct {
	Title, Lead, Detail string
	Busy                bool // the app will come back by itself; otherwise the user has to act
}

// Line returns the notice as one line of plain text.
func (n notice) Line() string { return strings.TrimSpace(n.Title + ". " + n.Lead + " " + n.Detail) }

// noticeFor describes why the app does not answer.
func noticeFor(a dev.Announcement) notice {
	because := ""
	if a.Trigger != "" {
		because = " because " + a.Trigger + " changed"
	}
	n := notice{Detail: a.Text, Busy: true}
	switch a.How {
	case dev.AnnounceStart:
		n.Title, n.Lead = "Starting the app", "It will appear here in a moment."
	case dev.AnnounceRestart:
		n.Title, n.Lead = "Restarting the app", "Its process is restarting"+because+"."
	case dev.AnnounceRebuild:
		n.Title, n.Lead = "Rebuilding the app", "Its image is being rebuilt"+because+". This can take a minute."
	case dev.AnnounceExit:
		n.Title, n.Lead, n.Busy = "The app has stopped", "It exited. The terminal that runs sdev shows its last output.", false
	default:
		n.Title, n.Lead, n.Busy = "The app does not answer", "Nothing is listening on its port.", false
	}
	return n
}

// serveHoldPage answers with status 503 while the app does not: a page for a browser, a line of text for a
// script.
func serveHoldPage(w http.ResponseWriter, r *http.Request, a dev.Announcement) {
	n := noticeFor(a)
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
	h.Add("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'") // in addition to the policy for frames
	w.WriteHeader(http.StatusServiceUnavailable)
	// The template cannot fail; only the connection can.
	_ = holdPage().Execute(w, n)
}
