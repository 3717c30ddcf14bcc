package oidc

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"unicode"
)

//go:embed pages/*.html
var pageFiles embed.FS

// pages are the templates of the pages, each by its file's name without the end.
type pages struct {
	byName map[string]*template.Template
}

func newPages() (*pages, error) {
	all := &pages{byName: make(map[string]*template.Template)}
	for _, name := range []string{"signin", "error", "signout", "signedout", "home", "formpost", "device"} {
		t, err := template.ParseFS(pageFiles, "pages/frame.html", "pages/"+name+".html")
		if err != nil {
			return nil, fmt.Errorf("page %s: %w", name, err)
		}
		all.byName[name] = t
	}
	return all, nil
}

// frame is what every page has.
type frame struct {
	Title   string
	Project string
	Issuer  string
	Script  template.JS // runs on this page; its hash is in the page's policy
}

// signInPage asks who signs in.
type signInPage struct {
	Frame    frame
	Client   string // its name
	ClientID string
	Scopes   []string
	Redirect string // where people are sent back to; "" is nowhere
	Device   string // the code that a device shows which is to be let in; "" is none
	Action   string // where the forms go
	Hidden   []detail
	People   []choice
	Problem  string // with what was filled in; "" is none
	// What was filled in for somebody else, when it comes back with a problem.
	Email, Name, Groups, Claims string
}

// Wide reports whether there are so many people that one column would be long.
func (p signInPage) Wide() bool { return len(p.People) > 8 }

// Open reports whether somebody else is being filled in.
func (p signInPage) Open() bool {
	return p.Email != "" || p.Name != "" || p.Groups != "" || p.Claims != ""
}

// choice is a person on the sign-in page. Its button is named "pick" and has the e-mail as value.
type choice struct {
	Email, Name string
	Groups      []string
	SignedIn    bool // has a session in this browser
	Hinted      bool // the app asked for this one
}

// Letter is the first letter of the name, for the circle beside it; a dot where there is none.
func (c choice) Letter() string {
	for _, r := range c.Name + c.Email {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return string(unicode.ToUpper(r))
		}
	}
	return "·"
}

func (c choice) rank() int {
	n := 0
	if c.SignedIn {
		n = 1
	}
	if c.Hinted {
		n += 2
	}
	return n
}

// errorPage tells a developer what is wrong with a request.
type errorPage struct {
	Frame  frame
	Code   string
	About  string
	Detail []detail // what was sent, what is registered, what differs
	Fix    string
}

// compared are lines of one name.
type compared struct {
	Heading string
	Lines   []detail
}

// Compared is the detail with its lines gathered under headings.
func (p errorPage) Compared() []compared {
	headings := map[string]string{"sent": "The app sent", "registered": "Registered here", "differs": "What differs"}
	var out []compared
	for _, d := range p.Detail {
		heading, ok := headings[d.Name]
		if !ok {
			heading = d.Name
		}
		if len(out) == 0 || out[len(out)-1].Heading != heading {
			out = append(out, compared{Heading: heading})
		}
		out[len(out)-1].Lines = append(out[len(out)-1].Lines, d)
	}
	return out
}

// Differs reports whether a line says what differs, which is what the reader is to see first.
func (errorPage) Differs(d detail) bool { return d.Name == "differs" }

// devicePage asks for the code of a device or, without an Action, says what has become of it.
type devicePage struct {
	Frame         frame
	Lead, Problem string
	Code          string // as typed
	Action        string
}

// signOutPage asks somebody whether they want to leave.
type signOutPage struct {
	Frame    frame
	Client   string // the app that asks; "" is unknown
	SignedIn string // e-mail
	Action   string
	Hidden   []detail
}

// signedOutPage is where people end who are not sent back to the app.
type signedOutPage struct {
	Frame  frame
	Client string
	Back   string // the app; "" is unknown
}

// homePage is what the bare issuer shows.
type homePage struct {
	Frame    frame
	SignedIn string   // e-mail; "" is nobody
	SignOut  string   // where the form goes
	Hidden   []detail // in it
	Metadata string   // address of discovery
}

// formPostPage sends an answer back to the app by a form (OAuth 2.0 Form Post Response Mode).
type formPostPage struct {
	Frame  frame
	Action template.URL // registered, so it may have a scheme of an app's own
	Hidden []detail
}

func (rc *requestContext) frame(title string) frame {
	return frame{Title: title, Project: rc.p.cfg.Project, Issuer: rc.p.cfg.Issuer}
}

// page answers with a page. It may not be framed or run scripts, but it never cuts itself off from
// the window that opened it (Cross-Origin-Opener-Policy): apps watch their popups from there.
func (rc *requestContext) page(status int, name string, data any) {
	var b bytes.Buffer
	if err := rc.p.pages.byName[name].ExecuteTemplate(&b, name+".html", data); err != nil {
		rc.p.emit(warn(fmt.Errorf("page %s: %w", name, err)))
		http.Error(rc.w, "the page cannot be shown", http.StatusInternalServerError)
		return
	}
	h := rc.w.Header()
	if h.Get("Content-Security-Policy") == "" {
		h.Set("Content-Security-Policy", policy("'none'"))
	}
	h.Set("X-Frame-Options", "DENY")
	if h.Get("Referrer-Policy") == noReferrer {
		// Without the page's address a browser would not say, of a form, that it is our own.
		h.Set("Referrer-Policy", "same-origin")
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	rc.w.WriteHeader(status)
	_, _ = rc.w.Write(b.Bytes()) // whoever asked has gone
}

// policy is the pages' Content-Security-Policy. It says nothing of forms: where a browser is sent on
// after one counts as well, and that is the app's to choose.
func policy(script string) string {
	return "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; frame-ancestors 'none'; script-src " + script
}

// submit sends the form of the form_post page at once; without scripts there is a button.
const submit = "document.forms[0].submit()"

func (rc *requestContext) formPost(action string, answer map[string]string) {
	page := formPostPage{Frame: rc.frame("Back to the app"), Action: template.URL(action)}
	for _, name := range slices.Sorted(maps.Keys(answer)) {
		if answer[name] != "" {
			page.Hidden = append(page.Hidden, detail{name, answer[name]})
		}
	}
	page.Frame.Script = submit
	sum := sha256.Sum256([]byte(submit))
	rc.w.Header().Set("Content-Security-Policy", policy("'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'"))
	rc.w.Header().Set("Referrer-Policy", "strict-origin") // whoever gets the form may see whose it is
	rc.page(http.StatusOK, "formpost", page)
}

// serveHome shows whoever opens the issuer what this is, and who is signed in.
func (p *Provider) serveHome(rc *requestContext) error {
	if err := rc.admit("", ""); err != nil {
		return err
	}
	s, _ := rc.session()
	rc.page(http.StatusOK, "home", homePage{
		Frame: rc.frame("Sign-in"), SignedIn: s.Person.Email,
		SignOut: p.base.Path + "/signout", Hidden: rc.signOutForm(""), Metadata: p.base.Path + "/.well-known/openid-configuration",
	})
	return nil
}
