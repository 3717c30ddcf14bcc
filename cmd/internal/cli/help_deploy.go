package cli

import (
	"fmt"
	"strings"

	"sdev/cmd/internal/render"
	"sdev/dev/handoff"
)

// deployText lists targets and their values from the targets themselves, so that it is never out of date.
func deployText() string {
	var b strings.Builder
	b.WriteString(`"sdev deploy TARGET" renders the files that a platform needs to run the project, checks what would
ship, and records what was handed over. It calls no cloud.

Where values come from; the first source that has one counts:
  --set NAME=VALUE            on the command line; the record keeps it, and NAME= removes it
  x-sdev.deploy.TARGET.NAME   in the compose file
  x-sdev.deploy.NAME          in the compose file, for every target that has this value
  an earlier answer           that you gave at an earlier hand-off
  the project itself          name, compose model, code, git
  the default
  your answer                 sdev asks on a terminal, unless --yes
If no source has a value, sdev writes a placeholder, and the hand-off is incomplete. A value is one line of
text: a list of the compose file becomes a,b and a mapping becomes k=v,l=w. A secret is never a value: the
bundle names the store that holds it.

  x-sdev:
    deploy:
      region: eu-west-1
      ecs: {aws-account: "123456789012", allowed-cidrs: [10.0.0.0/8]}
      suppress:               # findings that may ship, each until a date
        - {id: image.size, path: Dockerfile, reason: the model is in it, until: 2027-01-31}

What a bundle contains (deploy/TARGET, or --out):
  README.md                   the runbook: one-time steps, rollback, what differs from published articles
  HANDOFF.md                  what was handed over: image, commit, values, checks, files, next steps
  .handoff/record.json        the same for programs
  .handoff/base/              what sdev rendered last, to tell your edits from its own changes
sdev writes files for the root of the repository (.github/workflows) there. If the bundle is outside the
repository, it writes them below the bundle. Commit all of it.

Files, as the plan lists them:
  create, update, identical   the file does not exist yet, or you have not edited it
  keep                        you edited the file, and sdev has nothing new for it
  merge                       you edited the file, and sdev merges its changes into it
  conflict                    you and sdev changed the same lines; both are there, between <<<<<<< and >>>>>>>
  skip                        you removed the file, and sdev does not write it again
  remove                      sdev does not render the file any more, and you have not edited it
  foreign                     the file exists and no hand-off wrote it: sdev writes nothing at all

The exit code is 1 if a finding blocks, a value is missing or a conflict is left; with --check also if the
files differ from what sdev would render. "sdev help preflight" lists the findings for every project.
In addition, each target reports under its own name what it cannot express, and:
  handoff.placeholder         a value is missing
  ship.environment            variables of the compose file that are not handed over, because their values
                              come from this machine or look like secrets
  ship.missing                the code reads secrets or variables that the platform does not give it
  ship.image                  the image was built from another commit
  ship.submodule              the files of a submodule are not checked out

`)
	b.WriteString(imageText())
	for _, t := range handoff.Targets() {
		fmt.Fprintf(&b, "%s: %s\n", t.Name, render.Wrap(t.About, helpWidth, len(t.Name)+2))
		for _, p := range t.Params {
			about := p.About
			switch {
			case len(p.Choices) > 0:
				about += "; " + strings.Join(p.Choices, ", ")
			case p.Optional:
				about += "; optional"
			}
			if p.Default != "" {
				about += "; default " + p.Default
			}
			const column = 25
			fmt.Fprintf(&b, "  %-*s %s\n", column-3, p.Name, render.Wrap(about, helpWidth, column))
		}
		b.WriteString("\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// imageText explains the image that ships.
func imageText() string {
	var b strings.Builder
	b.WriteString(`The image that ships, with --build or --image:
  --build builds the service that ships from the working tree. That is "streamlit" if there is also a
  "streamlit-local", and else the app's own service. The image contains nothing that sdev adds for
  development, and no trace of this machine's extra CA and proxies. Its file times are those of the commit
  (or SOURCE_DATE_EPOCH): if the build steps are reproducible, the same commit and base image give the same
  digest. Its labels name commit and repository.
  sdev starts the image once, with --build and with --image: read-only except for /tmp, as the image's own
  user, without network, mounts or credentials. It checks health, page and one run of the script.
`)
	for _, r := range handoff.ProofRules() {
		const column = 25
		fmt.Fprintf(&b, "  %-*s %s\n", column-3, r.ID, render.Wrap(fmt.Sprintf("%s (%s)", r.About, r.Severity), helpWidth, column))
	}
	return b.String() + "\n"
}

// helpWidth is how wide pages of help are.
const helpWidth = 100
