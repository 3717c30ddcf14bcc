// Package gateway runs in the container between the browser and the app.
//
// It owns the app's only origin, http://Host:Port. The origin answers even while the app does not, because it
// starts, restarts, is rebuilt or has crashed: a request for a page gets a hold page that says what is happening
// and reloads once the app answers, and open tabs reconnect to the new app.
//
// On a second port, and therefore a second origin, it serves the local OpenID provider that people sign
// in at. On loopback, for the app alone, it serves stand-ins for AWS: see [awslocal.Credentials] and
// [awslocal.Parameters]. It serves all of them in every mode, so that a change of the mode does not
// recreate the gateway; while the login is bypassed, the provider's origin says so.
//
// The package promises:
//
//   - It passes traffic on at once and does not change it, except for headers and cookies. It parses the frames of
//     Streamlit's stream as they pass. It keeps a copy only of the messages that it needs, of at most 1 MiB each;
//     of any other message it reads only the first bytes. One kind of request waits: that by which an open tab
//     reconnects, up to 14 s while the app is down.
//   - It answers only under the app's own names and refuses any other Host, so that a foreign page cannot
//     reach the app through DNS rebinding. A proxy that the project runs may pass on names that cannot be rebound:
//     see [fronts].
//   - No save is lost. A run that has not ended still makes its save live. If Streamlit misses a save in a tab's first
//     moments, the gateway requests the run in the tab's name, with its widgets, page and query.
//   - It answers only the app's own pages, listed pages and programs. It refuses a foreign Origin for every
//     request and in every mode, whatever the app itself would allow. See [pages].
//   - It drops headers and cookies that only an identity proxy may set to say who a user is. It also drops the
//     provider's cookies, which share the browser's cookie jar. See [identityFilter].
//   - If x-sdev.components is "isolate", components in frames do not have the app's origin. It reports what they then
//     request of the app. Components in the app's page cannot be isolated. See [components].
//   - No path of the app's origin administers anything. Commands arrive over a unix socket.
//   - Login settings arrive as a command. The gateway stores them with mode 0600 in its state directory, if
//     it has one, and reads them from there after a restart, with keys and sessions. It never returns a secret.
//   - It writes events in the order in which things happened, one JSON object per line, and nothing else
//     to that stream. A save comes before the reload that it causes.
//   - A tab that reconnects to a new app runs its page again with the values of its widgets, and without
//     repeating a click on a button.
//
// Goroutines: [Run] owns all of them and returns when the last one has ended. One of them, the
// [eventLoop], owns the state of tabs, saves and runs; all others post to it.
package gateway
