package dev

// Hosting is what a platform does with an app, as far as checks of what ships ask. The zero value is that of
// no platform.
type Hosting struct {
	// OwnHost says that people reach the app by a host name of its own, which Streamlit has to allow.
	OwnHost bool
	// Tunnel says that nothing but a tunnel reaches the app: a port that is published leads around it.
	Tunnel bool
}
