// Package streamlit parses the messages between a Streamlit server and its frontend, and knows how to run the
// server for development.
//
// Messages are decoded with protowire alone, by the field numbers of Streamlit's own .proto files
// (proto/streamlit/proto in its repository), which have been stable since 2021 for everything read
// here; testdata has messages of versions 1.58 and 1.67, captured from real servers. Only the fields that sdev
// needs are read. Invalid bytes cause an error, never a panic.
//
// The package keeps no state. [LoadPage] talks to a server, with goroutines that have ended when it returns;
// everything else is pure.
package streamlit
