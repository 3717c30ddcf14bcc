package oidc

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"sdev/dev"
)

// showSignIn shows the sign-in page. Its form holds the whole request, so that nothing is lost if the provider
// restarts meanwhile.
func (rc *requestContext) showSignIn(req authRequest, last *dev.Person, problem string) error {
	page := rc.signInPage(req, last)
	sent := req.raw.Encode()
	page.Hidden = []detail{{"request", sent}, {"csrf", rc.formToken("/signin", sent)}}
	page = page.refilled(rc.form, problem)
	if page.Email == "" {
		page.Email = unlessKnown(page.People, req.LoginHint)
	}
	rc.page(http.StatusOK, "signin", page)
	return nil
}

// refilled is the page with the previous input and what is wrong with it.
func (p signInPage) refilled(form url.Values, problem string) signInPage {
	p.Problem = problem
	p.Email, p.Name = form.Get("email"), form.Get("name")
	p.Groups, p.Claims = form.Get("groups"), form.Get("claims_json")
	return p
}

// signInPage is the sign-in page without the hidden fields of its form.
func (rc *requestContext) signInPage(req authRequest, last *dev.Person) signInPage {
	p := signInPage{
		Frame: rc.frame("Sign in"), Client: req.Client.Name, ClientID: req.Client.ID, Scopes: req.Scope,
		Redirect: bare(returnAddress(req.Client, req.Redirect)), Action: rc.p.base.Path + "/signin",
	}
	if sent := bare(req.Redirect); strings.TrimSuffix(sent, "/") != strings.TrimSuffix(p.Redirect, "/") {
		p.Sent = sent
	}
	if p.Client == "" {
		p.Client = req.Client.ID
	}
	rc.p.mu.Lock()
	people := slices.Clone(rc.p.data.People)
	rc.p.mu.Unlock()
	if last != nil {
		if _, ok := personIn(people, last.Email); !ok {
			people = append([]dev.Person{*last}, people...)
		}
	}
	for _, who := range people {
		c := choice{Email: who.Email, Name: who.Name, Groups: who.Groups}
		if c.Name == "" {
			c.Name = userName(who)
		}
		c.SignedIn = last != nil && strings.EqualFold(last.Email, who.Email)
		c.Hinted = strings.EqualFold(req.LoginHint, who.Email) || req.Subject != "" && req.Subject == rc.p.subject(who)
		p.People = append(p.People, c)
	}
	// The hinted and the signed-in person come first, because Enter presses the first button.
	slices.SortStableFunc(p.People, func(a, b choice) int { return b.rank() - a.rank() })
	return p
}

func unlessKnown(people []choice, email string) string {
	if slices.ContainsFunc(people, func(c choice) bool { return strings.EqualFold(c.Email, email) }) {
		return ""
	}
	return email
}

// serveSignIn handles the form of the sign-in page.
func (p *Provider) serveSignIn(rc *requestContext) error {
	if err := rc.checkForm(rc.param("request")); err != nil {
		return err
	}
	sent, err := url.ParseQuery(rc.param("request"))
	if err != nil {
		return newError("invalid_request", "the form is incomplete: start again in the app")
	}
	req, err := rc.authRequest(sent)
	if err != nil {
		return err
	}
	if req.err != nil {
		return rc.respondWithError(req.authRequest, req.err)
	}
	if rc.form.Has("deny") {
		if err := rc.injectFaults(req.Client.ID, ""); err != nil {
			return err
		}
		return rc.respondWithError(req.authRequest, newError("access_denied", "denied on the sign-in page"))
	}
	who, how, problem := rc.selectedPerson()
	if problem != "" {
		return rc.showSignIn(req.authRequest, nil, problem)
	}
	if err := rc.injectFaults(req.Client.ID, who.Email); err != nil {
		return err
	}
	return rc.approve(req.authRequest, who, how)
}

// selectedPerson is the person who was picked or entered; problem is a message for whoever filled in the form.
func (rc *requestContext) selectedPerson() (who dev.Person, how, problem string) {
	if email := rc.param("pick"); email != "" {
		rc.p.mu.Lock()
		who, ok := personIn(rc.p.data.People, email)
		rc.p.mu.Unlock()
		if ok {
			return who, "picked", ""
		}
		if s, ok := rc.session(); ok && strings.EqualFold(s.Person.Email, email) {
			return s.Person, "picked", ""
		}
		return dev.Person{}, "", "No person of this project has that address any more."
	}
	who = dev.Person{Email: strings.TrimSpace(rc.param("email")), Name: strings.TrimSpace(rc.param("name"))}
	if !validEmail(who.Email) {
		return dev.Person{}, "", "That is not an e-mail address."
	}
	who.Groups = strings.FieldsFunc(rc.param("groups"), func(r rune) bool { return r == ',' || r == '\n' || r == '\r' })
	for i, g := range who.Groups {
		who.Groups[i] = strings.TrimSpace(g)
	}
	who.Groups = slices.DeleteFunc(who.Groups, func(g string) bool { return g == "" })
	if s := strings.TrimSpace(rc.param("claims_json")); s != "" {
		if json.Unmarshal([]byte(s), &who.Claims) != nil || who.Claims == nil {
			return dev.Person{}, "", `The claims are not a JSON object, like {"hd": "example.com"}.`
		}
	}
	if err := checkClaims(who); err != nil {
		return dev.Person{}, "", "One of these claims is part of the protocol and cannot be set."
	}
	return who, "someone else", ""
}
