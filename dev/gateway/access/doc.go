// Package access is a front door: Cloudflare Access in front of a tunnel.
//
// The wire format follows Cloudflare's documentation of application tokens, authorization cookies, session management,
// service tokens and policies. What it does not describe (the content of "meta", some answers of get-identity) follows
// samples in reports of users.
//
// Access has two hosts. The edge is the app's own host: it checks every request, and sends browsers that have no token of
// the application to the team's host. That one signs people in, once for all applications. Here it is part of the local
// provider's origin, because no browser can resolve the real name; inside the app's network namespace it also answers
// under that name, where verifiers fetch the keys.
//
//	browser → edge: no token → team: /login → provider → team: /callback → edge: /authorized → the page
//
// The package promises:
//
//   - The app gets a token of the application that covers the path, as a header and as a cookie, and nothing else that
//     says who somebody is but the e-mail address. With a bypass it gets neither.
//   - Rights are checked with each request, by the current data of the person. The real Access checks addresses and
//     groups only at sign-in, so here a change takes effect sooner.
//   - A token ends when it expires, when somebody signs out, or when its key is no longer published. Signing out ends the
//     tokens of all applications at once; the real one takes up to half a minute.
//   - A WebSocket is checked when it opens, and never again.
//   - A path reaches the app as it came: the tunnel takes nothing away.
//
// Goroutines: none. Everything is safe for concurrent use.
package access
