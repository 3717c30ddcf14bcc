package cli

import (
	"context"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"sdev/dev"
)

// topic is a help page that is not about one command.
type topic struct {
	name, about string
	text        func() string
}

func topics() []topic {
	return []topic{
		{"exit-codes", "what exit codes mean", exitCodesText},
		{"environment", "environment variables that sdev reads and sets", environmentText},
		{"events", "the events of --json, and the codes of errors and warnings", eventsText},
		{"compose", "which keys of a compose file are applied, and how", composeText},
		{"x-sdev", "sdev's settings in the compose file", xsdevText},
		{"auth", "the app's real login on this machine: modes, people, faults", authText},
		{"checkouts", "several checkouts of one project side by side", checkoutsText},
		{"deploy", "the hand-off: targets, their values, the files of a bundle", deployText},
		{"preflight", "what must not ship: the rules, and how to suppress a finding", preflightHelp},
	}
}

// helpOptions are the arguments of "sdev help".
type helpOptions struct {
	words []string       // a topic, or the words of a command; empty for all commands
	root  *cobra.Command // whose commands have help
}

func (a *commands) newHelpCmd(run func(context.Context, helpOptions) error) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "help [COMMAND|TOPIC]",
		Short: "Help about a command or a topic",
		RunE: func(cmd *cobra.Command, args []string) error {
			return run(cmd.Context(), helpOptions{words: args, root: cmd.Root()})
		},
	}
	for _, t := range topics() {
		cmd.ValidArgs = append(cmd.ValidArgs, t.name)
	}
	return cmd
}

func (a *commands) runHelp(_ context.Context, o helpOptions) error {
	if len(o.words) == 1 {
		if i := slices.IndexFunc(topics(), func(t topic) bool { return t.name == o.words[0] }); i >= 0 {
			_, err := io.WriteString(a.Stdout(), topics()[i].text())
			return err
		}
	}
	target, rest, err := o.root.Find(o.words)
	if err != nil || len(rest) > 0 {
		return dev.UsageError("no command or topic "+strconv.Quote(strings.Join(o.words, " ")), "see: sdev help")
	}
	if err := target.Help(); err != nil || len(o.words) > 0 {
		return err
	}
	var b strings.Builder
	b.WriteString("\nTopics (sdev help TOPIC):\n")
	for _, t := range topics() {
		fmt.Fprintf(&b, "  %-12s %s\n", t.name, t.about)
	}
	_, err = io.WriteString(a.Stdout(), b.String())
	return err
}

func exitCodesText() string {
	var b strings.Builder
	b.WriteString("Exit codes:\n")
	for _, c := range dev.ExitCodes() {
		fmt.Fprintf(&b, "  %3d  %s\n", c.Code, c.About)
	}
	b.WriteString("\n\"sdev shell -- COMMAND\" exits with the exit code of COMMAND.\n")
	return b.String()
}

func environmentText() string {
	return `Variables that sdev reads:
  DOCKER_HOST, DOCKER_TLS_VERIFY, DOCKER_CERT_PATH, DOCKER_CONTEXT, DOCKER_CONFIG
                          where the container engine is. sdev looks in the same order as docker:
                          --context, DOCKER_HOST, DOCKER_CONTEXT, docker context use, the default socket.
                          If none is set and that socket does not answer, sdev tries the sockets of
                          rootless Docker, Docker Desktop, colima, Rancher Desktop, OrbStack and podman
  DOCKER_BUILDKIT         0: sdev builds with the engine's classic builder
  AWS_PROFILE, AWS_REGION, AWS_DEFAULT_REGION
                          the AWS profile and region that the app gets
  SSL_CERT_FILE, REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE, PIP_CERT, AWS_CA_BUNDLE, NODE_EXTRA_CA_CERTS
                          an extra CA for builds and for the app; the first one that is set counts
  HTTP_PROXY, HTTPS_PROXY, NO_PROXY, ALL_PROXY (and in lower case)
                          passed on to builds and to the app
  COMPOSE_FILE, COMPOSE_PROJECT_NAME, COMPOSE_PROFILES
                          as for docker compose
  XDG_CACHE_HOME          where sdev keeps its cache
  SDEV_UPDATE_NOTICE      1: sdev asks PyPI once a day whether there is a newer release, and says so. It does
                          not if CI is set or without a terminal. "sdev version --check" asks at any time
  NO_COLOR                any value: no colours
  TERM                    dumb, or not set: sdev prints lines instead of the dashboard
  SDEV_EDITOR             what opens files where a terminal shows their place as a link: vscode, cursor, windsurf,
                          zed, pycharm, idea, sublime, vscodium, insiders, file (the default), none, or an
                          address with {path} and {line}
  BROWSER                 the program that "sdev open" starts

Variables that sdev sets in the app's container ("sdev config" prints them all, with reasons):
  LOCAL_STREAMLIT=1       bypasses the login; only "sdev up --local" sets it
  AWS_ENDPOINT_URL_SSM, OAUTH_REDIRECT_URI, STREAMLIT_SECRETS_FILES
                          with --with-auth: where the app finds its client, and the app's own origin
  SDEV_OAUTH_ENDPOINTS    with --with-auth: the local addresses that the start-up shim uses in place of
                          those of known providers
  SDEV_BYTECODE           where the start-up shim keeps bytecode of installed packages
  PYTHONPATH              the start-up shim, then the value of the image or the compose file
  STREAMLIT_…             development settings of the Streamlit server
  HOME                    a writable home directory for your user id
  AWS_PROFILE, AWS_REGION, AWS_EC2_METADATA_DISABLED
  AWS_CONTAINER_CREDENTIALS_FULL_URI, AWS_CONTAINER_AUTHORIZATION_TOKEN
                          with --aws session: where the app asks for its keys, and the token for that
  SSL_CERT_FILE and the other CA variables, the proxy variables
`
}

// eventsText lists events and their fields by reflection, so that it is never out of date.
func eventsText() string {
	var b strings.Builder
	b.WriteString("With --json every line is an object {\"v\":1,\"seq\":N,\"time\":RFC 3339,\"type\":…, …}. The types and their fields:\n")
	for _, e := range dev.Events() {
		var fields []string
		t := reflect.TypeOf(e)
		for i := range t.NumField() {
			name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
			fields = append(fields, name)
		}
		fmt.Fprintf(&b, "  %-15s %s\n", e.Type(), strings.Join(fields, ", "))
	}
	b.WriteString("\nWith --json a command that fails ends with {\"v\":1,\"type\":\"error\",\"code\":…,\"message\":…,\"hint\":…,\"exit\":N}.\n")
	b.WriteString("\nTexts are printed as they are. Characters that control a terminal or are invisible are escaped (\\u001b).\nUser and password in an address, such as a proxy's, are printed as ***.\n")
	b.WriteString("\nCodes of errors and warnings:\n")
	for _, c := range dev.Codes() {
		fmt.Fprintf(&b, "  %-20s %s\n", c.Code, c.About)
	}
	return b.String()
}

func xsdevText() string {
	return `Settings at the top of the compose file. All of them are optional:

  x-sdev:
    app: streamlit-local        # the service that is the Streamlit app; default: sdev detects it (--app)
    entry: code_package/streamlit/Home.py   # the script to run, instead of the one in the command (--entry)
    aws:
      mode: mount               # mount (~/.aws, read-only), session (keys of one profile), none
      profile: dev              # default: AWS_PROFILE
      region: us-east-1         # default: AWS_REGION, or the region of the profile
      parameters:               # contents of the local parameter store, in login modes
        /shop/key: some text    # a SecureString, or {value: some text, type: String}
    auth:
      mode: app                 # app, native, alb, iap or cloudflare: what --with-auth means; default: from the code
      profile: plain            # or ` + strings.Join(dev.Profiles()[1:], ", ") + `: imitate their claims and paths
      users:                    # who can sign in; default: two example people
        - {email: alice@example.com, name: Alice, groups: [marketing], claims: {hd: example.com}}
        - {email: guest@example.org, password: for this machine only}   # of guests, behind iap
      policies:                 # who may reach which path; see: sdev help auth
        - {path: /marketing/*, allow: {groups: [marketing]}}
        - {path: /, allow: {anyone: true}}   # also: emails, domains
      alb:                      # the load balancer in mode alb; default: a stable one for the project
        arn: arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/shop/0123456789abcdef
        action: cognito         # or oidc: the kind of its authenticate action
        pool: us-east-1_AbCdEfGhI            # with oidc instead: issuer: https://idp.example.com
        client_id: 4kq0shopclient
        scope: openid
        params: {prompt: login}              # further parameters of the request to the provider
        on_unauthenticated: authenticate     # or allow, deny
        session_timeout: 168h
        cookie: AWSELBAuthSessionCookie
        rules:                  # by path, the first that matches; forward signs nobody in
          - {path: /public/*, on_unauthenticated: forward}
      iap:                      # Google's Identity-Aware Proxy; all of it has defaults
        audience: /projects/123456789012/global/backendServices/1234567890
        members: [domain:example.com]   # who may open what no policy covers; also user:, group:,
                                # allAuthenticatedUsers; default: members of deploy, or everybody
        from: 203.0.113.7       # the address that requests seem to come from, for Cloud Armor
        external:               # a second host name, whose guests sign in with e-mail and password
          host: guests.localhost
          tenant: guests-abc12
          cidrs: [203.0.113.0/24]       # or armor: [{priority: 1, action: deny-403, ranges: ["*"]}];
                                # default: external-cidrs of deploy
      cloudflare:               # Cloudflare Access; all of it has defaults
        team: example-team      # the part before .cloudflareaccess.com
        # AUD tag of the application for the whole app:
        aud: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
        session: 24h            # of an application's token; global_session: of the sign-in, 15m to 744h
        applications:           # in place of those that come from policies
          - path: /hooks        # and all below it; also: aud, session
            policies:           # allow, block, bypass, or non_identity (service tokens), in this order
              - {decision: non_identity, include: [{service_token: ci}]}
              - {decision: allow, include: [{domain: example.com}], require: [{country: DE}], exclude: [{group: interns}]}
                                # rules: email, domain, group, ip, country, service_token, everyone, any_service_token
        service_tokens:         # invented ones, for this machine
          - {name: ci, id: 0123456789abcdef0123456789abcdef.access, secret: cfast_made-up-for-this-machine}
        strict: true            # a wrong service token gets 401; false: the sign-in page
        service_header: Authorization        # one header with id and secret as JSON
        claims: [hd, groups]    # claims of people that the token has in "custom"
        cookie: {same_site: lax, http_only: true, path: true, binding: false}
        from: 203.0.113.7       # the address that requests seem to come from; or the header X-Sdev-Source-Ip
        country: DE
    deploy:                     # values for "sdev deploy"; see: sdev help deploy
      region: us-east-1         # for every target that has a region
      ecs: {domain: app.example.com}
      suppress:                 # findings that may ship, each until a date
        - {id: image.size, reason: the model is in it, until: 2027-01-31}
    host: shop.localhost        # host name of the page, for cookies of its own; default: localhost
    ca: ./corp-ca.pem           # extra CA for builds and the app; default: from the environment
    origins:                    # other pages that may embed the app and talk to it; default: none
      - https://portal.example.com
    components: isolate         # withhold the app's origin from components in frames; default: trust

An unknown setting is an error with its line. With several compose files, later values replace earlier ones,
and so do later lists of users, policies and origins. "sdev auth users add" adds users to the file for you.

Cookies ignore ports: apps on one host name share them, and if both have a login, each sign-in ends the other's.
A name that ends in .localhost leads browsers to this machine, and has cookies of its own. In modes with a login a
second checkout of a project has such a name without the setting; see "sdev help checkouts".

The app answers its own page, links to it, and programs. Any other page can neither show the app in a frame,
open its stream, upload, nor read anything. That includes pages on other ports of this machine, whatever
server.enableCORS says. "origins" lists the pages that may, each as browsers write it: scheme, host and port,
without a slash at the end and without patterns. sdev reports each origin that it refuses once.

A component is a package with code for the browser. With "components: trust" it runs as Streamlit shows it: with
the app's cookies, storage and page, and as the user who is signed in. With "isolate" a component's frame
(st.components.v1) has an origin of its own: it gets its own files and what the app passes to it, and nothing
else of the app. Not isolated are components in the app's page (st.components.v2) and HTML that the app itself
writes (st.components.v1.html). Components that another server provides (url) have that server's origin anyway.

Components break that need cookies, storage, workers, the camera, or the address of a popup. The browser reports
what an isolated component requests from the app; sdev passes that on as the warning component.isolated. No server
notices that a component wants to read a cookie, the storage or the page, so sdev names the packages whose files
mention them, when the app starts and in "sdev auth check", which lists every component. After a change of the
setting, reload open tabs; the first page clears what the browser has stored for the app, except cookies.
A deployed app has no such isolation.
`
}
