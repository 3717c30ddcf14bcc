// Package gateway is the sidecar that stands between the browser and the app.
//
// It owns the app's one origin, http://Host:Port. Whatever happens to the app behind it (not started
// yet, restarted, rebuilt, crashed), the origin answers: requests for pages get a page that says
// what is going on and gives way by itself, and open tabs are brought back to life.
//
// Beside it, on a port of its own and therefore another origin, is the local provider that people sign
// in at; and on loopback, for the app alone, stand-ins for AWS: see [awslocal.Credentials] and
// [awslocal.Parameters]. They are there in every mode, so that the gateway stays as it is when the
// mode changes; where nobody signs in, the provider's origin says so.
//
// What it promises:
//
//   - Nothing is buffered, copied aside or delayed on its way through. Frames of Streamlit's stream
//     are read as they pass; of a frame that is of no interest only the first bytes are looked at.
//   - Only the app's own names are answered; a request with another Host is refused, so that no
//     foreign page can reach the app by rebinding a name of its own to this machine.
//   - Only the app's own pages, listed ones and programs are answered: a foreign Origin is refused for
//     every request, in every mode, whatever the app itself would allow. See [pages].
//   - What would say who somebody is, headers and cookies of front doors, is taken off what comes in, and
//     so are cookies of the provider, which share the browser's jar. See [forgeries].
//   - No path of the app's origin administers anything. Commands come in over a unix socket.
//   - How people sign in comes in as a command, is kept with mode 0600 where the gateway has a directory
//     for it, and outlives it there with keys and sessions. No secret of it comes out again.
//   - Events are written in the order in which things happened, one JSON object a line; nothing
//     else is ever written to that stream. A save comes before the reload it causes.
//   - A tab that reconnects to an app that was replaced is told to run its page again, with the
//     values of its widgets, without pressing any button again.
//
// Goroutines: [Run] owns all of them and returns when the last has ended. One goroutine owns what is
// known about tabs, saves and runs; everything else hands it facts.
package gateway
