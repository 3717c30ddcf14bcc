package auth

import (
	"fmt"
	"maps"
	"math"
	"net/url"
	"slices"
	"strings"
	"time"

	"sdev/cmd/internal/render"
	"sdev/dev"
	"sdev/dev/session"
)

// finding is an object of the array that "sdev auth check --json" prints.
type finding struct {
	ID       string `json:"id"`
	OK       bool   `json:"ok"`
	Evidence string `json:"evidence"`
	Fix      string `json:"fix"`    // "" if nothing needs to be done
	Blocks   bool   `json:"blocks"` // if it is not ok, nobody can sign in
}

// findings draws the conclusions from the evidence.
func (l loginCheck) findings() []finding {
	out := []finding{
		l.reached("issuer.host", "this machine", l.host, "something else may hold the port; run: sdev restart, then sdev up --with-auth"),
		l.reached("issuer.app", "the app's container", l.fromApp(), "a proxy variable without NO_PROXY=localhost is the usual reason; see: sdev shell -- env"),
		l.sameIssuer(), l.sameKeys(), l.sameTime(),
	}
	switch {
	case l.appError != nil: // issuer.app reports it; the other findings need the container
	case l.mode == dev.Native:
		out = append(out, l.redirect(), l.bypass(), l.streamlit(), l.authlib())
	case l.mode.HasDoor():
		out = append(out, l.doorHosts(), l.bypass())
	default:
		out = append(out, l.redirect(), l.mapped(), l.bypass(), l.boto3())
	}
	return append(out, l.cookies(), l.groups(), l.framed(), l.inPage())
}

func (l loginCheck) fromApp() providerView {
	if l.appError != nil {
		return providerView{Error: l.appError.Error()}
	}
	return l.app.providerView
}

func (l loginCheck) reached(id, from string, s providerView, fix string) finding {
	f := finding{ID: id, OK: s.Error == "", Evidence: l.issuer + " answers " + from, Blocks: true}
	if !f.OK {
		f.Evidence, f.Fix = l.issuer+" does not answer "+from+": "+s.Error, fix
	}
	return f
}

func (l loginCheck) sameIssuer() finding {
	f := finding{ID: "issuer.same", OK: true, Evidence: "browser and app use the same issuer", Blocks: true}
	for i, s := range []providerView{l.host, l.fromApp()} {
		if s.Issuer != "" && s.Issuer != l.issuer {
			from := []string{"this machine", "the app's container"}[i]
			f.OK, f.Evidence, f.Fix = false, fmt.Sprintf("from %s, the issuer is %s, but should be %s", from, s.Issuer, l.issuer), "something else answers at that address: stop it, then run: sdev up --with-auth"
		}
	}
	return f
}

func (l loginCheck) sameKeys() finding {
	want := []string{}
	for _, k := range l.state.Keys {
		want = append(want, k.ID)
	}
	slices.Sort(want)
	f := finding{ID: "keys.same", OK: true, Evidence: render.Count(len(want), "key") + ", the same from both sides", Blocks: true}
	for _, s := range []providerView{l.host, l.fromApp()} {
		if s.Error == "" && !slices.Equal(s.Keys, want) {
			f.OK, f.Evidence, f.Fix = false, fmt.Sprintf("the published keys are %q, but the provider has %q", s.Keys, want), "if you set a fault for that: sdev auth fault clear"
		}
	}
	return f
}

// leeway is the difference between clocks that verifiers tolerate: the scaffolded one tolerates 10 seconds.
const leeway = 10 * time.Second

// sameTime compares the clocks. A difference that the user has set is reported, but does not block.
func (l loginCheck) sameTime() finding {
	f := finding{ID: "clock.same", OK: true, Evidence: "the app's clock is this machine's"}
	if l.state.Clock != 0 {
		return finding{ID: "clock.same", Evidence: "the provider's clock is off by " + l.state.Clock.String() + ", because you set it", Fix: "run: sdev auth clock reset"}
	}
	if l.appError != nil {
		f.Evidence = "unknown: the app's container did not answer"
		return f
	}
	whole, part := math.Modf(l.app.Time)
	at := time.Unix(int64(whole), int64(part*1e9))
	switch early, late := l.app.asked.Sub(at), at.Sub(l.app.answered); {
	case early > leeway:
		f.OK, f.Evidence = false, fmt.Sprintf("the app's clock is %s behind this machine's", early.Round(time.Second))
	case late > leeway:
		f.OK, f.Evidence = false, fmt.Sprintf("the app's clock is %s ahead of this machine's", late.Round(time.Second))
	}
	if !f.OK {
		f.Fix = "set the clock of the machine that the container engine runs on"
	}
	return f
}

// redirect checks that the provider sends people back to the app's own origin.
func (l loginCheck) redirect() finding {
	f := finding{ID: "redirect.origin", Blocks: true, Fix: "run: sdev up --with-auth; if you define a client in x-sdev.aws.parameters, it needs this address as its last one"}
	if l.app.RedirectsError != "" {
		f.Evidence = "the app cannot read its redirect addresses: " + l.app.RedirectsError
		return f
	}
	own := func(uri string) bool {
		u, err := url.Parse(uri)
		return err == nil && u.Scheme+"://"+u.Host == l.origin
	}
	// Some apps use the last address.
	if n := len(l.app.Redirects); n == 0 || !own(l.app.Redirects[n-1]) {
		f.Evidence = fmt.Sprintf("the app is at %s, but its redirect addresses are %s", l.origin, strings.Join(l.app.Redirects[max(0, n-1):], ""))
		return f
	}
	return finding{ID: f.ID, OK: true, Blocks: true, Evidence: "people return to " + l.origin}
}

// doorHosts checks that the app's code can fetch the keys of the front door.
func (l loginCheck) doorHosts() finding {
	f := finding{ID: "door.keys", OK: true, Blocks: true, Evidence: "the app trusts the gateway as " + strings.Join(l.doors, ", ")}
	for _, host := range slices.Sorted(maps.Keys(l.app.Doors)) {
		f.OK, f.Evidence = false, "the app cannot reach "+host+": "+dev.Sanitize(l.app.Doors[host])
		f.Fix = "if the compose file sets SSL_CERT_FILE or a proxy, remove it in this mode: the certificates are in /opt/sdev/trust.pem; see also: sdev logs"
	}
	return f
}

func (l loginCheck) bypass() finding {
	f := finding{ID: "bypass.off", Blocks: true}
	switch {
	case l.app.Bypass != "":
		f.Evidence, f.Fix = "LOCAL_STREAMLIT="+l.app.Bypass+" is set for the app", "remove it from the start script or .env file that sets it; "+session.GuardHint
	case l.app.BypassError != "":
		f.Blocks = false // the shim may be active nevertheless
		f.Evidence, f.Fix = "cannot read the environment of the app's process: "+l.app.BypassError, "run the container as the user that the app runs as (user: in the compose file)"
	case !l.app.Guarded:
		f.Evidence, f.Fix = "sdev cannot keep LOCAL_STREAMLIT off in the app's process, so its code or secrets may set it", session.GuardHint
	case len(l.app.SetBy) > 0:
		f.Evidence = "LOCAL_STREAMLIT is set by " + strings.Join(l.app.SetBy, ", ") + "; sdev keeps it off here, but it would bypass the login of the deployed app"
		f.Fix = "remove it from there: sdev up --local sets it by itself"
	default:
		f.OK, f.Evidence = true, "LOCAL_STREAMLIT is not set in the app's process, and sdev keeps it off"
	}
	return f
}

// mapped checks that no address of a real provider is in use: neither by what the code is known to have, nor by the
// requests that were counted since the provider started.
func (l loginCheck) mapped() finding {
	f := finding{ID: "addresses.mapped", Blocks: true}
	var why []string
	for _, w := range l.fixed {
		why, f.Fix = append(why, w.Message), w.Hint
	}
	for _, u := range l.state.Unmapped {
		why, f.Fix = append(why, fmt.Sprintf("%s to %s", render.Count(u.Count, "request"), u.Address)), "find the code that uses the address; sdev help auth says which addresses lead to the local provider"
	}
	switch {
	case len(why) > 0:
		f.Evidence = "the app uses a real identity provider: " + strings.Join(why, "; ")
	case l.addresses != "":
		f.OK, f.Evidence = true, "these addresses lead to the local provider: "+l.addresses
	default:
		f.OK, f.Evidence = true, "code and settings name no identity provider, and no request went to one"
	}
	return f
}

func (l loginCheck) boto3() finding {
	have, ok := l.app.Versions["botocore"]
	f := finding{ID: "boto3.version", OK: true, Evidence: "boto3 is not installed", Blocks: true}
	if ok {
		f.OK, f.Evidence = !session.IsBelow(have, 1, 31), "botocore "+have
	}
	if !f.OK {
		f.Evidence += " ignores AWS_ENDPOINT_URL_SSM, so it sends requests to the real AWS"
		f.Fix = "boto3>=1.28 in the app's requirements"
	}
	return f
}

func (l loginCheck) streamlit() finding {
	const fix = "require streamlit>=1.58"
	have := l.app.Versions["streamlit"]
	f := finding{ID: "streamlit.version", OK: have != "" && !session.IsBelow(have, 1, 58), Evidence: "streamlit " + have}
	switch {
	case f.OK:
	case have == "":
		f.Evidence, f.Fix = "the container's Python has no streamlit", "find out which Python runs the app: sdev shell -- ps"
	case session.IsBelow(have, 1, 42):
		f.Evidence, f.Fix, f.Blocks = "streamlit "+have+" has no st.login", fix, true
	default:
		f.Evidence, f.Fix = "streamlit "+have+": before 1.58, users lose their login when the app restarts", fix
	}
	return f
}

// authlib checks both packages that st.login needs. Streamlit's extra "auth" lacks httpx, and without httpx Streamlit
// reports that Authlib is missing.
func (l loginCheck) authlib() finding {
	f := finding{ID: "authlib.version", OK: true, Evidence: "Authlib " + l.app.Versions["Authlib"], Blocks: true}
	for _, needed := range []string{"Authlib", "httpx"} {
		if l.app.Versions[needed] == "" {
			f.OK, f.Evidence, f.Fix = false, needed+" is not installed, and st.login needs it", "streamlit[auth] and httpx in the app's requirements"
		}
	}
	return f
}

func (l loginCheck) cookies() finding {
	f := finding{ID: "cookies.shared", OK: len(l.others) == 0, Evidence: "no other Streamlit app on this host name"}
	if !f.OK {
		f.Evidence = "cookies ignore ports, so these apps share them: " + strings.Join(l.others, ", ")
		f.Fix = "if both have a login, each signs the other out: give one a host of its own in its compose file (x-sdev: {host: NAME.localhost}), or stop it"
	}
	return f
}

func (l loginCheck) groups() finding {
	f := finding{ID: "policies.groups", OK: len(l.unknown) == 0, Evidence: "every group in the policies has members"}
	if !f.OK {
		f.Evidence = "policies name groups without members: " + strings.Join(l.unknown, ", ")
		f.Fix = "run: sdev auth users edit EMAIL --group " + l.unknown[0]
	}
	return f
}
