package dev

import (
	"slices"
	"strconv"
	"strings"

	"sdev/dev/pattern"
)

// Two parts of sdev ask whether a variable holds a secret. A false alarm is the worse mistake for one, a missed
// secret for the other. So there are two answers, [HoldsSecret] and [MayHoldSecret], from one list of words.

// secretWords are the words in names of secret variables. They exclude KEY alone: Python images have a GPG_KEY, and
// an S3_KEY is a path.
const secretWords = `PASS|PASSWORD|PASSWD|PASSPHRASE|PWD|SECRET|TOKEN|CREDENTIALS?|(?:API|ACCESS|SECRET|PRIVATE|SIGNING|ENCRYPTION)_?KEY`

var (
	// secretEnd matches a name that ends in such a word. If another word follows, as in SECRET_ARN and TOKEN_URL,
	// the variable names the place of a secret.
	secretEnd = pattern.New(`(?i)(?:^|_)(?:` + secretWords + `)$`)
	// secretPart matches a name that mentions a secret, or whose value often is one.
	secretPart = pattern.New(`(?i)SECRET|TOKEN|PASSW|CREDENTIAL|PRIVATE|API_?KEY|ACCESS_?KEY|_KEY$|_DSN$`)
	// writtenPassword matches an address with a password; secretText matches prefixes that issuers give their
	// secrets.
	writtenPassword = pattern.New(`\b[a-z][a-z0-9+]*://[^/\s:@]+:[^/\s:@]{3,}@[\w.-]+`)
	secretText      = pattern.New(`-----BEGIN|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bgh[pousr]_[A-Za-z0-9]{20,}`)
	// shownSecret matches secrets in any text: those of secretText whole, the end of a key whose beginning is missing, tokens
	// of three parts (JWT), and what follows Bearer.
	shownSecret = pattern.New(`(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)|(?:[A-Za-z0-9+/=]{32,}\s+(?:\S{1,20}\s+){0,3}?)+-----END [A-Z ]*PRIVATE KEY-----|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bgh[pousr]_[A-Za-z0-9]{20,}` +
		`|\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*|\b[Bb]earer [\w.~+/-]{8,}=*`)
	// quotedValue is a literal that is given to a name in code or data, and plainValue one without quotes, as in an environment
	// or a query. Without quotes, it could also be an expression.
	quotedValue = pattern.New(`([A-Za-z][\w-]*)(["']?\]?\s*[:=]\s*["'])([^"'\n]{4,})(["'])`)
	plainValue  = pattern.New(`\b([A-Za-z]\w*)(=)([^\s"'(),;&]{6,})()`)
)

// HideSecrets hides secrets in a text that leaves this machine, such as lines of a log or of code: the known ones, what looks
// like one, literals under the name of one, and passwords in addresses. A known value of a few letters is kept, because it
// could be any word.
func HideSecrets(text string, known []string) string {
	for _, secret := range known {
		if len(secret) >= shortestSecret {
			text = strings.ReplaceAll(text, secret, hiddenPassword)
		}
	}
	text = shownSecret.ReplaceAllString(WithoutPasswords(text), hiddenPassword)
	hide := func(form *pattern.Pattern, fits func(name, value string) bool) {
		text = form.ReplaceAllStringFunc(text, func(found string) string {
			m := form.FindStringSubmatch(found)
			if !fits(strings.ReplaceAll(m[1], "-", "_"), m[3]) {
				return found
			}
			return m[1] + m[2] + hiddenPassword + m[4]
		})
	}
	hide(quotedValue, HoldsSecret)
	hide(plainValue, func(name, value string) bool {
		return HoldsSecret(name, value) && strings.ContainsAny(value, "0123456789")
	})
	return text
}

// shortestSecret is the length from which a known secret is no accident in a text.
const shortestSecret = 8

// WritesPassword reports whether an address in a text contains a literal password. It is stricter than
// [HasPassword], which also takes a name alone for a token.
func WritesPassword(text string) bool { return writtenPassword.MatchString(text) }

// HoldsSecret reports whether a variable contains a literal secret. It avoids false alarms, because its answer
// blocks a hand-off: references (${NAME}, <password>), paths, ARNs and switches are not secrets.
func HoldsSecret(name, value string) bool {
	switch {
	case value == "" || strings.ContainsAny(value, "$<>{}") || isReference(value):
		return false
	case name == "PWD" || name == "OLDPWD":
		return false
	case WritesPassword(value):
		return true
	}
	return secretEnd.MatchString(name) && !isSwitch(value)
}

// MayHoldSecret reports whether a variable may hold a secret. It avoids missed secrets, because its answer keeps a
// value out of committed files, and users see that and can undo it. It is true whenever [HoldsSecret] is.
func MayHoldSecret(name, value string) bool {
	switch {
	case HoldsSecret(name, value), HasPassword(value), secretText.MatchString(value):
		return true
	case isReference(value), isSwitch(value), isPage(value):
		return false
	case secretEnd.MatchString(name):
		return true
	}
	_, err := strconv.ParseFloat(value, 64)
	return secretPart.MatchString(name) && err != nil // MAX_TOKENS is a number
}

// isReference reports whether a value is the path of a file or the ARN of an AWS resource.
func isReference(value string) bool {
	return strings.HasPrefix(value, "/") || strings.HasPrefix(value, "arn:")
}

func isSwitch(value string) bool {
	return slices.Contains([]string{"true", "false", "0", "1", "yes", "no", "none"}, strings.ToLower(value))
}

// isPage reports whether a value is the address of a web page. One with a query or fragment may contain a token.
func isPage(value string) bool {
	return (strings.HasPrefix(value, "http://") || strings.HasPrefix(value, "https://")) && !strings.ContainsAny(value, "?#")
}
