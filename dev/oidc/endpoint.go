package oidc

import (
	"errors"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// endpoint is a row of the table that routes, discovery and faults share.
type endpoint struct {
	name     string // its name in events and faults: "token"
	path     string // below the issuer; the profile may add more
	metadata string // its key in the discovery document; "" leaves it out
	methods  []string
	human    bool // errors are pages; otherwise JSON
	json     bool // the body is JSON, which the handler reads; otherwise a form
	serve    func(rc *requestContext) error
}

// endpointTable lists every endpoint of the provider.
func (p *Provider) endpointTable() []endpoint {
	get, post := []string{http.MethodGet}, []string{http.MethodPost}
	both := []string{http.MethodGet, http.MethodPost}
	return []endpoint{
		{name: "discovery", path: "/.well-known/openid-configuration", methods: get, serve: p.serveDiscovery},
		{name: "jwks", path: "/jwks", metadata: "jwks_uri", methods: get, serve: p.serveJWKS},
		{name: "authorize", path: "/authorize", metadata: "authorization_endpoint", methods: both, human: true, serve: p.serveAuthorize},
		{name: "signin", path: "/signin", methods: post, human: true, serve: p.serveSignIn},
		{name: "token", path: "/token", metadata: "token_endpoint", methods: post, serve: p.serveToken},
		{name: "userinfo", path: "/userinfo", metadata: "userinfo_endpoint", methods: both, serve: p.serveUserinfo},
		{name: "end_session", path: "/end_session", metadata: "end_session_endpoint", methods: both, human: true, serve: p.serveEndSession},
		{name: "signout", path: "/signout", methods: post, human: true, serve: p.serveSignOut},
		{name: "introspect", path: "/introspect", metadata: "introspection_endpoint", methods: post, serve: p.serveIntrospect},
		{name: "revoke", path: "/revoke", metadata: "revocation_endpoint", methods: post, serve: p.serveRevoke},
		{name: "par", path: "/par", metadata: "pushed_authorization_request_endpoint", methods: post, serve: p.servePushed},
		{name: "device", path: "/device_authorization", metadata: "device_authorization_endpoint", methods: post, serve: p.serveDevice},
		{name: "verify", path: "/device", methods: both, human: true, serve: p.serveVerify},
		{name: "register", path: "/register", metadata: "registration_endpoint", methods: post, json: true, serve: p.serveRegister},
		{name: "certificates", path: "/certificates", methods: get, serve: p.serveCertificates},
		{name: "instances", path: "/instances", methods: get, serve: p.serveInstances},
		{name: "unmapped", path: "/unmapped", methods: post, json: true, serve: p.serveUnmapped},
		{name: "home", path: "/", methods: get, human: true, serve: p.serveHome},
	}
}

// routeTable maps paths to endpoints: each endpoint's own path, and those of the profile.
func (p *Provider) routeTable() map[string]*endpoint {
	routes := make(map[string]*endpoint)
	for i := range p.endpoints {
		e := &p.endpoints[i]
		routes[p.base.Path+e.path] = e
		for _, path := range p.profile.paths[e.name] {
			routes[p.base.Path+path] = e
		}
	}
	// RFC 8414 3.1 appends the issuer's path.
	routes["/.well-known/oauth-authorization-server"+p.base.Path] = routes[p.base.Path+"/.well-known/openid-configuration"]
	return routes
}

// address is an endpoint's URL in the discovery document; "" if the profile does not have it.
func (p *Provider) address(e endpoint) string {
	paths, ok := p.profile.paths[e.name]
	switch {
	case !ok:
		return p.cfg.Issuer + e.path
	case len(paths) == 0:
		return ""
	}
	return p.cfg.Issuer + paths[0]
}

// maxBody is the maximal size of a request's body, and of its query.
const maxBody = 64 << 10

// requestContext is one request and what is known about it. Handlers read the request and answer through it.
type requestContext struct {
	p              *Provider
	w              http.ResponseWriter
	r              *http.Request
	endpoint       *endpoint
	at             mappedAddress // the address that the app asked, if it was another provider's
	now            time.Time     // by the provider's clock
	form           url.Values    // query, or body of a POST
	client         string        // once known
	user           string        // e-mail, once known
	grant          string        // grant_type, at the token endpoint
	faultsInjected bool
}

// errDropped ends a connection without an answer.
var errDropped = errors.New("the connection is dropped")

func (p *Provider) serve(e *endpoint, w http.ResponseWriter, r *http.Request, at mappedAddress) {
	rc := &requestContext{p: p, w: w, r: r, endpoint: e, at: at, now: p.now()}
	err := rc.parse()
	if err == nil {
		err = e.serve(rc)
	}
	switch {
	case err == nil:
	case errors.Is(err, errDropped):
		panic(http.ErrAbortHandler)
	default:
		rc.fail(err)
	}
}

// parse checks method and size, and reads the form.
func (rc *requestContext) parse() error {
	method := rc.r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	if !slices.Contains(rc.endpoint.methods, method) {
		rc.w.Header().Set("Allow", strings.Join(rc.endpoint.methods, ", "))
		return &protocolError{Status: http.StatusMethodNotAllowed, Code: "invalid_request", Description: "this endpoint does not accept the method " + rc.r.Method}
	}
	if len(rc.r.URL.RawQuery) > maxBody {
		return &protocolError{Status: http.StatusRequestURITooLong, Code: "invalid_request", Description: "the query is too long"}
	}
	if method == http.MethodGet {
		form, err := url.ParseQuery(rc.r.URL.RawQuery)
		if err != nil {
			return newError("invalid_request", "the query is malformed")
		}
		rc.form = form
		return nil
	}
	if !rc.endpoint.human && http.NewCrossOriginProtection().Check(rc.r) != nil {
		// The page could not read the answer, but it could fill the provider's storage.
		return &protocolError{Status: http.StatusForbidden, Code: "invalid_request", Description: "a web page called this endpoint, which is for servers only", reportOnce: true}
	}
	rc.r.Body = http.MaxBytesReader(rc.w, rc.r.Body, maxBody)
	kind, _, err := mime.ParseMediaType(rc.r.Header.Get("Content-Type"))
	if rc.endpoint.json {
		// Foreign pages can send text and forms without a CORS preflight, but no JSON.
		if rc.form = (url.Values{}); err != nil || kind != "application/json" {
			return newError("invalid_request", "the body is not JSON: send application/json")
		}
		return nil
	}
	if rc.r.ContentLength != 0 && (err != nil || kind != "application/x-www-form-urlencoded") {
		return newError("invalid_request", "the body is not a form: send application/x-www-form-urlencoded")
	}
	if err := rc.r.ParseForm(); err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return &protocolError{Status: http.StatusRequestEntityTooLarge, Code: "invalid_request", Description: "the body is too large"}
		}
		return newError("invalid_request", "the form is malformed")
	}
	rc.form = rc.r.PostForm
	return nil
}

// param returns a parameter. RFC 6749 3.1 treats an empty one as not sent.
func (rc *requestContext) param(name string) string { return rc.form.Get(name) }

// checkDuplicates refuses repeated parameters, except those in many.
func (rc *requestContext) checkDuplicates(many ...string) error {
	for _, name := range slices.Sorted(maps.Keys(rc.form)) {
		if len(rc.form[name]) > 1 && !slices.Contains(many, name) {
			return newError("invalid_request", "the request repeats a parameter: "+printable(name))
		}
	}
	return nil
}

// injectFaults runs the faults that delay, refuse or drop a request. Every handler calls it once it knows client and
// user, and before anything takes effect.
func (rc *requestContext) injectFaults(client, user string) error {
	rc.client, rc.user, rc.faultsInjected = client, user, true
	for _, f := range rc.p.takeFaults(rc, atRequest) {
		if err := f.kind.request(rc, f.Params); err != nil {
			return err
		}
	}
	return nil
}
