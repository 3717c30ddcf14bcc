package oidc

import (
	"fmt"
	"net/mail"
	"net/url"
	"slices"
	"strings"

	"sdev/dev"
)

func invalid(message, hint string) *dev.Error {
	return &dev.Error{Code: dev.CodeAuthInvalid, Message: message, Hint: hint, Exit: dev.ExitProject}
}

// check gives the issuer as a URL, or says what is wrong with the settings.
func (c Config) check() (*url.URL, error) {
	u, err := url.Parse(c.Issuer)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return nil, invalid(fmt.Sprintf("the issuer %q is not an http address", c.Issuer), "use one like http://localhost:8601")
	case strings.HasSuffix(c.Issuer, "/") || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.User != nil || u.RawPath != "":
		return nil, invalid(fmt.Sprintf("the issuer %q has more than scheme, host, port and path, or ends with a slash", c.Issuer),
			"write it without: clients compare it character by character")
	case c.Profile != "" && !slices.Contains(dev.Profiles(), c.Profile):
		return nil, invalid(fmt.Sprintf("no provider profile %q", c.Profile), "use one of "+strings.Join(dev.Profiles(), ", "))
	case !slices.Contains([]string{"", algRS, algES}, c.Alg):
		return nil, invalid(fmt.Sprintf("tokens cannot be signed with %q", c.Alg), "use RS256 or ES256")
	case !slices.Contains([]string{"", refreshRotate, refreshKeep}, c.Refresh):
		return nil, invalid(fmt.Sprintf("refresh tokens cannot be treated as %q", c.Refresh), "use rotate or keep")
	}
	if err := checkPeople(c.People); err != nil {
		return nil, err
	}
	if err := checkClients(c.Clients); err != nil {
		return nil, err
	}
	if c.Current != "" {
		if _, ok := personIn(c.People, c.Current); !ok {
			return nil, unknownPerson(c.Current, c.People)
		}
	}
	return u, nil
}

func checkPeople(people []dev.Person) error {
	seen := make(map[string]bool)
	for _, p := range people {
		if !validEmail(p.Email) {
			return invalid(fmt.Sprintf("%q is not an e-mail address", p.Email), "give each person an address like alice@example.com")
		}
		if seen[strings.ToLower(p.Email)] {
			return invalid(p.Email+" is there twice", "keep one: people are told apart by their address, whose case does not count")
		}
		seen[strings.ToLower(p.Email)] = true
		if err := checkClaims(p); err != nil {
			return err
		}
	}
	return nil
}

func checkClaims(p dev.Person) error {
	for _, name := range dev.ProtocolClaims() {
		if _, ok := p.Claims[name]; ok {
			return invalid(fmt.Sprintf("%s: the claim %q is part of the protocol", p.Email, name), "leave it out; a fault can spoil it: sdev auth fault list")
		}
	}
	if sub, ok := p.Claims["sub"]; ok {
		if s, ok := sub.(string); !ok || s == "" || len(s) > 255 {
			return invalid(p.Email+": the claim sub is not a text of up to 255 characters", "put it in quotes, or leave it out: one is made from the address")
		}
	}
	return nil
}

func validEmail(s string) bool {
	a, err := mail.ParseAddress(s)
	return err == nil && a.Address == s && len(s) <= 254 && !strings.ContainsAny(s, "\r\n")
}

func checkClients(clients []dev.Client) error {
	seen := make(map[string]bool)
	for _, c := range clients {
		if c.ID == "" || seen[c.ID] {
			return invalid(fmt.Sprintf("the client %q is there twice, or has no name", c.ID), "give each client an id of its own")
		}
		seen[c.ID] = true
		for _, uri := range slices.Concat(c.RedirectURIs, c.PostLogout) {
			if !validRedirect(uri) {
				return invalid(fmt.Sprintf("client %s: %q cannot be an address to be sent back to", c.ID, uri), "use a whole one without #, like http://localhost:8501/oauth2callback")
			}
		}
	}
	return nil
}

// validRedirect refuses what a browser would run instead of going there.
func validRedirect(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.IsAbs() && u.Fragment == "" && !strings.Contains(s, "#") &&
		!slices.Contains([]string{"javascript", "data", "vbscript", "file", "blob", "about"}, strings.ToLower(u.Scheme)) &&
		(u.Host != "" || u.Scheme != "http" && u.Scheme != "https")
}

func unknownPerson(email string, people []dev.Person) *dev.Error {
	var known []string
	for _, p := range people {
		known = append(known, p.Email)
	}
	return &dev.Error{Code: dev.CodeAuthInvalid, Exit: dev.ExitUsage, Message: fmt.Sprintf("nobody here has the address %q", email), Hint: "people of this project: " + strings.Join(known, ", ")}
}

func personIn(people []dev.Person, email string) (dev.Person, bool) {
	for _, p := range people {
		if strings.EqualFold(p.Email, email) {
			return p, true
		}
	}
	return dev.Person{}, false
}
