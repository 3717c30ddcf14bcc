package mcp

import (
	"context"
	"fmt"
	"strings"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"sdev/dev"
)

// peopleAnswer lists who can sign in.
type peopleAnswer struct {
	People   []dev.Person `json:"people"`
	Examples bool         `json:"examples" jsonschema:"these are sdev's examples, because the project names nobody"`
	cut

	total int
}

func addPeople(s *sdk.Server, p Project) {
	add(s, p, reading("people", "People", "Lists the people who can sign in to the app on this machine, with their e-mail addresses, groups and claims. They are invented for development."),
		func(ctx context.Context, _ none) (peopleAnswer, error) {
			people, examples, err := p.People(ctx)
			for _, who := range people {
				for name, value := range who.Claims {
					if text, ok := value.(string); ok && dev.MayHoldSecret(name, text) {
						who.Claims[name] = "***"
					}
				}
			}
			return peopleAnswer{People: people, Examples: examples, total: len(people)}, err
		})
}

func (a *peopleAnswer) text() string {
	var lines []string
	for _, who := range a.People {
		l := who.Email + " " + who.Name
		if len(who.Groups) > 0 {
			l += ", groups: " + strings.Join(who.Groups, ", ")
		}
		lines = append(lines, l)
	}
	if a.Examples {
		lines = append(lines, "These people are sdev's examples: x-sdev.auth.users of the compose file is empty.")
	}
	return strings.Join(lines, "\n") + a.note()
}

func (a *peopleAnswer) shorten() bool { return fewer(&a.cut, &a.People, a.total, "people", false) }

// preflightAnswer lists what must not ship.
type preflightAnswer struct {
	Blocks   int           `json:"blocks" jsonschema:"how many findings block a hand-off"`
	Rules    int           `json:"rules" jsonschema:"how many rules were checked"`
	Findings []dev.Finding `json:"findings"`
	cut

	total int
}

func addPreflight(s *sdk.Server, p Project) {
	add(s, p, reading("preflight", "Check what ships", "Checks the project for what must not ship: a bypassed login, mocks, credentials in files or in the git history, known traps of platforms. Each finding has a place and a fix. It needs no running app. "+
		"Call it before a hand-off or a commit."),
		func(ctx context.Context, _ none) (preflightAnswer, error) {
			c, err := p.Preflight(ctx)
			if c.Findings == nil {
				c.Findings = []dev.Finding{}
			}
			return preflightAnswer{Blocks: c.Blocks, Rules: c.Rules, Findings: c.Findings, total: len(c.Findings)}, err
		})
}

func (a *preflightAnswer) text() string {
	lines := []string{fmt.Sprintf("%d findings of %d rules, %d of them block a hand-off", a.total, a.Rules, a.Blocks)}
	for _, f := range a.Findings {
		at := f.Where
		if f.File != "" {
			at = f.File
			if f.Line > 0 {
				at = fmt.Sprintf("%s:%d", f.File, f.Line)
			}
		}
		l := fmt.Sprintf("%s %s: %s", f.Severity, strings.TrimSpace(f.ID+" "+at), f.Message)
		if f.Suppressed != nil {
			l += " (suppressed: " + f.Suppressed.Reason + ")"
		} else if f.Fix != "" {
			l += "; fix: " + f.Fix
		}
		lines = append(lines, l)
	}
	return strings.Join(lines, "\n") + a.note()
}

func (a *preflightAnswer) shorten() bool {
	return fewer(&a.cut, &a.Findings, a.total, "findings", false)
}

// The tools that change something.
const (
	restartTool = "restart"
	signInTool  = "sign_in_as"
)

type restartArguments struct {
	Service string `json:"service,omitempty" jsonschema:"a service of the compose file; the app if missing"`
}

type restartAnswer struct {
	Service string `json:"service" jsonschema:"what was restarted"`
}

func addRestart(s *sdk.Server, p Project) {
	add(s, p, changing(restartTool, "Restart the app", "Restarts the app, or another service, and waits until the page answers. Whatever the app holds in memory is lost; open tabs show the new page by themselves. "+
		"A save needs no restart: call wait_until_live instead.", true, true),
		func(ctx context.Context, in restartArguments) (restartAnswer, error) {
			service, err := p.Restart(ctx, in.Service)
			return restartAnswer{service}, err
		})
}

func (a *restartAnswer) text() string  { return a.Service + " was restarted, and the app answers" }
func (a *restartAnswer) shorten() bool { return false }

type signInArguments struct {
	Email string `json:"email" jsonschema:"the e-mail address of one of the project's people; the tool people lists them"`
}

type signInAnswer struct {
	Email string `json:"email"`
	Name  string `json:"name"`
}

func addSignIn(s *sdk.Server, p Project) {
	add(s, p, changing(signInTool, "Sign in as somebody", "Signs one of the project's people in from the next login on, without the sign-in page. Whoever is signed in stays signed in until they sign out. It needs an app that runs with its login (sdev up --with-auth).", false, true),
		func(ctx context.Context, in signInArguments) (signInAnswer, error) {
			if in.Email == "" {
				return signInAnswer{}, dev.UsageError("email is empty", "name one of the project's people; the tool people lists them")
			}
			who, err := p.SignInAs(ctx, in.Email)
			return signInAnswer{who.Email, who.Name}, err
		})
}

func (a *signInAnswer) text() string {
	return a.Email + " is signed in from the next login on, without the sign-in page"
}
func (a *signInAnswer) shorten() bool { return false }
