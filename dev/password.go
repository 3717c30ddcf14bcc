package dev

import (
	"regexp"
	"slices"
	"strings"
)

// hiddenPassword is what is shown in place of who an address signs in as.
const hiddenPassword = "***"

// How an address says who it signs in as. In JSON a character of it may be escaped.
var (
	// signedAddress has it as the standard wants it. A password may hold an @ of its own: the last one
	// before the path counts, as for whoever opens the address.
	signedAddress = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*)?://([^\s"<>` + "`" + `/?#]+)@`)
	// carelessAddress has a password with a character that ought to be escaped, and so looks like a host
	// and a path: http://ada:pa/ss@proxy.
	carelessAddress = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*)?://([^\s"<>` + "`" + `/?#@:[]+:[^\s"<>` + "`" + `]+)@`)
	// bareProxy has no scheme, which most programs take for http.
	bareProxy = regexp.MustCompile(`(?i)((?:https?|all|ftp|socks)_proxy["']?\s*[=:]\s*["']?)([^\s"'<>/@:]+:[^\s"<>/]+)@`)
	// port is what may stand behind a host and a colon.
	port = regexp.MustCompile(`^(?:[0-9]*|\$\{.*)(?:[/?#]|$)`)
)

// WithoutPasswords takes out of a text who its addresses sign in as: a proxy's user and password, the
// token of a package index, of a repository, of a database. A name without a password stays where it
// is no token, as in ssh://git@example.com, and so does what Compose is to fill in: ${NAME}.
func WithoutPasswords(text string) string {
	return ReplacePasswords(text, func(string) string { return hiddenPassword })
}

// HasPassword says whether an address in a text says who it signs in as.
func HasPassword(text string) bool { return WithoutPasswords(text) != text }

// ReplacePasswords puts what with gives in place of each part of a text that WithoutPasswords hides.
func ReplacePasswords(text string, with func(who string) string) string {
	if !strings.Contains(text, "@") {
		return text // as most are
	}
	replace := func(form *regexp.Regexp, between string, fits func(before, who string) bool) {
		text = form.ReplaceAllStringFunc(text, func(found string) string {
			m := form.FindStringSubmatch(found)
			if !fits(m[1], m[2]) {
				return found
			}
			return m[1] + between + with(m[2]) + "@"
		})
	}
	if strings.Contains(text, "://") {
		replace(signedAddress, "://", signsIn)
		replace(carelessAddress, "://", func(scheme, who string) bool {
			_, password, _ := strings.Cut(who, ":")
			return !port.MatchString(password) && signsIn(scheme, who)
		})
	}
	if strings.Contains(strings.ToLower(text), "_proxy") {
		replace(bareProxy, "", signsIn)
	}
	return text
}

// signsIn says whether what stands before the @ of an address is worth hiding.
func signsIn(scheme, who string) bool {
	scheme = strings.ToLower(scheme)
	if slices.Contains([]string{"docker-image", "docker", "oci-layout"}, scheme) {
		return false // behind the @ is a digest
	}
	_, password, both := strings.Cut(who, ":")
	if !both {
		// Where a name alone is enough, it is a token.
		return (strings.HasSuffix(scheme, "http") || strings.HasSuffix(scheme, "https")) && who != hiddenPassword && !strings.HasPrefix(who, "${")
	}
	return password != "" && !strings.HasPrefix(password, "${") && password != hiddenPassword
}
