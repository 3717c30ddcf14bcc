// Package tui is the dashboard: one screen from which a person sees what runs, whether a save has
// arrived, what broke, and steers it.
//
// It shows what [dev.Event] and [dev.Snapshot] say, the same stream that the plain and the JSON view
// print, and asks a [Host] for everything else: it knows no container, no file and no gateway.
//
//	stream ──relay──▶ model.Update ──▶ View
//	                    │      ▲
//	                    └─ Cmd ┘ Host.Do, Host.Facts, …
//
// What it promises:
//
//   - Update does no I/O and never blocks. What takes time is a command, and answers with a message.
//   - Events reach the model in batches, about thirty a second at most, and nothing is drawn when
//     nothing has changed.
//   - Memory is bounded: of the log, the newest lines are kept, and it is shown how many went.
//   - No text of others reaches the terminal as it is: control sequences are taken out on arrival.
//   - The terminal is as it was when [Run] returns, also after a panic.
//
// [Run] blocks until everything that it started has ended. The model and its panes belong to the
// goroutine of Bubble Tea's loop; the relay is the one other goroutine.
package tui
