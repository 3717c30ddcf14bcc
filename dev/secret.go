package dev

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Two parts of sdev look at a variable and ask whether it holds a secret, and for each another mistake is the bad
// one. That is why there are two answers, [HoldsSecret] and [MayHoldSecret], on one list of words.

// secretWords are what a variable that holds a secret is called. A key of any kind is none of them: images of
// Python have a GPG_KEY, and an S3_KEY is a path.
const secretWords = `PASS|PASSWORD|PASSWD|PASSPHRASE|PWD|SECRET|TOKEN|CREDENTIALS?|(?:API|ACCESS|SECRET|PRIVATE|SIGNING|ENCRYPTION)_?KEY`

// The expressions are compiled by the first who asks: most commands never do.
var (
	// secretEnd is a name that ends in such a word. Where another word follows, as in SECRET_ARN and TOKEN_URL,
	// the variable tells where the secret is.
	secretEnd = compiled(`(?i)(?:^|_)(?:` + secretWords + `)$`)
	// secretPart is a name that speaks of a secret, or whose value is often one.
	secretPart = compiled(`(?i)SECRET|TOKEN|PASSW|CREDENTIAL|PRIVATE|API_?KEY|ACCESS_?KEY|_KEY$|_DSN$`)
	// writtenPassword is an address with a password in it, and secretText a value that issuers begin so.
	writtenPassword = compiled(`\b[a-z][a-z0-9+]*://[^/\s:@]+:[^/\s:@]{3,}@[\w.-]+`)
	secretText      = compiled(`-----BEGIN|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bgh[pousr]_[A-Za-z0-9]{20,}`)
)

func compiled(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}

// WritesPassword says that an address in a text has a password that somebody wrote there. It is surer than
// [HasPassword], which also takes a name alone for a token.
func WritesPassword(text string) bool { return writtenPassword().MatchString(text) }

// HoldsSecret says that somebody has written a secret into a variable. It is sure, because its answer blocks a
// hand-off: a value that refers to something else (${NAME}, <password>), a path, an ARN and a switch are none.
func HoldsSecret(name, value string) bool {
	switch {
	case value == "" || strings.ContainsAny(value, "$<>{}") || isReference(value):
		return false
	case name == "PWD" || name == "OLDPWD":
		return false
	case WritesPassword(value):
		return true
	}
	return secretEnd().MatchString(name) && !isSwitch(value)
}

// MayHoldSecret says that a variable may hold a secret. It is cautious, because its answer keeps a value out of
// files that are committed, and whoever wants it there can see and undo that. Whatever [HoldsSecret] is true for,
// this is too.
func MayHoldSecret(name, value string) bool {
	switch {
	case HoldsSecret(name, value), HasPassword(value), secretText().MatchString(value):
		return true
	case isReference(value), isSwitch(value), isPage(value):
		return false
	case secretEnd().MatchString(name):
		return true
	}
	_, err := strconv.ParseFloat(value, 64)
	return secretPart().MatchString(name) && err != nil // MAX_TOKENS is a number
}

// isReference tells the path of a file and the name of a resource of AWS.
func isReference(value string) bool {
	return strings.HasPrefix(value, "/") || strings.HasPrefix(value, "arn:")
}

func isSwitch(value string) bool {
	return slices.Contains([]string{"true", "false", "0", "1", "yes", "no", "none"}, strings.ToLower(value))
}

// isPage tells the address of a page. What stands behind a ? or # may be a token.
func isPage(value string) bool {
	return (strings.HasPrefix(value, "http://") || strings.HasPrefix(value, "https://")) && !strings.ContainsAny(value, "?#")
}
