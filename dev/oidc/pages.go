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

// pages holds the page templates by file name without extension.
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

// frame holds what every page shows.
type frame struct {
	Title   string
	Project string
	Issuer  string
	Script  template.JS // runs on this page; the page's policy holds its hash
}

// signInPage is the page on which people sign in.
type signInPage struct {
	Frame    frame
	Client   string // its name
	ClientID string
	Scopes   []string
	Redirect string // where the browser returns to; "" is nowhere
	Sent     string // the address that the app sent for that, if it is another
	Device   string // the user code of the device to approve; "" is none
	Action   string // where the forms go
	Hidden   []detail
	People   []choice
	Problem  string // with the input; "" is none
	// The input for someone else, if it had a problem.
	Email, Name, Groups, Claims string
}

// Wide reports whether one column would be too long.
func (p signInPage) Wide() bool { return len(p.People) > 8 }

// Open reports whether the form for someone else has input.
func (p signInPage) Open() bool {
	return p.Email != "" || p.Name != "" || p.Groups != "" || p.Claims != ""
}

// choice is a person on the sign-in page. The button has the name "pick" and the e-mail as value.
type choice struct {
	Email, Name string
	Groups      []string
	SignedIn    bool // has a session in this browser
	Hinted      bool // the app requested this person
}

// Letter is the first letter of the name, for the circle beside it, or a dot.
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

// errorPage tells the developer what is wrong with a request.
type errorPage struct {
	Frame  frame
	Code   string
	About  string
	Detail []detail // what was sent, what is registered, what differs
	Fix    string
}

// compared is the lines under one heading.
type compared struct {
	Heading string
	Lines   []detail
}

// Compared groups the detail lines under headings.
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

// Differs reports whether a line says what differs, which the page highlights.
func (errorPage) Differs(d detail) bool { return d.Name == "differs" }

// devicePage asks for the code of a device or, without an Action, shows the result.
type devicePage struct {
	Frame         frame
	Lead, Problem string
	Code          string // as typed
	Action        string
}

// signOutPage asks the user to confirm a logout.
type signOutPage struct {
	Frame    frame
	Client   string // the app that asks; "" is unknown
	SignedIn string // e-mail
	Action   string
	Hidden   []detail
}

// signedOutPage is the page after a logout without a redirect.
type signedOutPage struct {
	Frame  frame
	Client string
	Back   string // the app; "" is unknown
}

// homePage is the page at the issuer's address.
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
	Action template.URL // a registered address, which may have a custom scheme
	Hidden []detail
}

func (rc *requestContext) frame(title string) frame {
	return frame{Title: title, Project: rc.p.cfg.Project, Issuer: rc.p.cfg.Issuer}
}

// page answers with a page. The page may not be framed or run scripts. It never sets a
// Cross-Origin-Opener-Policy, because apps watch their popups from the window that opened them.
func (rc *requestContext) page(status int, name string, data any) {
	var b bytes.Buffer
	if err := rc.p.pages.byName[name].ExecuteTemplate(&b, name+".html", data); err != nil {
		rc.p.emit(warn(fmt.Errorf("page %s: %w", name, err)))
		http.Error(rc.w, "the page could not be rendered", http.StatusInternalServerError)
		return
	}
	h := rc.w.Header()
	if h.Get("Content-Security-Policy") == "" {
		h.Set("Content-Security-Policy", policy("'none'"))
	}
	h.Set("X-Frame-Options", "DENY")
	if h.Get("Referrer-Policy") == noReferrer {
		// Without a referrer the browser would not report a form as same-origin.
		h.Set("Referrer-Policy", "same-origin")
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	rc.w.WriteHeader(status)
	_, _ = rc.w.Write(b.Bytes()) // on an error the client has gone
}

// policy is the pages' Content-Security-Policy. It does not restrict forms: form-action also covers the
// redirect after one, whose target the app chooses.
func policy(script string) string {
	return "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; frame-ancestors 'none'; script-src " + script
}

// submit sends the form of the form_post page at once; without scripts the page has a button.
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
	rc.w.Header().Set("Referrer-Policy", "strict-origin") // the receiver may see which provider sent the form
	rc.page(http.StatusOK, "formpost", page)
}

// serveHome shows what is at the issuer's address, and who is signed in.
func (p *Provider) serveHome(rc *requestContext) error {
	if err := rc.injectFaults("", ""); err != nil {
		return err
	}
	s, _ := rc.session()
	rc.page(http.StatusOK, "home", homePage{
		Frame: rc.frame("Sign-in"), SignedIn: s.Person.Email,
		SignOut: p.base.Path + "/signout", Hidden: rc.signOutForm(""), Metadata: p.base.Path + "/.well-known/openid-configuration",
	})
	return nil
}
