package cli

import (
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"sdev/dev"
)

// topic is a page of help that is not about one command.
type topic struct {
	name, about string
	text        func() string
}

func topics() []topic {
	return []topic{
		{"exit-codes", "what exit codes mean", exitCodesText},
		{"environment", "variables that sdev reads and sets", environmentText},
		{"events", "the events of --json, and the codes of errors and warnings", eventsText},
		{"compose", "which keys of a compose file are applied, and how", composeText},
		{"x-sdev", "settings of sdev in the compose file", xsdevText},
		{"auth", "the app's real login on this machine: modes, people, faults", authText},
		{"deploy", "the hand-off: targets, their values, what is written", deployText},
		{"preflight", "what must not ship: the rules, and how one is suppressed", preflightHelp},
	}
}

func (a *commands) newHelpCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "help [COMMAND|TOPIC]",
		Short: "Help about a command or a topic",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				if i := slices.IndexFunc(topics(), func(t topic) bool { return t.name == args[0] }); i >= 0 {
					_, err := io.WriteString(a.Stdout(), topics()[i].text())
					return err
				}
			}
			target, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return dev.UsageError("no command or topic "+strconv.Quote(strings.Join(args, " ")), "see: sdev help")
			}
			if err := target.Help(); err != nil || len(args) > 0 {
				return err
			}
			var b strings.Builder
			b.WriteString("\nTopics (sdev help TOPIC):\n")
			for _, t := range topics() {
				fmt.Fprintf(&b, "  %-12s %s\n", t.name, t.about)
			}
			_, err = io.WriteString(a.Stdout(), b.String())
			return err
		},
	}
	for _, t := range topics() {
		cmd.ValidArgs = append(cmd.ValidArgs, t.name)
	}
	return cmd
}

func exitCodesText() string {
	var b strings.Builder
	b.WriteString("Exit codes:\n")
	for _, c := range dev.ExitCodes() {
		fmt.Fprintf(&b, "  %3d  %s\n", c.Code, c.About)
	}
	b.WriteString("\n\"sdev shell -- COMMAND\" passes COMMAND's own exit code on.\n")
	return b.String()
}

func environmentText() string {
	return `Variables that sdev reads:
  DOCKER_HOST, DOCKER_TLS_VERIFY, DOCKER_CERT_PATH, DOCKER_CONTEXT, DOCKER_CONFIG
                          where the container engine is, as for docker: --context, DOCKER_HOST,
                          DOCKER_CONTEXT, docker context use, the usual socket; where none of them is
                          set and that socket does not answer, those of rootless Docker, Docker
                          Desktop, colima, Rancher Desktop, OrbStack and podman
  DOCKER_BUILDKIT         0: build with the engine's classic builder
  AWS_PROFILE, AWS_REGION, AWS_DEFAULT_REGION
                          which login and region the app gets
  SSL_CERT_FILE, REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE, PIP_CERT, AWS_CA_BUNDLE, NODE_EXTRA_CA_CERTS
                          the first that is set names an extra CA for builds and for the app
  HTTP_PROXY, HTTPS_PROXY, NO_PROXY, ALL_PROXY (and in lower case)
                          handed on to builds and to the app
  COMPOSE_FILE, COMPOSE_PROJECT_NAME, COMPOSE_PROFILES
                          as for docker compose
  XDG_CACHE_HOME          where sdev keeps what it can make again
  NO_COLOR                any value: no colours
  TERM                    dumb, or not set: lines instead of the dashboard
  BROWSER                 what "sdev open" starts

Variables that sdev sets in the app's container ("sdev config" prints them all, with reasons):
  LOCAL_STREAMLIT=1       the login is bypassed; only ever set by "sdev up --local"
  AWS_ENDPOINT_URL_SSM, OAUTH_REDIRECT_URI, STREAMLIT_SECRETS_FILES
                          with --with-auth: where the app finds its client, and its origin
  SDEV_OAUTH_ENDPOINTS    with --with-auth: where the start-up shim leads addresses of known providers
  PYTHONPATH              a start-up shim first, then as the image or the compose file has it
  STREAMLIT_…             development settings of the server
  HOME                    a writable home for your user id
  AWS_PROFILE, AWS_REGION, AWS_EC2_METADATA_DISABLED
  AWS_CONTAINER_CREDENTIALS_FULL_URI, AWS_CONTAINER_AUTHORIZATION_TOKEN
                          with --aws session: where the app asks for its keys, and with what
  SSL_CERT_FILE and its kin, the proxy variables
`
}

// eventsText lists events and their fields from the types themselves, so that it cannot lag behind.
func eventsText() string {
	var b strings.Builder
	b.WriteString("Every line of --json is an object {\"v\":1,\"seq\":N,\"time\":RFC 3339,\"type\":…, …}:\n")
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
	b.WriteString("\nTexts are told as they are; what would steer a terminal, or cannot be seen, is escaped (\\u001b). Who an address\nsigns in as (http://user:password@proxy) is told as ***.\n")
	b.WriteString("\nCodes of errors and warnings:\n")
	for _, c := range dev.Codes() {
		fmt.Fprintf(&b, "  %-20s %s\n", c.Code, c.About)
	}
	return b.String()
}

func xsdevText() string {
	return `Settings at the top of the compose file; all of them may be left out:

  x-sdev:
    app: streamlit-local        # the service that is the Streamlit app; else found out
    entry: code_package/streamlit/Home.py   # the script that runs, in place of the command's
    aws:
      mode: mount               # mount (~/.aws, read-only), session (keys of one profile), none
      profile: dev              # else AWS_PROFILE
      region: us-east-1         # else AWS_REGION, or the profile's
      parameters:               # what the parameter store holds in modes with a login
        /shop/key: some text    # a SecureString, or {value: some text, type: String}
    auth:
      mode: app                 # app or native: what --with-auth means; else read from the code
      profile: plain            # or ` + strings.Join(dev.Profiles()[1:], ", ") + `: whose claims and paths
      users:                    # who can sign in; else two people are made up
        - {email: alice@example.com, name: Alice, groups: [marketing], claims: {hd: example.com}}
      policies:                 # who may reach which path; sdev help auth
        - {path: /marketing/*, allow: {groups: [marketing]}}
        - {path: /, allow: {anyone: true}}   # also: emails, domains
    deploy:                     # values for "sdev deploy"; sdev help deploy
      region: us-east-1         # for every target that has it
      ecs: {domain: app.example.com}
      suppress:                 # shipped in spite of a finding, until a day
        - {id: image.size, reason: the model is in it, until: 2027-01-31}
    ca: ./corp-ca.pem           # extra CA for builds and the app; else taken from the environment
    origins:                    # pages elsewhere that may embed the app and talk to it; else none
      - https://portal.example.com

An unknown setting is an error with its line. In several compose files later values, and later lists of
users, policies and origins, take the place of earlier ones. "sdev auth users add" writes users by itself.

The app answers its own page, links to it, and programs. To any other page it is closed: it cannot show the
app in a frame, open its stream, upload, or read anything, not from another port of this machine either, and
whatever server.enableCORS says. "origins" lists those that may, each as browsers write it: scheme, host and
port, without a slash at the end, and without patterns. What is refused is told once, with its origin.
`
}
