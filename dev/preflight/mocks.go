package preflight

import (
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"

	"sdev/dev"
	"sdev/dev/pattern"
)

func mockRules() []Rule {
	return []Rule{
		{"mock.issuer", dev.Blocks, "what ships uses an OpenID provider or parameter store on localhost", "set the address of the real one for this environment", docsOAuth},
		{"mock.redirect", dev.Blocks, "what ships redirects to localhost after the login", "set the app's own https address, and register it with the provider", docsOAuth},
		{"mock.variable", dev.Blocks, "a variable of sdev's development environment ships", "build the image from the Dockerfile, not from a running container", ""},
		{"mock.shim", dev.Blocks, "the image contains sdev's start-up shim (sitecustomize.py)", "build the image from the Dockerfile, not from a running container", ""},
		{"mock.layer", dev.Blocks, "the image contains files of sdev's development environment (/opt/sdev, .sdev)", "list .sdev in .dockerignore", docsIgnore},
		{"mock.cookie", dev.Blocks, "the secret that signs cookies can be guessed, or is written in a file of the bundle", "read it from the platform's secret store: at least 32 random characters", docsOAuth},
		{"mock.ca", dev.Blocks, "the image contains or trusts the certificate authority of a development machine", "pass it to the build as a secret: RUN --mount=type=secret,id=ca", docsBuildKeys},
	}
}

var (
	issuerName   = pattern.New(`(?i)issuer|oidc|oauth|metadata_?url|jwks|authoriz|aws_endpoint_url|token_(?:url|uri|endpoint)`)
	redirectName = pattern.New(`(?i)redirect|callback`)
	// addressSet is a setting with an address as its value, in any language of a bundle.
	addressSet = pattern.New(`(?i)([\w.-]*(?:issuer|oidc|oauth|metadata_?url|jwks|authoriz|aws_endpoint_url|redirect|callback)[\w.-]*)["']?\s*(?:[:=]|,\s*["']?value["']?\s*[:=])\s*[\["'\s]*(https?://[^\s"',\])]+)`)
	cookieSet  = pattern.New(`(?i)(?:cookie_?secret)["']?\s*(?:[:=]|,\s*["']?value["']?\s*[:=])\s*["']?([^\s"',\])}]+)`)
)

// trustVariables name a file of certificate authorities.
func trustVariables() []string {
	return []string{"SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE", "PIP_CERT", "NODE_EXTRA_CA_CERTS"}
}

// isLocal reports whether an address means the machine that requests it.
func isLocal(address string) bool {
	u, err := url.Parse(strings.Trim(address, `"' `))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return false
	}
	host := strings.ToLower(u.Hostname())
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || host == "host.docker.internal" || ip != nil && (ip.IsLoopback() || ip.IsUnspecified())
}

// mocks looks for what works only beside sdev's local provider.
func (c *checker) mocks() {
	c.mockVariables(c.image.env, func(string) place { return place{where: "environment of the image"} })
	if s, ok := c.service(); ok {
		env := map[string]string{}
		for k, v := range s.Environment {
			if v != nil {
				env[k] = *v
			}
		}
		c.mockVariables(env, c.composePlace)
	}
	c.eachBundleFile(func(name, text string) {
		for _, m := range findAll(addressSet, text) {
			if isLocal(m.groups[2]) {
				c.addLocalAddress(m.groups[1], m.groups[2], place{file: name, line: m.line})
			}
		}
		for _, m := range findAll(cookieSet, text) {
			if isLiteral(m.groups[1]) {
				c.add("mock.cookie", place{file: name, line: m.line}, "the cookie secret is written in the bundle")
			}
		}
		for _, m := range findAll(sdevPath, text) {
			c.add("mock.variable", place{file: name, line: m.line}, "%s is a path of sdev's development environment", m.groups[1])
		}
	})
}

var sdevPath = pattern.New(`(/opt/sdev/[\w./-]*|SDEV_OAUTH_ENDPOINTS)`)

// isLiteral reports whether a value is neither a reference to a secret store nor the name of a setting.
func isLiteral(value string) bool {
	return value != "" && !strings.ContainsAny(value, "${}<>%()[]") && !strings.HasPrefix(value, "arn:") && !strings.HasPrefix(value, "/") && !strings.Contains(value, "var.") && !strings.Contains(value, ".")
}

func (c *checker) addLocalAddress(name, address string, at place) {
	if u, err := url.Parse(address); err == nil {
		address = u.Scheme + "://" + u.Host // the rest may contain a secret
	}
	if occurs(redirectName, name) {
		c.add("mock.redirect", at, "%s points to %s", name, address)
	} else {
		c.add("mock.issuer", at, "%s is %s", name, address)
	}
}

// mockVariables checks an environment.
func (c *checker) mockVariables(env map[string]string, at func(name string) place) {
	for _, name := range slices.Sorted(maps.Keys(env)) {
		value := env[name]
		switch {
		case strings.HasPrefix(name, "SDEV_"):
			c.add("mock.variable", at(name), "%s is a variable of sdev's development environment", name)
		case slices.Contains(trustVariables(), name) && (strings.Contains(value, "/opt/sdev/") || strings.Contains(value, "mkcert") || strings.Contains(value, "rootCA.pem")):
			c.add("mock.ca", at(name), "%s trusts the development certificate authority %s", name, value)
		case strings.Contains(value, "/opt/sdev/"):
			c.add("mock.variable", at(name), "%s points into sdev's development environment: %s", name, value)
		case strings.HasSuffix(name, "COOKIE_SECRET") && len(value) < 32 && value != "":
			c.add("mock.cookie", at(name), "%s has only %d characters, and can be guessed", name, len(value))
		case isLocal(value) && (occurs(issuerName, name) || occurs(redirectName, name)):
			c.addLocalAddress(name, value, at(name))
		}
	}
}
