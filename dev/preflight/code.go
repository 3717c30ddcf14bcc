package preflight

import (
	"path"
	"slices"
	"strings"

	"sdev/dev"
	"sdev/dev/pattern"
)

func codeRules() []Rule {
	const component = "https://docs.streamlit.io/develop/concepts/custom-components"
	return []Rule{
		{"code.unverified", dev.Blocks, "the code reads an ID token without verifying its signature", "verify it with a library (PyJWT with the provider's keys, google-auth), or use st.login", docsOAuth},
		{"code.header", dev.Blocks, "the code trusts a header of the platform that identifies the user, and does not verify its signature", "verify the signed header and its issuer: " + strings.Join(signedHeaders(), ", "), "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-authenticate-users.html"},
		{"code.component-local", dev.Blocks, "the code loads a component from localhost, where it runs only during development", "build the component, and declare it with path=", component},
		{"code.component", dev.Warns, "the code loads a component, frame or script from another origin; it runs in the app's page and sees what the user sees", "keep a copy of a fixed version in the project; never serve administration pages from the app's origin", component},
		// Known problems of such projects. "sdev init" reports them under the same ids.
		{"oauth.last-redirect", dev.Warns, "the code takes the last registered redirect address, whichever it is", "choose the address by name, from the environment", docsOAuth},
		{"start.installs", dev.Warns, "the start script installs packages, which is slow, needs the network, and fails with a read-only root", "install them in the Dockerfile", docsDockerfile + "#run"},
		{"start.no-exec", dev.Warns, "a shell starts Streamlit without exec, so Streamlit never receives the signal to stop", "write: exec streamlit run …", docsDockerfile + "#entrypoint"},
		{"pythonpath.empty-entry", dev.Warns, "PYTHONPATH has an empty entry, so imports depend on the directory in which Python starts", "name the directory that holds the package, for example /app", "https://docs.python.org/3/using/cmdline.html#envvar-PYTHONPATH"},
		{"import.shadow", dev.Warns, "a file or directory of the project hides the real streamlit package", "rename it", "https://docs.python.org/3/reference/import.html"},
		{"docker.latest", dev.Warns, "the base image has the tag latest, so it changes from one build to the next", "name a version", docsDockerfile + "#from"},
	}
}

var (
	identityHeader = pattern.New(`(?i)(?:\(|\[|=|,|:|in|return)\s*["'](` + strings.Join(identityHeaders(), "|") + `)["']`)
	// verifies is a call that verifies a token.
	verifies = pattern.New(`jwt\.decode\(|jwt\.decode_complete\(|\bjwt_decode\(|verify_oauth2_token|id_token\.verify|verify_token\(|JsonWebToken|PyJWKClient|aws_jwt_verify|jwcrypto|cognitojwt|jose\b`)
	// unsigned turns verification off in the same libraries.
	unsigned = pattern.New(`["']?verify_signature["']?\s*[:=]\s*False|verify\s*=\s*False`)
	// splitByHand is code that splits a token itself.
	splitByHand   = pattern.New(`(?i)(?:token|jwt|assertion|oidc\w*)\w*(?:\[[^\]]*\])?\.(?:split|partition)\(\s*["']\.["']`)
	decodesBase64 = pattern.New(`b64decode\(|urlsafe_b64decode\(|base64url`)

	remoteComponent = pattern.New(`(?:declare_component\([^)]*?url\s*=|(?:components(?:\.v1)?|st)\.iframe\(\s*(?:src\s*=\s*)?)\s*f?["'](https?://[^"'\s]+)`)
	remoteScript    = pattern.New(`(?i)<script[^>]+src\s*=\s*\\?["'](https?:)?//[^"'\s]+`)
	remoteOrigins   = pattern.New(`(?:https?:)?//([\w.-]+(?::\d+)?)`)
)

// identityHeaders are the headers of identity proxies that identify the user. Each identity proxy signs only one of them.
func identityHeaders() []string {
	var all []string
	for _, proxy := range dev.IdentityProxies() {
		all = append(all, proxy.Headers...)
	}
	return all
}

func signedHeaders() []string {
	var all []string
	for _, proxy := range dev.IdentityProxies() {
		all = append(all, proxy.Signed)
	}
	return all
}

// code checks the app's scripts.
func (c *checker) code() {
	for _, d := range c.App.Defects {
		if _, ok := c.rules[d.ID]; ok {
			severity := c.rules[d.ID].Severity
			if d.ID == "code.unverified" {
				severity = c.unverifiedSeverity(d.File)
			}
			c.addAs(d.ID, severity, place{file: d.File, line: d.Line}, d.Fix, "%s", d.What)
		}
	}
	verified := false
	scripts := c.scripts()
	for _, name := range scripts {
		text := c.files[name]
		if occurs(verifies, text) && !occurs(unsigned, text) {
			verified = true
		}
	}
	for _, name := range scripts {
		text := c.files[name]
		reported := slices.ContainsFunc(c.App.Defects, func(d Defect) bool { return d.ID == "code.unverified" && d.File == name })
		if !reported {
			c.checkTokens(name, text)
		}
		if !verified {
			for _, m := range findAll(identityHeader, text) {
				c.add("code.header", place{file: name, line: m.line}, "%s is trusted without verification", m.groups[1])
			}
		}
		c.checkComponents(name, text)
	}
}

// scripts returns the scripts that the app consists of.
func (c *checker) scripts() []string {
	var out []string
	for _, name := range c.names() {
		switch {
		case path.Ext(name) != ".py":
		case c.App.Modules == nil && !isTest(name), slices.Contains(c.App.Modules, name):
			out = append(out, name)
		}
	}
	return out
}

// unverifiedSeverity is the severity of reading a token in a script without verifying it. A script that also verifies
// tokens may read it only to choose the key.
func (c *checker) unverifiedSeverity(name string) dev.Severity {
	if text := c.files[name]; len(findAll(verifies, text)) > len(findAll(unsigned, text)) {
		return dev.Warns
	}
	return dev.Blocks
}

func (c *checker) checkTokens(name, text string) {
	if strings.Contains(text, "jwt") || strings.Contains(text, "token") {
		for _, m := range findAll(unsigned, text) {
			if strings.Contains(m.groups[0], "verify_signature") {
				c.addAs("code.unverified", c.unverifiedSeverity(name), place{file: name, line: m.line}, "", "the token's signature is not verified")
			}
		}
	}
	if !occurs(verifies, text) && occurs(decodesBase64, text) {
		for _, m := range findAll(splitByHand, text) {
			c.add("code.unverified", place{file: name, line: m.line}, "the code splits the token itself: its signature, issuer and audience are not verified")
		}
	}
}

var (
	guard      = pattern.New(`^if not (\w+):`)
	assignment = pattern.New(`^(\w+)\s*=\s*(\w+)`)
)

// isSwitchedOff reports whether a line of a script is below "if not NAME:", and NAME is True: Streamlit's template of a
// component chooses so between the component's development server and its files.
func isSwitchedOff(text string, line int) bool {
	above := strings.Split(text, "\n")[:line]
	for i, row := range slices.Backward(above) {
		if row == "" || strings.Trim(row[:1], " \t)") == "" {
			continue
		}
		is := guard.FindStringSubmatch(row)
		if is == nil {
			return false
		}
		for _, row := range slices.Backward(above[:i]) {
			if m := assignment.FindStringSubmatch(row); m != nil && m[1] == is[1] {
				return m[2] == "True"
			}
		}
		return false
	}
	return false
}

func (c *checker) checkComponents(name, text string) {
	for _, m := range findAll(remoteComponent, text) {
		at := place{file: name, line: m.line}
		if isSwitchedOff(text, m.line) {
			continue
		}
		if isLocal(m.groups[1]) {
			c.add("code.component-local", at, "the code loads a component from %s", m.groups[1])
			continue
		}
		c.add("code.component", at, "the content comes from %s", origin(m.groups[1]))
	}
	if strings.Contains(text, "components") || strings.Contains(text, "st.html") {
		for _, m := range findAll(remoteScript, text) {
			c.add("code.component", place{file: name, line: m.line}, "a script comes from %s", origin(m.groups[0]))
		}
	}
}

func origin(text string) string {
	if m := findAll(remoteOrigins, text); len(m) > 0 {
		return m[0].groups[1]
	}
	return "another origin"
}
