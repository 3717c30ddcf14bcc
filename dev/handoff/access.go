package handoff

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"sdev/dev"
	"sdev/dev/pattern"
)

// This file holds what targets with an identity proxy share: who may open what, and what an app has to do behind such a
// proxy. An identity proxy (dev.IdentityProxy) signs people in and sends the app a header that says who they are.

var (
	emailPattern  = pattern.New(`^[^\s@,=:"\\]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$`)
	domainPattern = pattern.New(`^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$`)
)

// accessParams are the parameters that say who has access. groupForm and checkGroup describe the platform's name of a
// group.
func accessParams(groupForm string, checkGroup func(string) error) []Param {
	return []Param{
		{
			Name: "members", About: "who may sign in: e-mail addresses, @domains and group:NAME, separated by commas",
			Check: listOf(1, checkMember), Placeholder: "somebody@example.com",
		},
		{
			Name: "groups", About: "the platform's name of each group in a policy: NAME=" + groupForm + ", separated by commas", Optional: true,
			Check: listOf(0, func(s string) error {
				name, text, ok := strings.Cut(s, "=")
				if !ok || name == "" {
					return errors.New("want NAME=" + groupForm)
				}
				return checkGroup(text)
			}),
		},
	}
}

func checkMember(s string) error {
	_, err := parseMember(s)
	return err
}

func parseMember(s string) (dev.Member, error) {
	group, isGroup := strings.CutPrefix(s, "group:")
	domain, isDomain := strings.CutPrefix(s, "@")
	switch {
	case isGroup && group != "":
		return dev.Member{Kind: dev.MemberGroup, Text: group}, nil
	case isDomain && domainPattern.MatchString(domain):
		return dev.Member{Kind: dev.MemberDomain, Text: strings.ToLower(domain)}, nil
	case emailPattern.MatchString(s):
		return dev.Member{Kind: dev.MemberPerson, Text: s}, nil
	}
	return dev.Member{}, errors.New("want somebody@example.com, @example.com, or group:NAME")
}

// accessOf combines who may open what. A group without a name on the platform is a finding, and its people have no
// access: an incomplete policy closes a path, and never opens it.
func accessOf(f Facts, v Values) (dev.Granted, []dev.Finding) {
	var findings []dev.Finding
	names := map[string]string{}
	for _, pair := range splitList(v.Text("groups")) {
		name, text, _ := strings.Cut(pair, "=")
		names[name] = text
	}
	group := func(name, where string) []dev.Member {
		if text, ok := names[name]; ok {
			return []dev.Member{{Kind: dev.MemberGroup, Text: text}}
		}
		finding := dev.Finding{
			ID: "policy.group", Severity: dev.Warns, Message: fmt.Sprintf("group %s has no name on the platform, so its people have no access", name),
			Fix: "set it: sdev deploy --set groups=" + name + "=…, or x-sdev.deploy.groups", Docs: "https://docs.streamlit.io/develop/concepts/connections/authentication",
		}
		finding.File, finding.Line = splitOrigin(where)
		findings = append(findings, finding)
		return nil
	}
	var everybody []dev.Member
	for _, one := range splitList(v.Text("members")) {
		m, err := parseMember(one)
		switch {
		case err != nil: // the parameter's check has refused it already
		case m.Kind == dev.MemberGroup:
			everybody = append(everybody, group(m.Text, "")...)
		default:
			everybody = append(everybody, m)
		}
	}
	granted := dev.NewGranted(f.Policy, everybody, group)
	return granted, findings
}

const pagesDocs = "https://docs.streamlit.io/develop/concepts/architecture/architecture"

// pathFindings report what no identity proxy can do with the policies of a Streamlit app.
func pathFindings(f Facts) []dev.Finding {
	closed := slices.DeleteFunc(slices.Clone(f.Policy), func(p dev.Policy) bool { return p.Path == "/*" })
	if len(closed) == 0 {
		return nil
	}
	finding := dev.Finding{
		ID: "policy.websocket", Severity: dev.Warns,
		Message: "a policy for a path guards only the first request of a page: Streamlit serves all pages over one WebSocket, and its navigation bypasses the policy",
		Fix:     "check in the page who the person is, with the verified identity that the identity proxy sends", Docs: pagesDocs,
	}
	finding.File, finding.Line = splitOrigin(closed[0].Origin)
	findings := []dev.Finding{finding}
	base := path.Join("/", f.App.BasePath)
	for _, p := range closed {
		start, _, _ := dev.LiteralPrefix(p.Path)
		if base == "/" || start == base || strings.HasPrefix(start, base+"/") {
			continue
		}
		outside := dev.Finding{
			ID: "policy.outside", Severity: dev.Warns, Docs: pagesDocs,
			Message: fmt.Sprintf("the app is served below %s, so the policy for %s covers none of its pages", base, p.Path), Fix: "change the path to " + base + p.Path,
		}
		outside.File, outside.Line = splitOrigin(p.Origin)
		findings = append(findings, outside)
	}
	return findings
}

// proxyFindings report what an app lacks behind the identity proxy of a target. module is the file of the bundle that
// verifies the proxy's header.
func proxyFindings(f Facts, target, proxy, module string) []dev.Finding {
	header := signedHeader(proxy)
	var findings []dev.Finding
	add := func(id string, severity dev.Severity, place Value, message, fix string) {
		finding := dev.Finding{ID: target + "." + id, Severity: severity, Message: message, Fix: fix, Docs: "https://docs.streamlit.io/develop/api-reference/caching-and-state/st.context"}
		finding.File, finding.Line = splitOrigin(place.Source)
		findings = append(findings, finding)
	}
	if !f.App.signsInWith(proxy) {
		add("verify", dev.Warns, Value{}, "the app does not verify "+header+", so it does not know who the person is, and cannot restrict a page",
			"copy "+module+" from the bundle into the app, and call person() on every page")
	}
	for _, login := range f.App.Login {
		switch {
		case login.Text == proxy || login.Text == "none":
		case signedHeader(login.Text) != "":
			add("login.door", dev.Blocks, login, fmt.Sprintf("the app trusts the headers of another identity proxy (%s), which anybody could forge here", login.Text),
				"verify "+header+" instead, as "+module+" in the bundle does")
		default:
			add("login.twice", dev.Informs, login, fmt.Sprintf("people sign in twice: at the identity proxy, and then in the app (%s)", login.Text),
				"keep both if the app's own login decides more; otherwise take the person from "+header)
		}
	}
	return findings
}

// signedHeader is the header in which an identity proxy says who a person is; "" if there is no proxy of that name.
func signedHeader(proxy string) string {
	for _, d := range dev.IdentityProxies() {
		if d.Name == proxy {
			return d.Signed
		}
	}
	return ""
}

// awsCalls are the calls to AWS in the code, each place once.
func awsCalls(f Facts) []Call {
	var calls []Call
	for _, c := range slices.Concat(f.App.Calls, f.AWS.Parameters) {
		if !strings.HasPrefix(c.What, "aws:") && !slices.ContainsFunc(f.AWS.Parameters, func(p Call) bool { return p == c }) {
			continue
		}
		if !slices.ContainsFunc(calls, func(o Call) bool { return o.File == c.File && o.Line == c.Line }) {
			calls = append(calls, c)
		}
	}
	slices.SortFunc(calls, func(a, b Call) int { return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line)) })
	return calls
}

// portabilityFindings report what a container outside AWS cannot do the way a developer's machine can. credentialsFix
// says how the container gets credentials of AWS, and fileMessage what happens to files that it writes.
func portabilityFindings(f Facts, target, credentialsFix, fileMessage string) []dev.Finding {
	var findings []dev.Finding
	if calls := awsCalls(f); len(calls) > 0 {
		message := "the code calls AWS, but this platform has neither ~/.aws nor a task role"
		if more := calls[1:]; len(more) > 0 {
			message += fmt.Sprintf("; also at %s:%d", more[0].File, more[0].Line)
			for _, c := range more[1:] {
				message += fmt.Sprintf(", %s:%d", c.File, c.Line)
			}
		}
		findings = append(findings, dev.Finding{
			ID: target + ".aws", Severity: dev.Warns, File: calls[0].File, Line: calls[0].Line, Message: message, Fix: credentialsFix,
			Docs: "https://docs.aws.amazon.com/boto3/latest/guide/credentials.html",
		})
	}
	for _, c := range f.App.Calls {
		if c.What == "file:write" {
			findings = append(findings, dev.Finding{
				ID: target + ".writes", Severity: dev.Warns, File: c.File, Line: c.Line,
				Message: fileMessage,
				Fix:     "write temporary files below tempfile.gettempdir(), and what has to stay to a database or an object store",
				Docs:    "https://docs.streamlit.io/develop/concepts/configuration/serving-static-files",
			})
		}
	}
	return findings
}

// appEnvironment is the environment of the app behind an identity proxy.
func appEnvironment(f Facts, address string) map[string]string {
	env := map[string]string{}
	for _, one := range f.App.Env {
		if one.Name != "PORT" && !strings.HasPrefix(one.Name, "K_") { // Cloud Run's own
			env[one.Name] = one.Value
		}
	}
	// Libraries keep their caches where the container can write.
	env["MPLCONFIGDIR"], env["XDG_CACHE_HOME"] = "/tmp/matplotlib", "/tmp/cache"
	if address != "" && f.App.signsInWith("streamlit-oauth") {
		env["OAUTH_REDIRECT_URI"] = address
	}
	return env
}

// proxiedProvides are the names that the platform gives an app behind an identity proxy.
func proxiedProvides(f Facts, _ Values) Provided {
	return provided(appEnvironment(f, "-"), "the bundle")
}

// imageBuild says how to build the image, from the root of the repository.
func imageBuild(f Facts) (dir, dockerfile, platform string) {
	dir = cmp.Or(f.App.Context, ".")
	return dir, path.Join(dir, cmp.Or(f.App.Dockerfile, "Dockerfile")), "linux/amd64"
}

// namedImage is the image that is handed over; ok is false unless its reference has a digest.
func namedImage(f Facts) (v Value, ok bool) {
	return Value{Text: f.Image.Ref, Source: "--image"}, checkDigest(f.Image.Ref) == nil
}

// appName derives a name from the project's: lower-case letters, digits and dashes, at most longest of them.
func appName(longest int) func(Facts) (Value, bool) {
	return func(f Facts) (Value, bool) {
		name := strings.Trim(regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(f.Name), "-"), "-")
		name = strings.TrimLeft(name, "0123456789-")
		if len(name) > longest {
			name = strings.Trim(name[:longest], "-")
		}
		return Value{Text: name, Source: "name of the project"}, len(name) >= 2
	}
}
