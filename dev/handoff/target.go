package handoff

import "sdev/dev"

// Target is a platform that a project can be handed over to.
type Target struct {
	Name   string // as it is given on the command line: "ecs"
	About  string // one line
	Params []Param
	// Image says that an image is handed over; otherwise it is the source.
	NeedsImage bool
	// Derive adds what templates need and nobody has to be asked for. It is pure. What a target cannot
	// express, or what contradicts itself, is a finding and never silence.
	Derive func(Facts, Values) (map[string]any, []dev.Finding)
	// Next are the commands that somebody runs after the bundle is written, in order.
	NextSteps func(Facts, Values) []Step

	// Hosting is what checks of other packages ask about the platform.
	Hosting dev.Hosting
	// Platform is the one that the image has to be for, "linux/amd64", as far as the values say so. Nil says
	// nothing.
	Platform func(Values) string
	// SecretVariables are the variables of the app whose values the platform puts in, out of its store of secrets. Nil
	// is none.
	SecretVariables func(Values) []string

	// languages are those of files that no other target has.
	languages []language
	// guards change or refuse what the program that reads a file evaluates even in the middle of a text, by the
	// file's name without directory.
	guards map[string]func(string) (string, error)
}

// Param is a value that a target needs.
type Param struct {
	Name  string // lower case with dashes, as in --set and x-sdev.deploy: "aws-account"
	About string // what it is, where to look it up; one line
	Check func(string) error
	// From finds the value in what is known of the project; ok is false where nothing says it.
	FromFacts func(Facts) (v Value, ok bool)
	// Default is used where nobody says another value, and shown as such. "" is none.
	Default string
	// Placeholder stands in the files while the value is not set. Files with it are rendered, and
	// cannot be handed over. It has the form that the platform's own checks accept.
	Placeholder string
	// Needless, where there is one, reports whether other values make this one needless: its placeholder
	// is then "", and nobody is asked.
	NotApplicable func(Values) bool
	// Optional says that the target works without: the value is then "".
	Optional bool
	// Choices, where there are any, are the only values.
	Choices []string
}

// Value is what a parameter is, and who says so.
type Value struct {
	Text   string `json:"value"`
	Source string `json:"source"` // "--set", "x-sdev.deploy.ecs (compose.yaml:14)", "git remote origin", "default", "placeholder"
	// Placeholder says that the value is not set yet.
	Placeholder bool `json:"placeholder,omitempty"`
	// Earlier says that it was said at an earlier hand-off, and not now.
	Remembered bool `json:"-"`
}

// Values are the values of all parameters of a target, by name.
type Values map[string]Value

// Text is the value of a parameter, "" where it has none.
func (v Values) Text(name string) string { return v[name].Text }

// Step is something that a person does after the hand-off.
type Step struct {
	About string `json:"about"`
	Run   string `json:"run,omitempty"` // the command, ready to paste
	Once  bool   `json:"once,omitempty"`
}
