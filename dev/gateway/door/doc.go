// Package door has what the front doors share: the identity proxies of clouds that the gateway stands in for. Each of
// them is a package beside this one; [sdev/dev/gateway/alb] is the shortest to read.
//
// A front door decides about every request of the app's origin before it reaches the app. It answers the request itself,
// for example with a redirect to the sign-in page, or passes it on with headers that say who the user is ([Pass]). It
// signs people in at the local provider, like any other client of it ([Login]), so the sign-in page, the people, the
// clock and the faults are those of the provider.
//
// The package promises:
//
//   - Nothing that a browser sends can become an identity: cookies are encrypted and authenticated ([Sealer]), and the
//     gateway drops the identity headers of every request before it adds those of a Pass.
//   - With a state directory, keys outlive the gateway, so sessions do too ([Keys]).
//   - No error, event or page holds a token, a code or a cookie.
//
// Goroutines: none. Everything is safe for concurrent use.
package door
