package handoff

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"sdev/dev"
)

// Inputs is what people have said about the values of a target.
type Inputs struct {
	Set     map[string]string               // by --set
	Config  func(name string) (Value, bool) // by x-sdev.deploy; Source ends with the place, "… (compose.yaml:14)"
	Last    []NamedValue                    // at the last hand-off
	Answers map[string]string               // on the terminal, just now
}

// NamedValue is the value of a parameter, as records keep it.
type NamedValue struct {
	Name string `json:"name"`
	Value
}

// The sources of values that are the same everywhere.
const (
	FromSet         = "--set"
	FromAnswer      = "your answer"
	FromDefault     = "default"
	FromPlaceholder = "placeholder"
	FromNone        = "not set"
)

// Resolve finds the value of every parameter. The first that says one decides: --set, x-sdev.deploy,
// what a person said at the last hand-off (by --set or asked), the project itself, what git said at the
// last hand-off, the answer of just now, the default; else the value is a placeholder, or "" where the parameter is optional. A value that
// the parameter does not take is a *dev.Error with the place where it stands; one that was only found,
// or remembered, is passed over.
//
// open are the parameters that are not set and have no default, in the order of the target's.
func (t Target) Resolve(f Facts, inputs Inputs) (values Values, missing []Param, err error) {
	if err := t.checkSet(inputs.Set); err != nil {
		return nil, nil, err
	}
	values = Values{}
	for _, p := range t.Params {
		v, err := p.resolve(f, inputs)
		if err != nil {
			return nil, nil, err
		}
		values[p.Name] = v
	}
	for _, p := range t.Params {
		switch {
		case !values[p.Name].Placeholder:
		case p.NotApplicable != nil && p.NotApplicable(values):
			values[p.Name] = Value{Source: FromNone}
		default:
			missing = append(missing, p)
		}
	}
	return values, missing, nil
}

func (p Param) resolve(f Facts, inputs Inputs) (Value, error) {
	if text := inputs.Set[p.Name]; text != "" {
		if err := p.Validate(text); err != nil {
			return Value{}, p.invalid("--set "+p.Name, err, "", 0)
		}
		return Value{Text: text, Source: FromSet}, nil
	}
	if inputs.Config != nil {
		if v, ok := inputs.Config(p.Name); ok {
			if err := p.Validate(v.Text); err != nil {
				file, line := splitOrigin(v.Source)
				name, _, _ := strings.Cut(v.Source, " (")
				return Value{}, p.invalid(name, err, file, line)
			}
			return v, nil
		}
	}
	if v, ok := p.lastAnswer(inputs); ok {
		return v, nil
	}
	if p.FromFacts != nil {
		if v, ok := p.FromFacts(f); ok && v.Text != "" && p.Validate(v.Text) == nil {
			return v, nil
		}
	}
	if v, ok := p.lastGitValue(inputs); ok {
		return v, nil
	}
	if text := inputs.Answers[p.Name]; text != "" {
		if err := p.Validate(text); err != nil {
			return Value{}, p.invalid(p.Name, err, "", 0)
		}
		return Value{Text: text, Source: FromAnswer}, nil
	}
	switch {
	case p.Default != "":
		return Value{Text: p.Default, Source: FromDefault}, nil
	case p.Optional:
		return Value{Source: FromNone}, nil
	}
	return Value{Text: cmp.Or(p.Placeholder, "REPLACE-"+strings.ToUpper(p.Name)), Source: FromPlaceholder, Placeholder: true}, nil
}

// lastAnswer is what a person said at the last hand-off; --set NAME= takes it back.
func (p Param) lastAnswer(inputs Inputs) (Value, bool) {
	if _, back := inputs.Set[p.Name]; back {
		return Value{}, false
	}
	for _, v := range inputs.Last {
		answer := v.Source == FromSet || v.Source == FromAnswer
		if v.Name == p.Name && answer && p.Validate(v.Text) == nil {
			v.Remembered = true
			return v.Value, true
		}
	}
	return Value{}, false
}

// lastOfGit is what the repository said at the last hand-off: a checkout of a build machine has no
// branch, and sometimes no remote.
func (p Param) lastGitValue(inputs Inputs) (Value, bool) {
	for _, v := range inputs.Last {
		if v.Name == p.Name && strings.HasPrefix(v.Source, "git ") && p.Validate(v.Text) == nil {
			return v.Value, true
		}
	}
	return Value{}, false
}

func (p Param) invalid(name string, err error, file string, line int) error {
	return &dev.Error{Code: dev.CodeDeployValue, Exit: dev.ExitUsage, Cause: err, File: file, Line: line,
		Message: dev.Sanitize(fmt.Sprintf("%s: %v", name, err)), Hint: p.Name + ": " + p.About}
}

// Accept says what is wrong with a value.
func (p Param) Validate(text string) error {
	switch {
	case strings.ContainsFunc(text, needsEscape) || checkText(text) != nil:
		return fmt.Errorf("%q is more than one line of text", text)
	case len(p.Choices) > 0 && !slices.Contains(p.Choices, text):
		return fmt.Errorf("%q is none of %s", text, strings.Join(p.Choices, ", "))
	case p.Check != nil:
		return p.Check(text)
	}
	return nil
}

// checkSet refuses names that the target does not have.
func (t Target) checkSet(set map[string]string) error {
	names := t.ParamNames()
	var unknown []string
	for name := range set {
		if !slices.Contains(names, name) {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	slices.Sort(unknown)
	hint := "it has: " + strings.Join(names, ", ")
	if similar := closest(unknown[0], names); similar != "" {
		hint = "did you mean: --set " + similar + "=" + set[unknown[0]]
	}
	return &dev.Error{Code: dev.CodeUsage, Exit: dev.ExitUsage, Message: fmt.Sprintf("%s has no value %q", t.Name, unknown[0]), Hint: dev.Sanitize(hint)}
}

// ParamNames are the names of the parameters, in their order.
func (t Target) ParamNames() []string {
	var names []string
	for _, p := range t.Params {
		names = append(names, p.Name)
	}
	return names
}

// Named are the values in the order of the target's parameters.
func (t Target) NamedValues(values Values) []NamedValue {
	out := []NamedValue{}
	for _, p := range t.Params {
		out = append(out, NamedValue{p.Name, values[p.Name]})
	}
	return out
}

// MissingValue is the id of the finding about a value that is not set.
const MissingValue = "handoff.placeholder"

// Missing are the parameters whose value is not set: their placeholders are in the files, unless
// somebody has put the value in there by hand.
func (t Target) Missing(values Values, files []Change) []Param {
	var out []Param
	for _, p := range t.Params {
		if v := values[p.Name]; v.Placeholder {
			if rendered, file, _ := p.findPlaceholder(v.Text, files); !rendered || file != "" {
				out = append(out, p)
			}
		}
	}
	return out
}

// standsIn looks for the placeholder of a parameter: whether it was rendered, and where it is now.
func (p Param) findPlaceholder(text string, files []Change) (rendered bool, file string, line int) {
	for _, f := range files {
		if slices.Contains(p.Choices, text) {
			break // a word that may stand anywhere
		}
		rendered = rendered || strings.Contains(string(f.Rendered), text)
		if before, _, found := strings.Cut(string(f.Content), text); found && file == "" {
			file, line = f.Path, 1+strings.Count(before, "\n")
		}
	}
	return rendered, file, line
}

// MissingFindings are the findings about [Target.Missing].
func (t Target) MissingFindings(values Values, files []Change) []dev.Finding {
	var out []dev.Finding
	for _, p := range t.Missing(values, files) {
		text := values[p.Name].Text
		_, file, line := p.findPlaceholder(text, files)
		out = append(out, dev.Finding{ID: MissingValue, Severity: dev.Blocks, File: file, Line: line,
			Message: fmt.Sprintf("%s is not set (%s); the files hold the placeholder %s", p.Name, p.About, text), Fix: fmt.Sprintf("sdev deploy %s --set %s=…", t.Name, p.Name)})
	}
	return out
}
