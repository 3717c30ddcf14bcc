// Package streamlit knows what a Streamlit server and its frontend say to each other, and how to run
// the server for development.
//
// Messages are decoded with protowire alone, by the field numbers of Streamlit's own .proto files
// (proto/streamlit/proto in its repository), which have been stable since 2021 for everything read
// here; versions 1.58 and 1.67 are in testdata, captured from real servers. Only the fields that sdev
// needs are read. Bytes that are no message give an error, never a panic.
//
// The package keeps no state. [See] talks to a server, with goroutines that have ended when it returns;
// everything else is pure.
package streamlit
