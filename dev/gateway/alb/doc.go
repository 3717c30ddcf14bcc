// Package alb is a front door: an Application Load Balancer of AWS whose listener signs people in, by authenticate-cognito
// or authenticate-oidc.
//
// The wire format follows "Authenticate users using an Application Load Balancer" and the API reference of Elastic Load
// Balancing. Where these are silent, it follows samples that the issues of verification libraries quote; the comments name
// them.
//
// The package promises:
//
//   - The app gets x-amzn-oidc-data, x-amzn-oidc-identity and x-amzn-oidc-accesstoken, and never an ID token. The claims
//     are those of the userinfo endpoint, and each request has a token of its own.
//   - The session is in the browser, in the encrypted parts of one cookie. It ends when the app expires each part, when
//     its timeout is over, or when the provider refuses to refresh it; never by the cookie's own date.
//   - A WebSocket is checked when it opens, and never again.
//
// Goroutines: none. Requests that refresh the same session wait for the one that does it.
package alb
