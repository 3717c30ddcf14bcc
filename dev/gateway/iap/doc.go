// Package iap is a front door: Identity-Aware Proxy of Google behind a load balancer, with IAM, Identity Platform and Cloud
// Armor.
//
// The wire format follows the documentation of Identity-Aware Proxy: "Securing your app with signed headers", "Managing
// IAP sessions", "Using query parameters and headers" and "Using external identities". Where these are silent, it follows
// captures of real responses; the comments say so.
//
// A request passes these, in this order:
//
//	Cloud Armor         the address that it comes from; refuses with a bare status
//	the session cookie  or else the sign-in, or 401 for a script
//	?gcp-iap-mode=…     what the proxy itself answers
//	IAM                 bindings with conditions on the path; refuses with a page
//
// The package promises:
//
//   - The app gets x-goog-iap-jwt-assertion, signed for this one request, and the two plain headers with their prefix.
//   - IAM is asked again for every request, with the current data of the person; [Explain] gives the same answer.
//   - The session of a colleague lasts as long as the sign-in at the local provider, and ends within two minutes after its
//     end. The session of a guest lasts an hour.
//   - A WebSocket is checked when it opens, and never again.
//   - No event and no page holds a password. A guest's password is compared, and not stored in any session.
//
// Goroutines: none. Requests that refresh the same session wait for the one that does it.
package iap
