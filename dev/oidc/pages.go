package oidc

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"strings"
	"unicode"

	"sdev/dev"
)

//go:embed pages/*.html
var pagesFS embed.FS

var pages = template.Must(template.ParseFS(pagesFS, "pages/*.html"))

// page is what one of the templates shows: its name is the template's.
type page interface{ template() string }

func (signInPage) template() string    { return "signin.html" }
func (errorPage) template() string     { return "error.html" }
func (signedOutPage) template() string { return "signedout.html" }
func (devicePage) template() string    { return "device.html" }

// hidden is a field that a form carries along.
type hidden struct{ Name, Value string }

// signInPage asks who signs in. Each of its forms is sent to Action with the Hidden fields and one of
// person=EMAIL; someone=else with email, name, groups and claims; deny=yes.
type signInPage struct {
	Project   string
	Title     string
	Client    string // name of the program, or its id
	Scopes    []string
	ReturnsTo string // the redirect target; "" where there is none
	Device    string // the code that the device shows, where one is being let in
	Action    string
	Hidden    []hidden
	People    []personButton
	Other     otherPerson
}

// Wide reports whether there are so many people that one column would be long.
func (p signInPage) Wide() bool { return len(p.People) > 8 }

// personButton is a person who can be picked.
type personButton struct {
	Email, Name string
	Groups      []string
	First       bool // has the keyboard when the page opens
	Hinted      bool // is whom the program expects
}

// Letter is the first letter of the name, for the circle beside it; a dot where there is none.
func (b personButton) Letter() string {
	for _, r := range b.Name + b.Email {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return strings.ToUpper(string(r))
		}
	}
	return "·"
}

// otherPerson is what was typed for "someone else", as typed.
type otherPerson struct {
	Open                        bool
	Email, Name, Groups, Claims string
	Problem                     string // what is wrong with it; "" nothing yet
}

// errorPage is for mistakes after which the person cannot be sent back to the program.
type errorPage struct {
	Project, Title, Lead string
	Code                 string // of the protocol: "invalid_request"
	Sent                 string // with Registered and Difference: the redirect target that was refused
	Registered           []string
	Difference           string // "the port: 8502, registered is 8501"
	Hint                 string
}

// signedOutPage ends a session.
type signedOutPage struct {
	Project, Title, Lead string
	Back                 string // an address of the app's; "" shows no link
}

// devicePage asks for the code of a device, or, without an Action, says what has become of it.
type devicePage struct {
	Project, Title, Lead, Problem string
	Code                          string // as typed
	Action                        string
}

// peopleButtons lists everybody, whoever is hinted at first in line for the keyboard.
func peopleButtons(people []dev.Person, hint string) []personButton {
	buttons := make([]personButton, 0, len(people))
	first := 0
	for i, p := range people {
		b := personButton{Email: p.Email, Name: p.Name, Groups: p.Groups}
		if b.Name == "" {
			b.Name = p.Email
		}
		if hint != "" && strings.EqualFold(p.Email, hint) {
			b.Hinted, first = true, i
		}
		buttons = append(buttons, b)
	}
	if len(buttons) > 0 {
		buttons[first].First = true
	}
	return buttons
}

// show writes a page. Nothing of it may be kept, framed or told to the next site, and no script runs
// in it. There is no Cross-Origin-Opener-Policy on purpose: a program that opened the page in a
// window of its own has to see when that window comes back.
func show(w http.ResponseWriter, status int, p page) {
	var b bytes.Buffer
	if err := pages.ExecuteTemplate(&b, p.template(), p); err != nil {
		http.Error(w, "the page could not be made", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}
