package session

import (
	"context"
	"time"

	"sdev/dev/config"
	"sdev/dev/detect"
	"sdev/dev/sidecar"
)

// Host is the machine, the terminal and the global flags of the command that runs a project.
type Host struct {
	Dir     string              // directory in which the search for the project starts; "" is the working directory
	Files   []string            // compose files that a flag names
	App     string              // the service that is the app, if a flag names it
	Entry   string              // the script that is the app, if a flag names it
	Env     []string            // environment variables, NAME=VALUE
	Getenv  func(string) string // the value of one of Env
	Targets map[string][]string // hand-off targets with their parameters, which x-sdev may name
	Now     func() time.Time
	// Gateway returns the gateway's program for an architecture; "" is this machine's.
	Gateway func(architecture string) (sidecar.Program, error)
	// MachineDir returns sdev's directory on this machine, for facts that are not about one project; nil if there is none.
	MachineDir func() (string, error)
	// MFACode asks the user for the code of an AWS MFA device; nil without a terminal.
	MFACode func() (string, error)
}

// Options say how to run a project. The zero value runs it as its own files say, with the login bypassed.
type Options struct {
	Port     int      // port of this machine; 0 for the one in the project's files
	Profiles []string // profiles of the compose file to activate
	AWS      string   // one of config.AWSModes; "" for the one in the project's files
	Entry    EntryChoice
	TLS      bool   // serve the app's page over https
	Copy     bool   // always copy the project into its containers instead of mounting it
	Mount    bool   // always mount it, and copy only what its rules say
	Auth     string // one of config.LoginModes, or DetectAuth; "" bypasses the login
	Runtime  string // RuntimeDocker, RuntimeProcess or RuntimeAuto; "" for the one of the last up
	Shipped  bool   // the project as its files describe it, without what sets this checkout apart from others
	As       string // e-mail address of the person who signs in without the sign-in page
}

// DetectAuth is the value of Options.Auth that leaves the login mode to the project's files and code.
const DetectAuth = "detect"

// EntryChoice says how to choose the script, or the service, that is the app, if neither a flag nor the project's files
// name it.
type EntryChoice struct {
	Required bool    // an unclear choice is an error; else the likeliest script is used
	Keep     bool    // the choice is stored for later commands
	Ask      Chooser // nil if there is no user to ask
}

// Chooser asks the user which script or service is the app.
type Chooser interface {
	// ChooseEntry returns the path of one of the entries.
	ChooseEntry(ctx context.Context, entries []detect.Entry) (string, error)
	// ChooseService returns the service of one of the candidates.
	ChooseService(ctx context.Context, candidates []config.Candidate) (string, error)
}

// Load finds and reads the project of the host's directory, and applies the options. It stores the choice that flags
// make, if the options say so.
func Load(ctx context.Context, h Host, o Options) (*config.Project, error) {
	name := keptName
	if o.Shipped {
		name = nil
	}
	p, err := config.Load(ctx, config.Options{Name: name, Dir: h.Dir, Files: h.Files, Profiles: o.Profiles, Env: h.Env, Targets: h.Targets, App: h.App, Entry: h.Entry,
		Assume: func(dir string) (*config.Assumption, error) { return assume(ctx, dir, h, o.Entry) }, Earlier: earlier, Candidates: candidates, Ask: ask(ctx, o.Entry), Source: sourceIn})
	if err != nil {
		return nil, err
	}
	if err := storeService(p, h, o.Entry); err != nil {
		return nil, err
	}
	if o.AWS != "" {
		p.Settings.AWS.Mode = o.AWS
	}
	return p, nil
}
