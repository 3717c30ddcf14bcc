package detect

import (
	"net/url"
	"path"
	"slices"
	"strings"

	"sdev/dev"
	"sdev/dev/pattern"
)

var (
	httpsAddress = pattern.New(`(?i)https://[a-z0-9.-]+\.[a-z]{2,}(?::\d+)?(?:/[^\s"'<>\\){}\]` + "`" + `,;]*)?`)
	bareDomain   = pattern.New(`(?i)^[a-z0-9-]+(\.[a-z0-9-]+)+\.?$`)
	// providerName occurs in names of settings that say where people sign in.
	providerName = pattern.New(`(?i)oauth|oidc|auth0|cognito|keycloak|okta|entra|azure_?ad|(^|_|-)(sso|idp|issuer|authority)(_|-|$)|openid`)
	// cognitoPool is the id of a user pool of Cognito, which is part of its issuer.
	cognitoPool = pattern.New(`^[a-z]{2}(-[a-z]+)+-\d_[A-Za-z0-9]{5,55}$`)
	// setting is a name with its value, in any of the formats of settings; several may be in one line of JSON or YAML.
	setting = pattern.New(`["']?([A-Za-z_][\w-]*)["']?[ \t]*[:=][ \t]*("[^"]*"|'[^']*'|[^\s,{}\[\]"']*)`)
)

// ProviderAddresses returns the addresses of identity providers that a setting names, without their queries: whole ones,
// and domains alone. The name may have the names of the sections around the setting in front of it, with dots between.
func ProviderAddresses(name, value string) []string {
	var out []string
	add := func(address string) {
		address, _, _ = strings.Cut(address, "?")
		if !slices.Contains(out, address) {
			out = append(out, address)
		}
	}
	key := name[strings.LastIndexByte(name, '.')+1:]
	about := providerName.MatchString(name) && !isReturnName(key)
	for _, address := range httpsAddress.FindAllString(value, -1) {
		if dev.IsIdentityAddress(address) || about && !dev.IsMixedHost(HostOf(address)) {
			add(address)
		}
	}
	value = strings.Trim(strings.TrimSpace(value), `"'`)
	if bareDomain.MatchString(value) && (dev.IsIdentityHost(value) || about && isDomainName(key)) {
		add(value)
	}
	return out
}

// isReturnName reports whether a setting names where people return to: that is the app's own address.
func isReturnName(name string) bool {
	lower := strings.ToLower(name)
	return slices.ContainsFunc([]string{"redirect", "callback", "return", "origin", "logout", "scope"}, func(s string) bool { return strings.Contains(lower, s) })
}

// isDomainName reports whether a setting's name says that its value is a domain.
func isDomainName(name string) bool {
	lower := strings.ToLower(name)
	return strings.Contains(lower, "domain") || strings.Contains(lower, "host") || strings.Contains(lower, "server")
}

// HostOf returns the host of an address or a domain, in lower case.
func HostOf(address string) string {
	if u, err := url.Parse(address); err == nil && u.Host != "" {
		return strings.ToLower(u.Hostname())
	}
	return strings.ToLower(strings.TrimSuffix(address, "."))
}

// OwnHosts returns the hosts of identity providers among addresses that nobody knows without the project's settings.
func OwnHosts(facts ...Fact) []string {
	var hosts []string
	for _, f := range facts {
		host := HostOf(f.Value)
		if strings.Contains(host, ".") && !dev.IsIdentityHost(host) && !dev.IsMixedHost(host) && !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
		}
	}
	slices.Sort(hosts)
	return hosts
}

// isSettings reports whether a file may hold an app's settings.
func isSettings(name string) bool {
	base := strings.ToLower(path.Base(name))
	switch {
	case strings.Contains(base, "example") || strings.Contains(base, "sample") || strings.Contains(base, "template") || strings.Contains(base, "lock"):
		return false
	case base == "package.json" || base == "pyproject.toml" || isTest(name) || isAboutDeployment(name):
		return false
	case base == ".env" || strings.HasPrefix(base, ".env.") || strings.HasSuffix(base, ".env"):
		return true
	}
	return slices.Contains([]string{".toml", ".yaml", ".yml", ".json", ".ini", ".cfg", ".conf", ".properties"}, path.Ext(base))
}

// isAboutDeployment reports whether a file describes where the app runs, which the app itself does not read.
func isAboutDeployment(name string) bool {
	top, _, below := strings.Cut(name, "/")
	return below && slices.Contains([]string{".github", "docs", "deploy", "deployment", "infra", "infrastructure", "terraform", "cdk", "cdk.out", "k8s", "helm", "charts"}, strings.ToLower(top))
}

// settings reads the addresses of identity providers in the files of the tree that may hold settings, and the id of a
// user pool.
func settings(t *tree) (out []Fact, pool Fact) {
	const deepest, most = 4, 4 << 20 // bytes; a directory of data may hold thousands of JSON files
	read := 0
	for _, name := range t.names {
		if !isSettings(name) || strings.Count(name, "/") > deepest {
			continue
		}
		if read += len(t.text(name)); read > most {
			break
		}
		r := settingsReader{file: name}
		for _, l := range t.lines(name) {
			r.read(l)
		}
		for _, f := range r.found {
			out = add(out, f)
		}
		if pool.Value == "" {
			pool = r.pool
		}
	}
	return out, pool
}

// settingsReader reads a file of settings line by line, whatever its format.
type settingsReader struct {
	file    string
	section string // names of the sections around the next line, each with a dot behind it
	found   []Fact
	pool    Fact
}

func (r *settingsReader) read(l line) {
	const longest = 20_000 // data, not settings
	text := strings.TrimSpace(l.text)
	if strings.HasPrefix(text, "#") || strings.HasPrefix(text, "//") || len(text) > longest {
		return
	}
	if header, ok := strings.CutPrefix(text, "["); ok && path.Ext(r.file) != ".json" {
		r.section = strings.Trim(header, "[] ") + "."
		return
	}
	around := r.section
	for _, m := range setting.FindAllStringSubmatch(text, -1) {
		key, value := m[1], strings.Trim(m[2], `"'`)
		if value != "" {
			r.value(around+key, value, l.n)
			continue
		}
		// What follows is in it: in this line, or in the next ones.
		if around += key + "."; len(m[0]) == len(text) || strings.HasSuffix(text, "{") {
			r.section = key + "."
		}
	}
}

func (r *settingsReader) value(name, value string, n int) {
	for _, address := range ProviderAddresses(name, value) {
		r.found = append(r.found, Fact{Value: address, Why: "a setting names it", File: r.file, Line: n})
	}
	if r.pool.Value == "" && cognitoPool.MatchString(value) {
		r.pool = Fact{Value: value, Why: "a setting names it", File: r.file, Line: n}
	}
}

// IsCognitoPool reports whether a text is the id of a user pool of Cognito.
func IsCognitoPool(text string) bool { return cognitoPool.MatchString(text) }
