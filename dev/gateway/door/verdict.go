package door

import "sdev/dev"

// Visitor is somebody who has signed in at the local provider.
type Visitor struct {
	Person dev.Person
	// Claims are the claims that the provider returns about the person, at its userinfo endpoint or in an ID token.
	Claims map[string]any
}

// Verdict is what a front door does with a request, and why.
type Verdict struct {
	dev.Verdict

	// Headers are the identity headers that the app gets, by name: text, or in place of a token its claims.
	Headers map[string]any
}
