package preflight

import (
	"path"
	"slices"
	"strings"

	"sdev/dev"
)

func codeRules() []Rule {
	const component = "https://docs.streamlit.io/develop/concepts/custom-components"
	return []Rule{
		{"code.unverified", dev.Blocks, "an ID token is read without a look at its signature", "verify it with a library (PyJWT with the provider's keys, google-auth), or use st.login", docsOAuth},
		{"code.header", dev.Blocks, "a header of the platform that says who somebody is is read, and its signature is not verified", "verify the signed header, and who signed it: " + strings.Join(signedHeaders(), ", "), "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-authenticate-users.html"},
		{"code.component-local", dev.Blocks, "a component is loaded from localhost, where it is only while it is made", "build it, and declare it with path=", component},
		{"code.component", dev.Warns, "a component, frame or script comes from another origin: it runs in the app's own, and sees what the user sees", "keep a copy in the project, with a fixed version; never serve administration from the app's origin", component},
		// What is known of projects of this kind; its ids are those of the findings of "sdev init".
		{"oauth.last-redirect", dev.Warns, "the last of the registered redirect addresses is taken, whichever it is", "choose the address by name, from the environment", docsOAuth},
		{"start.installs", dev.Warns, "the start script installs packages: slow, in need of the network, and impossible with a read-only root", "install them in the Dockerfile", docsDockerfile + "#run"},
		{"start.no-exec", dev.Warns, "a shell stays in front of Streamlit and does not hand on the signal to stop", "write: exec streamlit run …", docsDockerfile + "#entrypoint"},
		{"pythonpath.empty-entry", dev.Warns, "PYTHONPATH has an empty entry: imports depend on the directory that Python is started in", "name the directory that holds the package, for example /app", "https://docs.python.org/3/using/cmdline.html#envvar-PYTHONPATH"},
		{"import.shadow", dev.Warns, "a file or directory of the project hides the real Streamlit from Python", "rename it", "https://docs.python.org/3/reference/import.html"},
		{"docker.latest", dev.Warns, "the image is made from a base that is another one tomorrow", "name a version", docsDockerfile + "#from"},
	}
}

var (
	identityHeader = lazyPattern(`(?i)(?:\(|\[|=|,|:|in|return)\s*["'](` + strings.Join(identityHeaders(), "|") + `)["']`)
	// verifies is what a program that verifies tokens calls.
	verifies = lazyPattern(`jwt\.decode\(|jwt\.decode_complete\(|\bjwt_decode\(|verify_oauth2_token|id_token\.verify|verify_token\(|JsonWebToken|PyJWKClient|aws_jwt_verify|jwcrypto|cognitojwt|jose\b`)
	// unsigned is how the same libraries are told not to.
	unsigned = lazyPattern(`["']?verify_signature["']?\s*[:=]\s*False|verify\s*=\s*False`)
	// parted is a token that is taken apart by hand.
	splitByHand   = lazyPattern(`(?i)(?:token|jwt|assertion|oidc\w*)\w*(?:\[[^\]]*\])?\.(?:split|partition)\(\s*["']\.["']`)
	decodesBase64 = lazyPattern(`b64decode\(|urlsafe_b64decode\(|base64url`)

	remoteComponent = lazyPattern(`(?:declare_component\([^)]*?url\s*=|(?:components(?:\.v1)?|st)\.iframe\(\s*(?:src\s*=\s*)?)\s*f?["'](https?://[^"'\s]+)`)
	remoteScript    = lazyPattern(`(?i)<script[^>]+src\s*=\s*\\?["'](https?:)?//[^"'\s]+`)
	remoteOrigins   = lazyPattern(`(?:https?:)?//([\w.-]+(?::\d+)?)`)
)

// identityHeaders are those that say who somebody is; only one of each front door's is signed.
func identityHeaders() []string {
	var all []string
	for _, door := range dev.FrontDoors() {
		all = append(all, door.Headers...)
	}
	return all
}

func signedHeaders() []string {
	var all []string
	for _, door := range dev.FrontDoors() {
		all = append(all, door.Signed)
	}
	return all
}

// code looks at the scripts of the app.
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
		if verifies.in(text) && !unsigned.in(text) {
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
			for _, m := range identityHeader.matches(text) {
				c.add("code.header", place{file: name, line: m.line}, "%s is believed without being verified", m.groups[1])
			}
		}
		c.checkComponents(name, text)
	}
}

// scripts are those that the app consists of.
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

// unverified is how bad it is that a script reads a token without verifying it: one that verifies it
// elsewhere may only look for the key to do that with.
func (c *checker) unverifiedSeverity(name string) dev.Severity {
	if text := c.files[name]; len(verifies.matches(text)) > len(unsigned.matches(text)) {
		return dev.Warns
	}
	return dev.Blocks
}

func (c *checker) checkTokens(name, text string) {
	if strings.Contains(text, "jwt") || strings.Contains(text, "token") {
		for _, m := range unsigned.matches(text) {
			if strings.Contains(m.groups[0], "verify_signature") {
				c.addAs("code.unverified", c.unverifiedSeverity(name), place{file: name, line: m.line}, "", "the token's signature is not checked")
			}
		}
	}
	if !verifies.in(text) && decodesBase64.in(text) {
		for _, m := range splitByHand.matches(text) {
			c.add("code.unverified", place{file: name, line: m.line}, "the token is taken apart by hand: its signature, issuer and audience are not checked")
		}
	}
}

func (c *checker) checkComponents(name, text string) {
	for _, m := range remoteComponent.matches(text) {
		at := place{file: name, line: m.line}
		if isLocal(m.groups[1]) {
			c.add("code.component-local", at, "a component is loaded from %s", m.groups[1])
			continue
		}
		c.add("code.component", at, "what is shown comes from %s", origin(m.groups[1]))
	}
	if strings.Contains(text, "components") || strings.Contains(text, "st.html") {
		for _, m := range remoteScript.matches(text) {
			c.add("code.component", place{file: name, line: m.line}, "a script comes from %s", origin(m.groups[0]))
		}
	}
}

func origin(text string) string {
	if m := remoteOrigins.matches(text); len(m) > 0 {
		return m[0].groups[1]
	}
	return "another origin"
}
