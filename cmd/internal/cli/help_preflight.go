package cli

import (
	"fmt"
	"strings"

	"sdev/cmd/internal/render"
	"sdev/dev"
	"sdev/dev/preflight"
)

// preflightHelp explains the checks, and lists the rules from their table.
func preflightHelp() string {
	var b strings.Builder
	b.WriteString(`"sdev preflight" and "sdev deploy" look for what must not ship. A finding has the id of a rule, a
place and a fix. It blocks the hand-off (exit code 1), warns, or notes something.

What they check:
  - the files of the project that git does not ignore
  - the service of the compose file that ships, and not the one for local development
  - every version of every file in the repository
  - with a target: the files of its bundle
  - with --image: configuration, history and every layer of the image, including files that a later
    layer deletes
For a secret they report its kind and its place, and never the secret itself.

They follow the ways to switch the login off as far as reading files allows: through constants,
names that are put together, other names of os.environ, functions, and files that a script loads
into the environment; in scripts of any directory that ENTRYPOINT, CMD, a supervisor, a Procfile or
a service names; and in the files of the platforms that run containers. They ignore what a project
has for development, for tests and for people: files and directories named dev, local, test, docs
and the like, compose files that no production file is named after, and jobs that deploy nothing.

What they do not find:
  - the bypass, if its name comes from arithmetic, encryption, the network or a database, if it
    depends on a branch or an exception, if a program in another language that the app starts sets
    it, or if somebody sets it by hand on the platform
  - what is in an archive of an image, if the archive is zstd, xz or 7z, lies more than four levels
    deep, or is larger than 64 MiB; they do look into gzip, bzip2, zip and tar
  - what a compiled script without its source does: they only see the names that it uses
  - credentials that are encrypted or in base64url, and passwords of no known form. They do find
    credentials in the form that their issuers give them, also in base64 and UTF-16
  - what a git filter would make of a file, or the content behind an LFS pointer: sdev runs no
    filter, hook or helper that the repository names, and reads each file as it is

To ship in spite of a finding, say so in the compose file, with a reason and a last day:

  x-sdev:
    deploy:
      suppress:
        - {id: secret.history, path: old/key.pem, reason: it was revoked, until: 2027-01-31}

path is optional: a pattern as in .dockerignore, for a file of the project or the image. sdev does
not apply a suppression that has no reason or no day, or whose day has passed: it reports a finding.

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
	b.WriteString("\nThe exit code is 1 if a finding blocks and is not suppressed.\n")
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
