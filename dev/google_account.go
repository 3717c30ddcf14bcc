package dev

import (
	"crypto/sha256"
	"math/big"
	"strings"
)

// GoogleSubject is the id of a Google account on this machine: 21 digits, as Google has them, the same for the same
// address whatever its case.
func GoogleSubject(email string) string {
	return "1" + digits(email, 20)
}

// digits are n decimal digits that follow from a text, whatever its case.
func digits(text string, n int) string {
	sum := sha256.Sum256([]byte(strings.ToLower(text)))
	number := new(big.Int).Mod(new(big.Int).SetBytes(sum[:]), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil))
	d := number.String()
	return strings.Repeat("0", n-len(d)) + d
}

// HostedDomain is the domain of a Google Workspace account, the claim hd; "" for an account without one. On this machine,
// every address that is not Gmail's belongs to a Workspace account. Source: Google, "OpenID Connect", claims of an ID
// token.
func HostedDomain(email string) string {
	domain := strings.ToLower(email[strings.LastIndexByte(email, '@')+1:])
	if domain == "gmail.com" || domain == "googlemail.com" {
		return ""
	}
	return domain
}
