// Package mcp serves the Model Context Protocol: it lets an agent that edits a project ask whether its save is live, with which
// exception the app failed, what was logged, and how long pages take. "sdev mcp" is its command.
//
// [Serve] speaks with one client over two streams, which belong to the protocol alone. Each tool calls one function of a
// [Project], which the commands implement; this package words the answers and keeps them small. It promises:
//
//   - A tool's failure is an answer to that call, with sdev's code, message and hint. It never ends the server, and neither does
//     a line that is no message, or one that is too long.
//   - An answer is at most [MaxAnswer] long, and says what it leaves out. It holds none of the secrets that [Project] knows, and
//     nothing that looks like one.
//   - Calls run at the same time, and the client can cancel each of them. What changes something exists only if the user
//     allowed it by name.
//
// Goroutines: the SDK runs one per call, which ends with its context: when the client cancels the call, when ctx ends, and a
// moment after the client has left. Serve waits for them. One more reads lines. Serve cannot wait for that one, because
// nothing interrupts a read of a pipe; it ends with the next line, with the stream, or with the program.
package mcp
