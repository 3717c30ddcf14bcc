package dev

import (
	"slices"
	"strings"

	"sdev/dev/pattern"
)

// hiddenPassword replaces a user and password.
const hiddenPassword = "***"

// Forms of an address with credentials. In JSON, some of its characters may be escaped.
var (
	// signedAddress is the standard form. A password may contain an @: the last one before the path counts, as it
	// does for programs that open the address.
	signedAddress = pattern.New(`([A-Za-z][A-Za-z0-9+.-]*)?://([^\s"<>` + "`" + `/?#]+)@`)
	// carelessAddress has a password with an unescaped character, and so looks like a host and a path:
	// http://ada:pa/ss@proxy.
	carelessAddress = pattern.New(`([A-Za-z][A-Za-z0-9+.-]*)?://([^\s"<>` + "`" + `/?#@:[]+:[^\s"<>` + "`" + `]+)@`)
	// bareProxy has no scheme. Most programs assume http.
	bareProxy = pattern.New(`(?i)((?:https?|all|ftp|socks)_proxy["']?\s*[=:]\s*["']?)([^\s"'<>/@:]+:[^\s"<>/]+)@`)
	// port matches what may follow a host and a colon.
	port = pattern.New(`^(?:[0-9]*|\$\{.*)(?:[/?#]|$)`)
)

// WithoutPasswords hides the credentials in the addresses of a text: the user and password of a proxy or a
// database, the token of a package index or a repository. It keeps a name without a password unless that is a token
// (ssh://git@example.com stays), and variables that Compose fills in: ${NAME}.
func WithoutPasswords(text string) string {
	return ReplacePasswords(text, func(string) string { return hiddenPassword })
}

// HasPassword reports whether an address in a text contains credentials, as [WithoutPasswords] finds them.
func HasPassword(text string) bool { return WithoutPasswords(text) != text }

// ReplacePasswords replaces each part of a text that [WithoutPasswords] hides with the result of with.
func ReplacePasswords(text string, with func(who string) string) string {
	if !strings.Contains(text, "@") {
		return text // most texts end here
	}
	replace := func(form *pattern.Pattern, between string, fits func(before, who string) bool) {
		text = form.ReplaceAllStringFunc(text, func(found string) string {
			m := form.FindStringSubmatch(found)
			if !fits(m[1], m[2]) {
				return found
			}
			return m[1] + between + with(m[2]) + "@"
		})
	}
	if strings.Contains(text, "://") {
		replace(signedAddress, "://", isSecretUser)
		replace(carelessAddress, "://", func(scheme, who string) bool {
			_, password, _ := strings.Cut(who, ":")
			return !port.MatchString(password) && isSecretUser(scheme, who)
		})
	}
	if strings.Contains(strings.ToLower(text), "_proxy") {
		replace(bareProxy, "", isSecretUser)
	}
	return text
}

// isSecretUser reports whether the part before the @ of an address is secret.
func isSecretUser(scheme, who string) bool {
	scheme = strings.ToLower(scheme)
	if slices.Contains([]string{"docker-image", "docker", "oci-layout"}, scheme) {
		return false // a digest follows the @
	}
	_, password, both := strings.Cut(who, ":")
	if !both {
		// A name without a password, sent by HTTP, is a token.
		return (strings.HasSuffix(scheme, "http") || strings.HasSuffix(scheme, "https")) && who != hiddenPassword && !strings.HasPrefix(who, "${")
	}
	return password != "" && !strings.HasPrefix(password, "${") && password != hiddenPassword
}
