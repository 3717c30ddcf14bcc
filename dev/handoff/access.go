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
)

// This file holds what the targets share that have a front door which knows who somebody is: who may
// open what, and what an app has to do behind such a door.

// member is somebody who may be let in.
type member struct {
	Kind string // "person", "domain" or "group"
	Text string // e-mail address, domain, or what the platform calls the group
}

// grant is who may open which paths.
type grant struct {
	Title   string // for people: "everybody", "/reports/*"
	Path    string // of the policy; "" is what no policy covers
	Members []member
}

// access is what policies, members and groups come to.
type access struct {
	Grants []grant  // in the order of the policies, each path once; what no policy covers is last
	All    []member // everybody who is named anywhere
}

var (
	emailPattern  = regexp.MustCompile(`^[^\s@,=:"\\]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$`)
	domainPattern = regexp.MustCompile(`^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$`)
)

// accessParams are who gets in; group and form say what the platform calls a group.
func accessParams(groupForm string, checkGroup func(string) error) []Param {
	return []Param{
		{
			Name: "members", About: "who may sign in at all: addresses, @domains and group:NAME, with commas",
			Check: everyOf(1, checkMember), Placeholder: "somebody@example.com",
		},
		{
			Name: "groups", About: "what the groups of policies are called there, NAME=" + groupForm + ", with commas", Optional: true,
			Check: everyOf(0, func(s string) error {
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

func parseMember(s string) (member, error) {
	group, isGroup := strings.CutPrefix(s, "group:")
	domain, isDomain := strings.CutPrefix(s, "@")
	switch {
	case isGroup && group != "":
		return member{"group", group}, nil
	case isDomain && domainPattern.MatchString(domain):
		return member{"domain", strings.ToLower(domain)}, nil
	case emailPattern.MatchString(s):
		return member{"person", s}, nil
	}
	return member{}, errors.New("want somebody@example.com, @example.com, or group:NAME")
}

// accessOf puts together who may open what. A group that has no name there, and a policy that is
// then for nobody, is a finding: the way that is wrong is shut and not open.
func accessOf(f Facts, v Values) (access, []dev.Finding) {
	var a access
	var findings []dev.Finding
	names := map[string]string{}
	for _, pair := range splitList(v.Text("groups")) {
		name, text, _ := strings.Cut(pair, "=")
		names[name] = text
	}
	group := func(name, where string) []member {
		if text, ok := names[name]; ok {
			return []member{{"group", text}}
		}
		finding := dev.Finding{
			ID: "policy.group", Severity: dev.Warns, Message: fmt.Sprintf("nothing says what group %s is called there, so its people are not let in", name),
			Fix: "sdev deploy --set groups=" + name + "=…, or x-sdev.deploy.groups", Docs: "https://docs.streamlit.io/develop/concepts/connections/authentication",
		}
		finding.File, finding.Line = splitOrigin(where)
		findings = append(findings, finding)
		return nil
	}
	var everybody []member
	for _, one := range splitList(v.Text("members")) {
		m, err := parseMember(one)
		switch {
		case err != nil: // refused by the parameter's check before
		case m.Kind == "group":
			everybody = append(everybody, group(m.Text, "")...)
		default:
			everybody = append(everybody, m)
		}
	}
	a.All = slices.Clone(everybody)
	for _, p := range f.Policy {
		if slices.ContainsFunc(a.Grants, func(g grant) bool { return g.Path == p.Path }) {
			continue // of policies that are equal the first decides
		}
		g := grant{Title: p.Path, Path: p.Path}
		for _, name := range p.Allow.Groups {
			g.Members = append(g.Members, group(name, p.Origin)...)
		}
		for _, email := range p.Allow.Emails {
			g.Members = append(g.Members, member{"person", email})
		}
		for _, domain := range p.Allow.Domains {
			g.Members = append(g.Members, member{"domain", domain})
		}
		a.All = append(a.All, g.Members...)
		a.Grants = append(a.Grants, g)
	}
	a.All = distinct(a.All)
	for i, p := range a.Grants {
		j := slices.IndexFunc(f.Policy, func(q dev.Policy) bool { return q.Path == p.Path })
		if f.Policy[j].Allow.Anyone {
			p.Members = a.All
		}
		a.Grants[i].Members = distinct(p.Members)
	}
	if !slices.ContainsFunc(a.Grants, func(g grant) bool { return g.Path == "/*" }) {
		a.Grants = append(a.Grants, grant{Title: "everybody", Members: a.All})
	}
	return a, findings
}

// distinct keeps the first of those that are equal.
func distinct(all []member) []member {
	out := []member{}
	for _, m := range all {
		if !slices.Contains(out, m) {
			out = append(out, m)
		}
	}
	return out
}

// streamlitPaths are what a browser loads whatever page it shows, below the app's own path. Source:
// streamlit/web/server, the routes of server.py and the starlette app.
func streamlitPaths() []string { return []string{"/_stcore", "/component", "/media", "/static"} }

// closedToSome reports whether a policy keeps some of all from what every page needs.
func (a access) restrictsRoot() bool {
	return slices.ContainsFunc(a.Grants, func(g grant) bool { return g.Path == "/*" && len(g.Members) < len(a.All) })
}

// prefixOf is the part of a policy's path that is literal, and whether that is all of it but "/*" at
// its end, in which case it covers all below as well.
func prefixOf(pattern string) (prefix string, exact, below bool) {
	base, below := strings.CutSuffix(pattern, "/*")
	if i := strings.IndexFunc(base, func(r rune) bool { return !plainInPath(r) }); i >= 0 {
		return base[:i], false, below
	}
	return base, true, below
}

// plainInPath reports whether a character of a path looks the same in every form of it.
func plainInPath(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("/_.~-", r)
}

const pagesDocs = "https://docs.streamlit.io/develop/concepts/architecture/architecture"

// pathFindings say what no front door can do with the policies of a Streamlit app.
func pathFindings(f Facts) []dev.Finding {
	closed := slices.DeleteFunc(slices.Clone(f.Policy), func(p dev.Policy) bool { return p.Path == "/*" })
	if len(closed) == 0 {
		return nil
	}
	finding := dev.Finding{
		ID: "policy.websocket", Severity: dev.Warns,
		Message: "a policy for a path guards only the first request of a page: Streamlit serves all pages over one WebSocket, and its navigation goes round the policy",
		Fix:     "ask in the page who it is, from the verified identity that the front door sends", Docs: pagesDocs,
	}
	finding.File, finding.Line = splitOrigin(closed[0].Origin)
	findings := []dev.Finding{finding}
	base := path.Join("/", f.App.BasePath)
	for _, p := range closed {
		start, _, _ := prefixOf(p.Path)
		if base == "/" || start == base || strings.HasPrefix(start, base+"/") {
			continue
		}
		outside := dev.Finding{
			ID: "policy.outside", Severity: dev.Warns, Docs: pagesDocs,
			Message: fmt.Sprintf("the app lives below %s, so the policy for %s covers none of its pages", base, p.Path), Fix: "write " + base + p.Path,
		}
		outside.File, outside.Line = splitOrigin(p.Origin)
		findings = append(findings, outside)
	}
	return findings
}

// doorFindings say what an app lacks behind the front door of a target; module is the one of the bundle that
// verifies the header.
func proxyFindings(f Facts, target, proxy, module string) []dev.Finding {
	header := signedHeader(proxy)
	var findings []dev.Finding
	add := func(id string, severity dev.Severity, place Value, message, fix string) {
		finding := dev.Finding{ID: target + "." + id, Severity: severity, Message: message, Fix: fix, Docs: "https://docs.streamlit.io/develop/api-reference/caching-and-state/st.context"}
		finding.File, finding.Line = splitOrigin(place.Source)
		findings = append(findings, finding)
	}
	if !f.App.signsInWith(proxy) {
		add("verify", dev.Warns, Value{}, "the app does not verify "+header+", so it does not know who is there, and no page can be for some people alone",
			"copy "+module+" of the bundle into the app and call person() on every page")
	}
	for _, login := range f.App.Login {
		switch {
		case login.Text == proxy || login.Text == "none":
		case signedHeader(login.Text) != "":
			add("login.door", dev.Blocks, login, fmt.Sprintf("the app takes people from the headers of another front door (%s), so anybody could send them", login.Text),
				"verify "+header+" instead: "+module+" of the bundle does")
		default:
			add("login.twice", dev.Informs, login, fmt.Sprintf("people sign in twice: at the front door, and then in the app (%s)", login.Text),
				"keep both where the app's own login decides more, or take the person from "+header)
		}
	}
	return findings
}

// signedHeader is the one in which a front door tells who somebody is; "" where the name is that of none.
func signedHeader(proxy string) string {
	for _, d := range dev.FrontDoors() {
		if d.Name == proxy {
			return d.Signed
		}
	}
	return ""
}

// awsCalls are what the code asks of AWS, which is not there, each place once.
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

// portability is what a container outside AWS cannot do as it did on a developer's machine: credentials
// is how it gets those of AWS, files what becomes of files that it writes.
func portabilityFindings(f Facts, target, credentialsFix, fileMessage string) []dev.Finding {
	var findings []dev.Finding
	if calls := awsCalls(f); len(calls) > 0 {
		message := "the code asks AWS, and here are neither ~/.aws nor the role of a task"
		if more := calls[1:]; len(more) > 0 {
			message += fmt.Sprintf("; as much at %s:%d", more[0].File, more[0].Line)
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
				Fix:     "write below tempfile.gettempdir() what may go, and to a database or an object store what has to stay",
				Docs:    "https://docs.streamlit.io/develop/concepts/configuration/serving-static-files",
			})
		}
	}
	return findings
}

// ships is the environment of the app as it runs behind a front door.
func appEnvironment(f Facts, address string) map[string]string {
	env := map[string]string{}
	for _, one := range f.App.Env {
		if one.Name != "PORT" && !strings.HasPrefix(one.Name, "K_") { // Cloud Run's own
			env[one.Name] = one.Value
		}
	}
	// Caches of libraries go where there is room for them.
	env["MPLCONFIGDIR"], env["XDG_CACHE_HOME"] = "/tmp/matplotlib", "/tmp/cache"
	if address != "" && f.App.signsInWith("streamlit-oauth") {
		env["OAUTH_REDIRECT_URI"] = address
	}
	return env
}

// build is how the image is built, from the root of the repository.
func imageBuild(f Facts) (dir, dockerfile, platform string) {
	dir = cmp.Or(f.App.Context, ".")
	return dir, path.Join(dir, cmp.Or(f.App.Dockerfile, "Dockerfile")), "linux/amd64"
}

// namedImage is the image that is handed over, where it is named by its digest.
func namedImage(f Facts) (Value, bool) {
	return Value{Text: f.Image.Ref, Source: "--image"}, checkDigest(f.Image.Ref) == nil
}

// appName makes the project's name one that at most so many small letters, digits and dashes are.
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
