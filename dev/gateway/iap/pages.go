package iap

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
)

//go:embed page.html
var pageFile embed.FS

// pages renders the proxy's own pages.
type pages struct {
	template *template.Template
	project  string
}

// page is the content of a page. Empty fields are left out.
type page struct {
	Title          string
	Text           string
	Why            string // for the app's developer, as the end of a sentence
	Email          string // who is signed in, or was typed into the form
	Link, LinkText string
	Again          string // an address to open after 45 minutes
	// The sign-in form.
	Form     string // where it goes
	Problem  string // with the input
	Password string // of people who have none of their own

	Project string
}

func newPages(project string) (*pages, error) {
	t, err := template.ParseFS(pageFile, "page.html")
	if err != nil {
		return nil, fmt.Errorf("page: %w", err)
	}
	return &pages{t, project}, nil
}

// serve answers with a page that may not be framed or run scripts. Its policy does not restrict forms, because that would
// also cover the redirects after them.
func (p *pages) serve(w http.ResponseWriter, status int, content page) {
	content.Project = p.project
	var b bytes.Buffer
	if err := p.template.Execute(&b, content); err != nil {
		http.Error(w, "the page could not be rendered", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // on an error the client has gone
}
