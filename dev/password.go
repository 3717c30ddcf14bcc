package dev

import (
	"regexp"
	"strings"
)

// hiddenPassword is what is shown in place of who an address signs in as.
const hiddenPassword = "***"

// signedAddress is an address that says who it signs in as, in a text: scheme, that, and the @ behind
// it. A password may hold an @ of its own; the last one before the path counts, as for whoever opens
// the address. In JSON a character of it may be escaped.
var signedAddress = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*)?://([^\s"'<>` + "`" + `/?#]+)@`)

// WithoutPasswords takes out of a text who its addresses sign in as: a proxy's user and password, the
// token of a package index, of a repository, of a database. A name without a password stays where it
// is no token, as in ssh://git@example.com, and so does what Compose is to fill in: ${NAME}.
func WithoutPasswords(text string) string {
	if !strings.Contains(text, "://") {
		return text
	}
	return ReplacePasswords(text, func(string) string { return hiddenPassword })
}

// HasPassword says whether an address in a text says who it signs in as.
func HasPassword(text string) bool { return WithoutPasswords(text) != text }

// ReplacePasswords puts what with gives in place of each part of a text that WithoutPasswords hides.
func ReplacePasswords(text string, with func(who string) string) string {
	return signedAddress.ReplaceAllStringFunc(text, func(found string) string {
		scheme, who, _ := strings.Cut(strings.TrimSuffix(found, "@"), "://")
		if !signsIn(scheme, who) {
			return found
		}
		return scheme + "://" + with(who) + "@"
	})
}

func signsIn(scheme, who string) bool {
	_, password, both := strings.Cut(who, ":")
	if scheme = strings.ToLower(scheme); !both {
		// Where a name alone is enough, it is a token.
		return (strings.HasSuffix(scheme, "http") || strings.HasSuffix(scheme, "https")) && who != hiddenPassword && !strings.HasPrefix(who, "${")
	}
	return password != "" && !strings.HasPrefix(password, "${") && password != hiddenPassword
}
