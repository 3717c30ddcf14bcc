package session

import (
	"context"
	"time"

	"sdev/dev/config"
	"sdev/dev/detect"
)

// Host is the machine, the terminal and the global flags that a project runs for.
type Host struct {
	Dir     string              // where the search for the project starts; "" is the working directory
	Files   []string            // compose files named by flag
	Env     []string            // NAME=VALUE
	Getenv  func(string) string // the same, by name
	Targets map[string][]string // hand-off targets with their parameters, which x-sdev may name
	Now     func() time.Time
	// GatewayRef gives the reference of the gateway's image.
	GatewayRef func() (string, error)
	// MFACode asks the person at the terminal for the code of an AWS MFA device; nil where nobody can be asked.
	MFACode func() (string, error)
}

// Options say how a project runs. The zero value runs it as its own files say, with the login bypassed.
type Options struct {
	Port     int      // host port by flag; 0 for the project's own
	Profiles []string // of the compose file
	AWS      string   // one of config.AWSModes; "" for the project's own
	Entry    EntryChoice
	Copy     bool   // copy the project into its containers, and never mount it
	Mount    bool   // mount it, and never copy it unless its rules say so
	Auth     string // one of config.LoginModes, or DetectAuth; "" bypasses the login
	As       string // e-mail address of the person who signs in without being asked
}

// DetectAuth is the login mode that leaves the choice to the project's files and code.
const DetectAuth = "detect"

// EntryChoice says what happens where the project's files leave open which script, or which service, is
// the app.
type EntryChoice struct {
	Entry    string  // script named by flag; "" to find it out
	Required bool    // an unclear choice is an error; else the likeliest script will do
	Keep     bool    // the answer is stored for later commands
	Ask      Chooser // nil where nobody can be asked
}

// Chooser is a person who answers what the project's files leave open.
type Chooser interface {
	// ChooseEntry returns the path of one of the entries.
	ChooseEntry(ctx context.Context, entries []detect.Entry) (string, error)
	// ChooseService returns one of the names.
	ChooseService(ctx context.Context, names []string) (string, error)
}

// Load reads the project that the host points at, as the options have it.
func Load(ctx context.Context, h Host, o Options) (*config.Project, error) {
	p, err := config.Load(ctx, config.Options{Dir: h.Dir, Files: h.Files, Profiles: o.Profiles, Env: h.Env, Targets: h.Targets,
		Assume: func(dir string) (*config.Assumption, error) { return assume(ctx, dir, o.Entry) }, Guess: guess(ctx, o.Entry), Source: sourceIn})
	if err != nil {
		return nil, err
	}
	if err := o.Entry.check(p); err != nil {
		return nil, err
	}
	if o.AWS != "" {
		p.Settings.AWS.Mode = o.AWS
	}
	return p, nil
}
