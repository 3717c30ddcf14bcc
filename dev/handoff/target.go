package handoff

import "sdev/dev"

// Target is a platform that a project can be handed over to.
type Target struct {
	Name   string // on the command line: "ecs"
	About  string // one line
	Params []Param
	// NeedsImage says that the platform runs an image; otherwise it runs the source.
	NeedsImage bool
	// Derive computes from facts and values what else the templates need. It is pure. It reports values that contradict
	// one another, and whatever the target cannot express, as findings.
	Derive func(Facts, Values) (map[string]any, []dev.Finding)
	// NextSteps are the steps that a person takes after the bundle is written, in order.
	NextSteps func(Facts, Values) []Step

	// Hosting describes the platform to the checks of package preflight.
	Hosting dev.Hosting
	// Platform is the one that the image has to be built for, "linux/amd64". Nil leaves that to the project.
	Platform func(Values) string
	// SecretVariables are the app's variables that the platform sets from its secret store. Nil is none.
	SecretVariables func(Values) []string
	// Provides are the names that the app gets on the platform besides those of its image. Nil is none.
	Provides func(Facts, Values) Provided

	// languages are those of files that only this target has.
	languages []language
	// guards escape or refuse what the program that reads a file would evaluate even inside quotes, by the name of the
	// file without its directory.
	guards map[string]func(string) (string, error)
}

// Provided is what a platform gives the app from outside its image.
type Provided struct {
	Variables   map[string]string // where each comes from, by name
	SecretsFile string            // where the secrets.toml of the app comes from; "" if it gets none
}

// provided makes the variables of a map known by name.
func provided(env map[string]string, from string) Provided {
	p := Provided{Variables: map[string]string{}}
	for name := range env {
		p.Variables[name] = from
	}
	return p
}

// Param is a value that a target needs.
type Param struct {
	Name  string // lower case with dashes, as in --set and x-sdev.deploy: "aws-account"
	About string // what it is and where to look it up; one line
	Check func(string) error
	// FromFacts finds the value in the facts of the project; ok is false if they do not have it.
	FromFacts func(Facts) (v Value, ok bool)
	// Default is the value if nothing else sets one; "" is no default.
	Default string
	// Placeholder is what the files contain while the value is not set. A bundle with a placeholder is incomplete. The
	// platform's own validation accepts it.
	Placeholder string
	// NotApplicable, unless it is nil, reports whether other values make this parameter pointless. Then sdev does not
	// ask for it, and the value is "".
	NotApplicable func(Values) bool
	// Optional says that the target works without a value, which is then "".
	Optional bool
	// Choices, unless it is empty, are the only values.
	Choices []string
}

// Value is the value of a parameter, with its source.
type Value struct {
	Text   string `json:"value"`
	Source string `json:"source"` // "--set", "x-sdev.deploy.ecs (compose.yaml:14)", "git remote origin", "default", "placeholder"
	// Placeholder says that the value is not set yet.
	Placeholder bool `json:"placeholder,omitempty"`
	// Remembered says that the value comes from the record of an earlier hand-off.
	Remembered bool `json:"-"`
}

// Values are the values of all parameters of a target, by name.
type Values map[string]Value

// Text is the value of a parameter; "" if it has none.
func (v Values) Text(name string) string { return v[name].Text }

// Step is an action that a person takes after the hand-off.
type Step struct {
	About string `json:"about"`
	Run   string `json:"run,omitempty"`  // the command, ready to paste
	Once  bool   `json:"once,omitempty"` // not again after later hand-offs
}
