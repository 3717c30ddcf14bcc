package cli

import (
	"fmt"
	"strings"

	"sdev/cmd/internal/render"
	"sdev/dev"
	"sdev/dev/preflight"
)

// preflightHelp lists the rules from their table.
func preflightHelp() string {
	var b strings.Builder
	b.WriteString(`"sdev preflight" and "sdev deploy" look for what must not ship. A finding has the id of a rule, a
place, and what helps. It blocks the hand-off (exit code 1), warns, or informs.

Looked at are: the files of the project that git does not ignore; the service of the compose file
that ships, without its local twin; every version of every file in the repository; with a target the
files of its bundle; with --image the configuration, the history and every layer of the image, files
that a later layer deletes included. Secrets are told by their kind and place, and never shown.

Ways to switch the login off are followed as far as reading goes: through constants, names that are
put together, other names of os.environ, functions, files that a script loads into the environment,
scripts that ENTRYPOINT, CMD, a supervisor, a Procfile or a service names, in a directory of any
name, and the files of the platforms that run containers. What a project has for development, for
tests and for people is left alone: files and directories named dev, local, test, docs and the
like, compose files that no production file is named after, jobs that deploy nothing.

What reading cannot show is not found: names from arithmetic, encryption, the network or a database;
what a branch or an exception decides; programs in other languages that the app starts; variables
that somebody sets by hand on the platform. In images archives are looked into that gzip, bzip2, zip
and tar have made, four deep and up to 64 MiB each; not those of zstd, xz or 7z. A compiled script
without its source is judged by the names that it uses. Credentials are found by the form that their
issuers give them, also in base64 and UTF-16; not encrypted ones, those in base64url, or passwords
of no form. sdev asks git about the repository and runs no filter, hook or helper that it names: a
file that a filter changes counts as it lies there, and LFS files by their pointers.

What is to be shipped all the same is said in the compose file, with a reason and a last day:

  x-sdev:
    deploy:
      suppress:
        - {id: secret.history, path: old/key.pem, reason: it was revoked, until: 2027-01-31}

path is a pattern as in .dockerignore, for a file of the project or image; it may be left out.
A suppression without reason or day, or whose day is over, is not applied, and is a finding itself.

`)
	family := ""
	for _, r := range preflight.Rules() {
		if name, _, _ := strings.Cut(r.ID, "."); name != family {
			if family != "" {
				b.WriteString("\n")
			}
			family = name
		}
		const column = 33
		fmt.Fprintf(&b, "  %-23s %-6s %s\n", r.ID, severityText(r.Severity), render.Wrap(r.About, helpWidth, column))
	}
	b.WriteString("\nExit code 1 where something blocks and is not suppressed.\n")
	return b.String()
}

func severityText(s dev.Severity) string {
	switch s {
	case dev.Blocks:
		return "blocks"
	case dev.Warns:
		return "warns"
	case dev.Informs:
	}
	return "notes"
}
