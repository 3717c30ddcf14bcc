package session

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/detect"
)

// identity is what the project's code and settings say about identity providers.
type identity struct {
	addresses []detect.Fact // addresses and domains of providers, with their places
	issuers   map[string]string
}

// newIdentity collects the addresses from the code, the files of settings and the app's variables.
func newIdentity(p *config.Project, found *detect.Findings) identity {
	var i identity
	add := func(f detect.Fact) {
		if !slices.ContainsFunc(i.addresses, func(have detect.Fact) bool { return have.Value == f.Value }) {
			i.addresses = append(i.addresses, f)
		}
	}
	for _, f := range slices.Concat(found.Login.Endpoints, found.Login.Settings) {
		add(f)
	}
	pool := ""
	for _, v := range p.Variables() {
		for _, address := range detect.ProviderAddresses(v.Name, v.Value) {
			add(detect.Fact{Value: address, Why: v.Name + " names it", File: v.Place})
		}
		if detect.IsCognitoPool(v.Value) {
			pool = v.Value
		}
	}
	pool = cmp.Or(pool, found.Login.Pool.Value)
	for _, f := range i.addresses {
		if host := detect.HostOf(f.Value); pool != "" && strings.HasSuffix(host, ".amazoncognito.com") {
			region, _, _ := strings.Cut(pool, "_")
			i.issuers = map[string]string{host: "https://cognito-idp." + region + ".amazonaws.com/" + pool}
		}
	}
	return i
}

// hosts returns the hosts that only the project's settings say are providers.
func (i identity) hosts() []string { return detect.OwnHosts(i.addresses...) }

// text lists the addresses, for messages; "" if there are none.
func (i identity) text() string {
	var list []string
	for _, f := range i.addresses {
		list = append(list, fmt.Sprintf("%s (%s)", f.Value, f.Place()))
	}
	return strings.Join(list, ", ")
}

// profile returns the provider that the addresses belong to; "" if it is none that the local one can imitate.
func (i identity) profile() string {
	for _, f := range i.addresses {
		address := f.Value
		if !strings.Contains(address, "://") {
			address = "https://" + address
		}
		if name, ok := dev.ProfileAt(address); ok {
			return name
		}
	}
	return ""
}

// LoginAddresses returns the addresses of identity providers in a project's code and settings as text, and what of its
// logins cannot be led to the local provider.
func LoginAddresses(p *config.Project) (text string, unmapped []dev.Warning, err error) {
	found, _, err := inspect(p)
	if err != nil {
		return "", nil, err
	}
	return newIdentity(p, found).text(), unmappedLogins(found), nil
}

// unmappedLogins returns what the code has of logins that cannot be led to the local provider, each with its place.
func unmappedLogins(found *detect.Findings) []dev.Warning {
	var out []dev.Warning
	for _, f := range found.Auth {
		w := dev.Warning{Code: dev.CodeAuthUnmapped}
		switch detect.HandlingOf(f.Value) {
		case detect.HandledBrowser:
			w.Message = "a script of " + f.Value + " signs people in in the browser, where sdev cannot lead its addresses to the local provider: " + f.Source()
			w.Hint = "the click goes to the real provider; to try the rest of the app: sdev up --local"
		case detect.HandledService:
			w.Message = f.Value + " checks people at the service itself, which has no counterpart on this machine: " + f.Source()
			w.Hint = "that part of the login talks to the real service; to try the rest of the app: sdev up --local"
		default:
			continue
		}
		out = append(out, w)
	}
	return out
}

// localNotes are warnings about logins that --local does not bypass: nothing in them reads LOCAL_STREAMLIT.
func localNotes(found *detect.Findings, person bool) []dev.Warning {
	var out []dev.Warning
	if len(found.Login.Reads) > 0 {
		return nil // the code has a bypass of its own
	}
	for _, f := range found.Auth {
		w := dev.Warning{Code: dev.CodeAuthBypass, Hint: "run: sdev up --with-auth"}
		switch detect.HandlingOf(f.Value) {
		case detect.HandledNative:
			if person {
				continue
			}
			w.Message = "st.login has nothing that --local could bypass, so nobody is signed in and st.user is empty: " + f.Source()
			w.Hint = "to be somebody without signing in: sdev up --local --as EMAIL; to sign in: sdev up --with-auth"
		case detect.HandledApp:
			w.Message = "--local bypasses no login here, because the code does not read LOCAL_STREAMLIT; its login stays: " + f.Source()
		case detect.HandledOwn:
			w.Message = f.Value + " keeps its own list of users, so its login stays as it is: " + f.Source()
			w.Hint = "sign in as one of the users in that list; sdev leaves it alone in every mode"
		case detect.HandledBrowser, detect.HandledService:
			w.Message = "--local bypasses no login here, because the code does not read LOCAL_STREAMLIT; " + f.Value + " talks to its real service: " + f.Source()
			w.Hint = "let the code skip its login if LOCAL_STREAMLIT is set"
		case detect.HandledDoor:
			w.Message = "an identity proxy in front of the app signs people in, and --local has none: " + f.Source()
			w.Hint = "to put one in front: sdev up --with-auth=" + f.Value + "; or let the code use a default user if LOCAL_STREAMLIT is set"
		case detect.HandledHeaders:
			w.Message = "a proxy in front of the app signs people in, and there is none on this machine: " + f.Source()
			w.Hint = "sdev drops such headers, because anybody could forge them; let the code use a default user if LOCAL_STREAMLIT is set"
		default:
			continue
		}
		out = append(out, w)
		break // the first kind is the app's login; the others only occur in it
	}
	return out
}
