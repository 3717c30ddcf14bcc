package cli

import (
	"fmt"
	"strings"

	"sdev/cmd/internal/render"
	"sdev/dev/handoff"
)

// deployText lists targets and their values from the targets themselves, so that it cannot lag behind.
func deployText() string {
	var b strings.Builder
	b.WriteString(`"sdev deploy TARGET" renders what a platform needs to run the project, checks what would ship, and
records what was handed over. It calls no cloud.

Where values come from, the first that says one:
  --set NAME=VALUE            on the command line; remembered in the record, NAME= forgets it
  x-sdev.deploy.TARGET.NAME   in the compose file
  x-sdev.deploy.NAME          in the compose file, for every target that has it
  your answer                 at an earlier hand-off
  the project itself          name, compose model, code, git
  the default
  your answer                 asked on a terminal, unless --yes
A placeholder stands for what nobody has said: the files are written, and the hand-off is incomplete. A
value is one line of text; a list, and a mapping, of the compose file become a,b and k=v,l=w. Secrets
are never a value: bundles name the store that holds them.

  x-sdev:
    deploy:
      region: eu-west-1
      ecs: {aws-account: "123456789012", allowed-cidrs: [10.0.0.0/8]}
      suppress:               # shipped in spite of a finding, until a day
        - {id: image.size, path: Dockerfile, reason: the model is in it, until: 2027-01-31}

What lies in a bundle (deploy/TARGET, or --out):
  README.md                   the one page to go by: one-time steps, way back, what differs from articles
  HANDOFF.md                  what was handed over: image, commit, values, checks, files, next steps
  .handoff/record.json        the same for programs
  .handoff/base/              what was rendered last, by which your edits are told from changes of sdev
Files for the root of the repository (.github/workflows) are written there, and below a bundle that
lies elsewhere. All of it is meant to be committed.

Files, as the plan lists them:
  create, update, identical   yours was as rendered last, or not there
  keep                        edited by you, and nothing else has changed
  merge                       edited by you, and joined with what has changed elsewhere in it
  conflict                    both changed the same lines, and stand there between <<<<<<< and >>>>>>>
  skip                        removed by you; it stays away
  remove                      not rendered any more, and not edited
  foreign                     there, and of no hand-off: nothing at all is written

Exit code 1 where a finding blocks, a value is missing or a conflict is left; with --check also where
the files are not as they would be rendered. "sdev help preflight" lists the findings of every
project. Besides them, each target tells under its own name what it cannot express, and:
  handoff.placeholder         nobody has said a value
  ship.environment            variables of the compose file that are not handed over, since their values
                              come from this machine or look like secrets
  ship.image                  the image was built from another commit
  ship.submodule              the files of a submodule are not here

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
				about += "; may be left out"
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

// imageText is about the image that ships.
func imageText() string {
	var b strings.Builder
	b.WriteString(`The image that ships, with --build or --image:
  --build builds the service that ships ("streamlit" beside "streamlit-local", else the app's own) from
  the working tree: nothing of what sdev adds for development is in it, and extra CA and proxies of this
  machine leave no trace. Its times are those of the commit (or SOURCE_DATE_EPOCH), so that the same
  commit and base give the same digest where the steps do; its labels name commit and repository.
  Either is started once: with a root that is read-only but for /tmp, the image's own user, without
  network, mounts and credentials. Its health check, its page and one run of its script are asked for.
`)
	for _, r := range handoff.ProofRules() {
		const column = 25
		fmt.Fprintf(&b, "  %-*s %s\n", column-3, r.ID, render.Wrap(fmt.Sprintf("%s (%s)", r.About, r.Severity), helpWidth, column))
	}
	return b.String() + "\n"
}

// helpWidth is how wide pages of help are.
const helpWidth = 100
