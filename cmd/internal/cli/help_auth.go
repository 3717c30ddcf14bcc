package cli

import (
	"fmt"
	"strings"

	"sdev/cmd/internal/auth"
	"sdev/dev"
	"sdev/dev/oidc"
)

// authText is the topic about the login. The faults are listed from the provider's own table.
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

  sdev up --local              the login is bypassed: LOCAL_STREAMLIT=1, for a page on 127.0.0.1 alone
  sdev up --with-auth          the app's own login runs, unchanged, against a provider on this machine
  sdev up --with-auth=app      … OAuth code of the app's own, such as streamlit-oauth: its client comes from
                               the AWS parameter /streamlit/oauth, for which there is a stand-in; addresses
                               of Google and others that the code names lead to the local provider
  sdev up --with-auth=native   … st.login: it gets a secrets.toml of this run, made from the project's own
  sdev up --with-auth --as alice@example.com
                               and Alice signs in without being asked

Which of the two it is is read from the code, and the reason printed; x-sdev.auth.mode decides otherwise.
Changing between all of these while the project runs takes a second or two, and the browser's page stays.

In these modes nothing in the app's process can set LOCAL_STREAMLIT: what tries to (the code, a .env file,
secrets.toml, a start script) is told as a warning with its place, and "sdev auth check" fails until it is
taken out, because the login would be off where the app is deployed. Where a start script leaves PYTHONPATH
out, or starts Python with -I, that cannot be kept, and the check says so.

The provider speaks OpenID Connect at http://localhost:8601 (the next free port, if that is taken): one
address, the same for the browser and for the app. It keeps its keys and who is signed in below .sdev/auth,
for this user alone, so that a restart logs nobody out. No secret of it is worth anything elsewhere.

People stand in the compose file, under x-sdev.auth.users; without any, an admin and a plain user are made
up. On the sign-in page each is one click; "someone else" takes any address, "deny" refuses.
x-sdev.auth.profile imitates a provider's claims and paths: ` + strings.Join(dev.Profiles(), ", ") + `.

An app signs people out with an ID token of theirs (id_token_hint), as st.logout does; one that shows none has
the provider ask. An image, a frame or a script signs nobody in or out. Cookies ignore ports, so a page on any
port of localhost shares those of the app and the provider: it cannot read theirs, nor keep anybody from
signing in, but it can fill the browser's jar until they are dropped, and people have to sign in again.

  sdev auth users              who there is; add, edit, remove
  sdev auth use EMAIL          who signs in from now on without being asked; --ask to be asked again
  sdev auth fault              what goes wrong on purpose
  sdev auth clock +2h          the provider's clock; -30m, reset
  sdev auth rotate-keys        sign with a new key
  sdev auth check              why a login does not work, or that it can
  sdev auth explain PATH       who may reach a path, by x-sdev.auth.policies
  sdev auth env                settings for a program outside sdev

Policies are for the front doors of a deployment: on this machine they are explained, and not enforced. Of
several that cover a path the most specific one decides; /reports/* covers /reports and all that is below;
what none covers is for everybody who signs in. "allow" lists groups, emails, domains, or says anyone:
true; one that fits suffices. Streamlit changes pages without a request of their own: a policy about a
page holds when the page is loaded, and the app's own check has to hold as well.
`
}

const authRecipesText = `
What to try, and how:
  somebody is refused            sdev auth fault set deny --user alice@example.com
  tokens of somebody else's app  sdev auth fault set wrong-aud --times 1
  a login that expires           sdev auth clock +2h
  new keys at the provider       sdev auth rotate-keys
  a provider that is down        sdev auth fault set status code=503 --times 3
  as it was                      sdev auth fault clear && sdev auth clock reset
Every login, refusal, sign-out and use of a fault is told by "sdev up" and "sdev logs".
`
