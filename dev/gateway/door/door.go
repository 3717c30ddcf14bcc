package door

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"sdev/dev"
)

// Config is what a front door needs of the gateway.
type Config struct {
	dev.FrontDoor

	Project string          // name of the project
	Origin  string          // the app's origin in the browser: "http://localhost:8501"
	Base    string          // path prefix of the app, with a leading slash; "" means the root
	Issuer  string          // of the local provider: "http://localhost:8601"
	State   string          // directory for keys; "" keeps them in memory
	Emit    func(dev.Event) // receives events, from several goroutines
	People  Directory
	Faults  Faults
	Now     func() time.Time // the local provider's clock, which "sdev auth clock" moves
}

// Directory knows the people.
type Directory interface {
	// Holder returns the person for whom the local provider issued an access token; ok is false if the token is no longer
	// valid.
	Holder(accessToken string) (who dev.Person, ok bool)
	// Person returns the current data of one of the project's people, by e-mail address.
	Person(email string) (who dev.Person, ok bool)
}

// Faults are the faults that "sdev auth fault set" has set for a front door.
type Faults interface {
	// Take returns the faults that act on a request of this user now, and counts their use. user is an e-mail address; ""
	// is nobody.
	Take(user string) Acting
}

// Acting are the faults that act on one request: the parameters of each, by its name.
type Acting map[string]map[string]string

// Has reports whether a fault acts.
func (a Acting) Has(name string) bool {
	_, ok := a[name]
	return ok
}

// Number returns a parameter of a fault that is a number, or the other value if the fault does not act.
func (a Acting) Number(name, param string, other int) int {
	if n, err := strconv.Atoi(a[name][param]); err == nil {
		return n
	}
	return other
}

// Pass is what the app gets together with a request that the front door lets through.
type Pass struct {
	User    string      // e-mail address; "" if the app does not know who it is
	Header  http.Header // identity headers
	Cookies []string    // the front door's own cookies that the app sees, as "name=value"
}

// Secure reports whether the browser uses the app over TLS, so that cookies can have the attributes of the deployment.
func (c Config) Secure() bool { return strings.HasPrefix(c.Origin, "https:") }

// Refuse writes a plain answer of a front door.
func Refuse(w http.ResponseWriter, status int, contentType, body string) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body)) // the client may have gone
}
