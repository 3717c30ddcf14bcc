package dev

// Hosting describes how a platform serves an app, as far as the checks before a hand-off need it. The zero value
// means no platform.
type Hosting struct {
	// OwnHost means that people reach the app under the app's own host name, which Streamlit's settings must allow.
	OwnHost bool
	// Tunnel means that only a tunnel reaches the app, so that a published port would bypass it.
	Tunnel bool
}
