package detect

import (
	"slices"

	"sdev/dev"
)

// Handling is what sdev can do for a kind of login.
type Handling string

// The ways in which sdev handles a login.
const (
	HandledApp     Handling = "app"     // sdev up --with-auth=app runs it against the local provider
	HandledNative  Handling = "native"  // sdev up --with-auth=native does
	HandledBrowser Handling = "browser" // a script in the browser signs people in, and no address of its leads elsewhere
	HandledService Handling = "service" // it calls a service's own interface, which has no local counterpart
	HandledOwn     Handling = "own"     // it keeps its own list of users and needs no provider
	HandledDoor    Handling = "door"    // it reads what an identity proxy says, and sdev up --with-auth puts one in front
	HandledHeaders Handling = "headers" // it reads what another proxy in front of the app says
	HandledNot     Handling = ""        // no login
)

// loginLibrary is a Python package that signs people in.
type loginLibrary struct {
	modules []string // any of them is imported; a name with dots includes what is below it
	kind    string   // name among the ways to sign in
	handled Handling
	// general means that programs also use the package for other things, so that other signs of a login come first.
	general bool
	// other are the package's names that sign nobody in: an import of nothing else is no login.
	other []string
}

// loginLibraries returns every package that sdev knows.
func loginLibraries() []loginLibrary {
	return []loginLibrary{
		{modules: []string{"streamlit_oauth"}, kind: "streamlit-oauth", handled: HandledApp},
		{modules: []string{"streamlit_google_auth"}, kind: "streamlit-google-auth", handled: HandledApp},
		{modules: []string{"streamlit_google_oauth", "st_google_oauth"}, kind: "streamlit-google-oauth", handled: HandledApp},
		{modules: []string{"streamlit_cognito_auth"}, kind: "streamlit-cognito-auth", handled: HandledService},
		{modules: []string{"streamlit_authenticator"}, kind: "streamlit-authenticator", handled: HandledOwn},
		{modules: []string{"streamlit_login_auth_ui"}, kind: "streamlit-login-auth-ui", handled: HandledOwn},
		{modules: []string{"auth0_component", "streamlit_auth0", "streamlit_auth0_component"}, kind: "streamlit-auth0", handled: HandledBrowser},
		{modules: []string{"streamlit_keycloak"}, kind: "streamlit-keycloak", handled: HandledBrowser},
		{modules: []string{"streamlit_msal", "msal_streamlit_authentication"}, kind: "streamlit-msal", handled: HandledBrowser},
		{modules: []string{"st_login_form", "st_supabase_auth"}, kind: "supabase", handled: HandledService},
		{modules: []string{"pyrebase", "streamlit_firebase_auth", "firebase_admin.auth"}, kind: "firebase", handled: HandledService},
		{modules: []string{"pycognito", "warrant"}, kind: "cognito-api", handled: HandledService},
		{modules: []string{"authlib.integrations", "authlib.oauth2"}, kind: "authlib", handled: HandledApp, general: true},
		{modules: []string{"requests_oauthlib"}, kind: "requests-oauthlib", handled: HandledApp, general: true,
			other: []string{"OAuth1", "OAuth1Session"}}, // they sign the requests of a program
		{modules: []string{"google_auth_oauthlib"}, kind: "google-auth-oauthlib", handled: HandledApp, general: true},
		{modules: []string{"httpx_oauth"}, kind: "httpx-oauth", handled: HandledApp, general: true},
		{modules: []string{"msal"}, kind: "msal", handled: HandledApp, general: true},
		{modules: []string{"keycloak"}, kind: "python-keycloak", handled: HandledApp, general: true},
	}
}

// oauthKind is a login that the code writes itself: nothing but addresses shows it.
const oauthKind = "oauth"

// HandlingOf returns what sdev can do for a kind of login in [Findings.Auth].
func HandlingOf(kind string) Handling {
	switch kind {
	case "native":
		return HandledNative
	case oauthKind:
		return HandledApp
	case "none", "":
		return HandledNot
	}
	if i := slices.IndexFunc(loginLibraries(), func(l loginLibrary) bool { return l.kind == kind }); i >= 0 {
		return loginLibraries()[i].handled
	}
	if slices.ContainsFunc(dev.IdentityProxies(), func(p dev.IdentityProxy) bool { return p.Name == kind }) {
		return HandledDoor
	}
	return HandledHeaders
}

// IsGeneral reports whether a kind of login is only a package that programs also use for other things.
func IsGeneral(kind string) bool {
	return kind == oauthKind || slices.ContainsFunc(loginLibraries(), func(l loginLibrary) bool { return l.kind == kind && l.general })
}
