package cli

import (
	"fmt"
	"strings"

	"sdev/cmd/internal/auth"
	"sdev/dev"
	"sdev/dev/oidc"
)

// authText is the topic about the login. The list of faults comes from the provider's own table.
func authText() string {
	var b strings.Builder
	b.WriteString(authModesText())
	b.WriteString("\nFaults (sdev auth fault set NAME [PARAM=VALUE…] [--times N] [--user EMAIL] [--client ID]):\n")
	rows := auth.FaultRows(oidc.Faults())[1:]
	width := 0
	for _, row := range rows {
		width = max(width, len(row[0]))
	}
	for _, row := range rows {
		fmt.Fprintf(&b, "  %-*s  %s\n", width, row[0], row[1])
	}
	b.WriteString(authRecipesText)
	return b.String()
}

func authModesText() string {
	return `The app's real login, on this machine.

  sdev up --local              bypass the login: LOCAL_STREAMLIT=1, only for a page on 127.0.0.1
  sdev up --with-auth          run the app's own login, unchanged, against a provider on this machine
  sdev up --local --as alice@example.com
                               … and st.user is Alice, without a sign-in: for apps with st.login. The address
                               is one of the project's people, or any other
  sdev up --with-auth=app      … for OAuth code of the app's own, such as streamlit-oauth, msal or requests.
                               Addresses of identity providers lead to the local one. A client in the AWS
                               parameter /streamlit/oauth is answered with a stand-in
  sdev up --with-auth=native   … for st.login. It gets a secrets.toml for this run, made from the project's
  sdev up --with-auth=alb      … behind a load balancer of AWS that signs people in; or iap (Google's Identity-Aware
                               Proxy), cloudflare (Cloudflare Access): see Front doors
  sdev up --with-auth --as alice@example.com
                               … and Alice signs in without the sign-in page

sdev reads from the code which login the app has, and prints the reason. x-sdev.auth.mode overrides
that. You can switch between all of these while the project runs: it takes a second or two, and the browser
keeps the page.

In app mode sdev's start-up shim changes the addresses of identity providers where they leave the app: in its
requests (requests, httpx, urllib, urllib3, aiohttp, httplib2) and in what its pages show. So it does not matter
whether the app has them from variables, a .env file, secrets.toml, another file or its code. sdev knows Google,
Cognito, Entra, Auth0, Okta, GitHub and others by their hosts, Keycloak and others by their paths, and hosts that a
setting such as OIDC_ISSUER or AUTH_DOMAIN names. The local provider takes the app's own client id and secret,
names the real issuer in its tokens, and leads the browser to the page on this machine, whatever redirect address
the app sends. Requests with a program's own credentials, and http addresses, stay as they are.
Addresses that a script in the browser builds cannot be changed: sdev warns before you click. Requests that still
go to a real provider are counted: "sdev status" and "sdev auth check" show them.

In login modes nothing in the app's process can set LOCAL_STREAMLIT. If the code, a .env file, secrets.toml or
a start script tries to, sdev warns you and names the place, because the deployed app would run without its
login. "sdev auth check" fails until you remove it. sdev cannot prevent it if a start script drops PYTHONPATH
or starts Python with -I; the check then says so.

The provider speaks OpenID Connect at http://localhost:8601, or at the next free port. Browser and app use the
same address. The provider keeps its keys and sessions in .sdev/auth, readable for your user only, so a restart
signs nobody out. None of its secrets is valid anywhere else.

The people are in the compose file, under x-sdev.auth.users. Without any, sdev uses two example people, an
admin and a plain user. On the sign-in page you sign in as one of them with one click. "someone else" accepts
any address, and "deny" refuses. x-sdev.auth.profile imitates a provider's claims and paths:
` + strings.Join(dev.Profiles(), ", ") + `.

To sign somebody out, an app shows the provider that person's ID token (id_token_hint), as st.logout does. If it
shows none, the provider asks first. An image, a frame or a script cannot sign anybody in or out. Cookies ignore
ports, so pages on all ports of localhost share the browser's cookie jar. Another page cannot read the cookies
of the app or the provider, or keep anybody from signing in. But it can fill the jar until the browser drops
them, and people then have to sign in again.

  sdev auth users              list, add, edit and remove people
  sdev auth use EMAIL          sign in as EMAIL from now on, without the sign-in page; --ask shows it again
  sdev auth fault              make the provider fail on purpose
  sdev auth clock +2h          move the provider's clock; -30m, reset
  sdev auth rotate-keys        sign with a new key
  sdev auth check              find out why a login does not work
  sdev auth explain PATH       who may reach a path: by the front door, else by x-sdev.auth.policies
  sdev auth env                settings for a program outside sdev

Front doors. Some apps have no login of their own: an identity proxy in front of them signs people in, and tells the
app in a signed header who they are. In these modes the gateway is that proxy, with the same headers, cookies,
redirects and refusals, so that the code which verifies the header can be finished before the first deployment:

  alb         An Application Load Balancer with authenticate-cognito, or authenticate-oidc (x-sdev.auth.alb.action):
              x-amzn-oidc-data with the claims of userinfo, x-amzn-oidc-identity, x-amzn-oidc-accesstoken.
  iap         Identity-Aware Proxy of Google: X-Goog-Iap-Jwt-Assertion, X-Goog-Authenticated-User-Email and -Id.
              Members, and people that a policy names, get in after signing in; anybody else gets the 403 page.
              Guests have a host name of their own (external.host). They are the same people, and sign in with the
              password of x-sdev.auth.users, or with "` + dev.DefaultPassword + `" if there is none: take passwords that are good
              for nothing else, because they are in the compose file. For guests the proxy checks only the sign-in,
              as Google's does, so policies do not apply to them. Cloud Armor looks at the address that a request
              comes from: this machine is 127.0.0.1. To pretend another one, set "from", or send the header
              X-Sdev-Source-Ip.
  cloudflare  Cloudflare Access: Cf-Access-Jwt-Assertion, Cf-Access-Authenticated-User-Email, CF_Authorization.
              Each policy is an application with an audience of its own, and covers everything below its path.
              People sign in to the team, which here is part of the local provider's address, and
              /cdn-cgi/access/ has logout and get-identity. The first page that a browser opens should be one
              without a policy of its own: what every page loads (/_stcore, /static) belongs to the application
              for everything else, and needs its token.

x-sdev.auth.alb, .iap and .cloudflare have their settings (sdev help x-sdev); all have defaults.

Verification libraries run unchanged. The hosts at which they fetch keys lead to the gateway, inside the app's
network only, with certificates that only the app trusts. The app gets the variables that say whom to trust, such
as ALB_ARN, COGNITO_USER_POOL_ID and COGNITO_CLIENT_ID, IAP_AUDIENCE and IAP_AUDIENCES, or CF_TEAM and CF_AUD,
unless the compose file sets them; "sdev auth env" prints them. If server.trustedUserHeaders is not set, sdev sets it to the headers that hold text: a load balancer sends no
address that way, so st.user has only sub there.

Identity headers and cookies that a browser sends never reach the app. The proxy checks a WebSocket when it opens
and never again: an open page goes on after its session has ended. "sdev auth fault" breaks what the door sends
(door-signer, door-expired and others), "sdev auth clock +8h" ends sessions, "sdev auth explain PATH --as EMAIL"
says what the door does and what the app would get, and "sdev status" and the dashboard what it got.

sdev up --tls serves the page over https, in every mode, so that cookies with Secure or a __Host- name are as in the
deployment. The certificate is signed by the project's own authority, .sdev/auth/authority.pem, which is valid for
localhost and the hosts of front doors only; a browser warns about it until you import it.

Policies are for identity proxies. A front door enforces what its product can: a load balancer knows no people, so
it closes a path whose policy allows nobody, and the app itself has to check everything else. In other modes sdev
explains policies and does not enforce them. The bundles of "sdev deploy" say the same as the front doors here.
If several policies cover a path, the most specific one decides. /reports/* covers /reports and everything below
it. A path without a policy is open to everybody who signs in. "allow" lists groups, emails or domains, or says
anyone: true; a person needs to match only one of them. Streamlit changes pages without a request, so a policy
about a page applies only when the page is loaded: the app needs a check of its own as well.
`
}

const authRecipesText = `
What to try, and how:
  somebody is refused            sdev auth fault set deny --user alice@example.com
  a token for another app        sdev auth fault set wrong-aud --times 1
  a login that expires           sdev auth clock +2h
  new keys at the provider       sdev auth rotate-keys
  a provider that is down        sdev auth fault set status code=503 --times 3
  back to normal                 sdev auth fault clear && sdev auth clock reset
"sdev up" and "sdev logs" report every login, refusal, sign-out and use of a fault.
`
