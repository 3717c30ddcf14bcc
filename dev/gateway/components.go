package gateway

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"

	"sdev/dev"
	"sdev/dev/streamlit"
)

// components isolates the app's components, if x-sdev.components says so.
//
// Streamlit shows a component of the first version in a frame, whose page it serves below /component/ of the app's own
// origin (st.components.v1, Streamlit 1.58 to 1.67). It marks the frame with allow-same-origin, so a script of the
// component reads the app's cookies, storage and page. The gateway adds a sandbox policy without allow-same-origin to
// the component's page. Browsers then give the page an opaque origin (HTML, "sandboxed origin browsing context flag"),
// which has no cookies and no storage, and from which all requests to the app are foreign: see [pages].
//
// The component still has to load its own files, and the browser sends neither cookies nor an Origin other than "null"
// with such requests, as it does for any sandboxed page of any website. So the gateway redirects the frame to an address
// with a key, /component/NAME/~KEY/index.html, against which the page's own files are resolved. Under that address it
// answers the component, and nobody else can guess it. A key is valid for the files of one component, as long as the
// gateway runs.
//
// A component of the second version runs in the app's own page, where no policy can isolate it. The policy keeps only its
// files from being shown as a page of the app's origin.
type components struct {
	isolate  bool
	base     string // the path prefix of the app
	port     string // of the app's origin
	secret   []byte // from which the keys are derived
	origin   string // the app's
	issuer   func() string
	warnings *onceEmitter
}

// The policies of a component's page. Source: Content Security Policy Level 3, HTML (sandboxing).
const (
	// sandboxPolicy allows what Streamlit's frontend allows in the frame, but for allow-same-origin. Popups are ordinary
	// pages: those that show something of a component have this policy too.
	sandboxPolicy = "sandbox allow-downloads allow-forms allow-modals allow-orientation-lock allow-pointer-lock allow-popups " +
		"allow-popups-to-escape-sandbox allow-presentation allow-scripts"
	// reportPolicy blocks nothing. The browser reports what the page requests over plain http from outside %[1]s, the
	// component's own files, to %[2]s. All that it requests from the app is among that.
	reportPolicy = "default-src %[1]s https: wss: data: blob: 'unsafe-inline' 'unsafe-eval'; report-uri %[2]s"
)

// Parts of the addresses of components.
const (
	componentDir = "/component/"
	reportName   = "~report"
	keyMark      = '~'
	keyLen       = 32
)

// isolatedCookie begins the name of the cookie that says that a browser has cleared its storage. Cookies ignore ports, so
// the name ends with the port.
const isolatedCookie = "sdev_isolated_"

// reportLimit is the size, in bytes, of the largest report that the gateway reads.
const reportLimit = 16 << 10

func newComponents(cfg Config, origin string, issuer func() string, emit func(dev.Event)) *components {
	c := &components{isolate: cfg.Isolate, base: cfg.Base, port: strconv.Itoa(cfg.Port), origin: origin, issuer: issuer, warnings: newOnceEmitter(emit)}
	c.secret = make([]byte, sha256.Size)
	_, _ = rand.Read(c.secret) // never fails: see the package
	return c
}

// componentFile is the address of a file of a component.
type componentFile struct {
	above string // the path up to the name, with a slash at its end
	name  string // the component's, as the path has it
	key   string // "" if the path has none
	rest  string // below the component's directory
}

// parse splits the path of a request for a component's file.
func (c *components) parse(r *http.Request) (f componentFile, ok bool) {
	whole := r.URL.EscapedPath()
	from := 0
	if c.base != "" && strings.HasPrefix(whole, c.base+"/") {
		from = len(c.base)
	}
	i := strings.Index(whole[from:], componentDir)
	if i < 0 {
		return f, false
	}
	at := from + i + len(componentDir)
	f.above = whole[:at]
	f.name, f.rest, ok = strings.Cut(whole[at:], "/")
	if key, rest, found := strings.Cut(f.rest, "/"); found && len(key) == 1+keyLen && key[0] == keyMark {
		f.key, f.rest = key[1:], rest
	}
	return f, ok && f.name != ""
}

// keyOf returns the key under which a component gets its own files.
func (c *components) keyOf(name string) string {
	mac := hmac.New(sha256.New, c.secret)
	_, _ = io.WriteString(mac, name) // a hash takes everything
	return hex.EncodeToString(mac.Sum(nil))[:keyLen]
}

// keyDir returns the directory, in that of a component, in which the component's page sees its own files.
func (c *components) keyDir(name string) string { return string(keyMark) + c.keyOf(name) + "/" }

// hasKey reports whether a request is one of an isolated component for its own files, or a report about it. No front door
// decides about it: the user got the address through the door, and the browser sends no cookie of the door's session.
func (c *components) hasKey(r *http.Request) bool {
	if !c.isolate {
		return false
	}
	f, ok := c.parse(r)
	return ok && hmac.Equal([]byte(f.key), []byte(c.keyOf(f.name)))
}

// serve answers a request of an isolated component for its own files, and reports whether it was one. All others are up
// to [pages].
func (c *components) serve(w http.ResponseWriter, r *http.Request, p *pages, app http.Handler) bool {
	if !c.hasKey(r) {
		return false
	}
	f, _ := c.parse(r)
	origin := strings.Join(r.Header.Values("Origin"), ", ")
	switch {
	case f.rest == reportName && r.Method == http.MethodPost:
		c.takeReport(w, r, f)
		return true
	case r.Method != http.MethodGet && r.Method != http.MethodHead || r.Header.Get("Upgrade") != "":
		return false
	case origin != "" && origin != "null" && !p.isOwn(origin, r):
		return false
	}
	h := w.Header()
	h.Add("Content-Security-Policy", sandboxPolicy)
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	h.Add("Vary", "Origin")
	if origin == "null" {
		h.Set("Access-Control-Allow-Origin", "null")
	}
	if isNavigation(r) {
		up := upwards(f.rest)
		h.Set("Content-Security-Policy-Report-Only", fmt.Sprintf(reportPolicy, schemeOf(r)+r.Host+f.above+f.name+"/"+c.keyDir(f.name), up+reportName))
	}
	app.ServeHTTP(w, withPath(r, f.above+f.name+"/"+f.rest))
	return true
}

// upwards returns the relative address of the directory that a file's path starts in.
func upwards(rest string) string { return "./" + strings.Repeat("../", strings.Count(rest, "/")) }

// lead sends the frame of a component to the address with its key, and reports whether it did. The request has been
// admitted before. Whatever else may show a component's file as a page gets the policy, and a frame of a foreign page
// no key.
func (c *components) lead(w http.ResponseWriter, r *http.Request) bool {
	if !c.isolate {
		return false
	}
	if !c.isComponent(r) {
		c.clearStorage(w, r)
		return false
	}
	w.Header().Add("Content-Security-Policy", sandboxPolicy)
	f, ok := c.parse(r)
	if !ok || !isNavigation(r) || isCross(r) && !isTopLevelNavigation(r) {
		return false
	}
	// Relative, so that it holds whatever a proxy in front of the gateway does to paths.
	to := upwards(f.rest)
	if f.key != "" {
		to += "../" // of an earlier gateway
	}
	to += c.keyDir(f.name) + f.rest
	if r.URL.RawQuery != "" {
		to += "?" + r.URL.RawQuery
	}
	w.Header().Set("Location", to)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusTemporaryRedirect)
	return true
}

// clearStorage lets the browser remove what it has stored of the app's origin, with the first page that it loads from this
// gateway. A component that was trusted before may have registered a service worker, which would answer for the gateway,
// without a policy, as would a cached file of it. Cookies stay, so nobody is signed out. Source: Clear Site Data.
func (c *components) clearStorage(w http.ResponseWriter, r *http.Request) {
	mark := http.Cookie{Name: isolatedCookie + c.port, Value: c.keyOf(""), Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode}
	if !isNavigation(r) {
		return
	}
	if has, err := r.Cookie(mark.Name); err == nil && hmac.Equal([]byte(has.Value), []byte(mark.Value)) {
		return
	}
	w.Header().Set("Clear-Site-Data", `"cache", "storage"`)
	http.SetCookie(w, &mark)
}

// isComponent reports whether a request may be for a file of a component, of either version. In doubt it may.
func (c *components) isComponent(r *http.Request) bool {
	for _, p := range []string{r.URL.Path, path.Clean("/" + r.URL.Path)} {
		p = strings.TrimPrefix(p, c.base)
		if strings.Contains(p, componentDir) || streamlit.IsSecondComponent(p) {
			return true
		}
	}
	return false
}

// withPath returns the request for another path, which is escaped as in a URL.
func withPath(r *http.Request, escaped string) *http.Request {
	r = r.Clone(r.Context())
	plain, err := url.PathUnescape(escaped)
	if err != nil {
		plain = escaped // the parts of a path that was parsed before are valid
	}
	r.URL.Path, r.URL.RawPath = plain, escaped
	return r
}

// takeReport takes a browser's report of what an isolated component requested. Source: Content Security Policy Level 3,
// "report-uri". Whoever sends it knows the key, so it is the component's page; what it says is only that page's word.
func (c *components) takeReport(w http.ResponseWriter, r *http.Request, f componentFile) {
	var report struct {
		About struct {
			Blocked string `json:"blocked-uri"`
			How     string `json:"effective-directive"`
		} `json:"csp-report"`
	}
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, reportLimit))
	if err == nil {
		err = json.Unmarshal(b, &report)
	}
	if err != nil {
		plainText(w, http.StatusBadRequest, "This is not a report of a browser.\n")
		return
	}
	w.WriteHeader(http.StatusNoContent)
	if u, err := url.Parse(report.About.Blocked); err == nil {
		c.warn(r, f, u, report.About.How)
	}
}

// warn warns once about a component that requests something of the app, and once about one that requests something of
// the provider. All other addresses are the component's own affair.
func (c *components) warn(r *http.Request, f componentFile, u *url.URL, how string) {
	at := strings.Replace(u.Scheme, "ws", "http", 1) + "://" + u.Host
	own := u.Host == r.Host || at == c.origin
	name, err := url.PathUnescape(f.name)
	if err != nil {
		name = f.name
	}
	name = short(name)
	w := dev.Warning{Code: dev.CodeComponent, Hint: "if it does not work without that, and you trust it: x-sdev: {components: trust}; sdev auth check lists the components"}
	where := "app"
	switch {
	case own && u.Path == "/favicon.ico": // the browser requests it for a popup
		return
	case own && strings.HasPrefix(u.EscapedPath(), f.above+f.name+"/"):
		w.Message = fmt.Sprintf("the isolated component %s requests its own file %s by an absolute path, and gets no answer", name, short(u.Path))
		w.Hint = "let its page name its files relative to itself, or, if you trust it: x-sdev: {components: trust}"
	case own && u.Path == "": // browsers name only the origin of a frame
		w.Message = fmt.Sprintf("the isolated component %s shows a page of the app (%s), and gets no access to it", name, short(how))
	case own:
		w.Message = fmt.Sprintf("the isolated component %s requests %s of the app (%s), and gets no answer", name, short(u.Path), short(how))
	case at == c.issuer():
		where, w.Message = "provider", fmt.Sprintf("the isolated component %s requests %s of the local provider (%s), and gets no answer", name, short(u.Path), short(how))
	default:
		return
	}
	c.warnings.emitOnce(name+"\x00"+where, w)
}

// short makes a text of a request fit for a message.
func short(s string) string {
	runes := []rune(dev.Sanitize(s))
	return string(runes[:min(len(runes), 100)])
}
