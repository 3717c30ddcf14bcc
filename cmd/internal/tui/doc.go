// Package tui is the dashboard: one screen that shows what runs, whether a save is live and what failed,
// and that lets the user control it.
//
// It shows [dev.Event] and [dev.Snapshot], the same stream that the plain and the JSON view print, and gets
// everything else from a [Host]: it knows no container, no file and no gateway.
//
//	stream ──relay──▶ model.Update ──▶ View
//	                    │      ▲
//	                    └─ Cmd ┘ Host.Do, Host.Facts, …
//
// The root is the only tea.Model. It applies messages to the state, and its router gives each key to the open
// overlay or else, by the table of keys, to the root or the visible pane:
//
//	model ── router ──▶ overlay     answers with a command, a request or a text
//	            └─────▶ panes[i]    overview, logs, build, auth, deploy, pages
//	                        │
//	                     common     state, host calls, notice, overlay
//
// A pane knows neither the root nor another pane, and an overlay knows neither. To add a pane, write one type with the
// five methods of pane, add it to newPanes, and add its command and its keys in keys.go.
//
// The package promises:
//
//   - Update does no I/O and never blocks. Slow work is a command, which answers with a message.
//   - Events reach the model in batches, about thirty a second at most, and nothing is drawn unless
//     something has changed.
//   - Memory is bounded: the log keeps the newest lines, and the screen shows how many older ones were
//     dropped.
//   - No foreign text reaches the terminal unfiltered: control sequences are removed on arrival.
//   - When [Run] returns, also after a panic, the terminal is as it was before.
//
// Goroutines: [Run] blocks until all that it started have ended. The model and its panes belong to the
// goroutine of Bubble Tea's loop. Five others run beside it: the relay, which has a reader of its own; the
// drawing of the screen; the watches for a new terminal size and for a terminal that closes; and the one that
// quits when ctx ends. Bubble Tea runs each command in a goroutine.
package tui
