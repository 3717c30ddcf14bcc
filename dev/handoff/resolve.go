package handoff

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"sdev/dev"
)

// Inputs are the values that people give, by where they give them.
type Inputs struct {
	Set     map[string]string               // --set; "" forgets what an earlier hand-off recorded
	Config  func(name string) (Value, bool) // x-sdev.deploy; Source ends with the place, "… (compose.yaml:14)"
	Last    []NamedValue                    // in the record of the last hand-off
	Answers map[string]string               // at the terminal, during this hand-off
}

// NamedValue is the value of a parameter, as records keep it.
type NamedValue struct {
	Name string `json:"name"`
	Value
}

// The sources of values that are the same for every parameter.
const (
	FromSet         = "--set"
	FromAnswer      = "your answer"
	FromDefault     = "default"
	FromPlaceholder = "placeholder"
	FromNone        = "not set"
)

// Resolve finds the value of every parameter. The first source that has one decides:
//
//  1. --set
//  2. x-sdev.deploy
//  3. the record of the last hand-off, if a person gave the value then
//  4. the facts of the project
//  5. the record again, for a value that came from git
//  6. an answer during this hand-off
//  7. the default
//
// Otherwise the value is "" if the parameter is optional, and else a placeholder. A value that a person gives and that
// is not valid is a *dev.Error with the place of the value. An invalid value of the facts or the record is ignored.
//
// missing are the parameters whose value is a placeholder, in the target's order.
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

// lastAnswer is the value that a person gave at the last hand-off; --set NAME= forgets it.
func (p Param) lastAnswer(inputs Inputs) (Value, bool) {
	if _, forget := inputs.Set[p.Name]; forget {
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

// lastGitValue is the value that came from git at the last hand-off: a checkout on a build machine has no branch, and
// sometimes no remote.
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

// Validate returns what is wrong with a value; nil if it is valid.
func (p Param) Validate(text string) error {
	switch {
	case strings.ContainsFunc(text, needsEscape) || checkText(text) != nil:
		return fmt.Errorf("%q is not one line of text", text)
	case len(p.Choices) > 0 && !slices.Contains(p.Choices, text):
		return fmt.Errorf("%q is not one of %s", text, strings.Join(p.Choices, ", "))
	case p.Check != nil:
		return p.Check(text)
	}
	return nil
}

// checkSet is an error for a name that is not one of the target's parameters.
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
	hint := "its values are: " + strings.Join(names, ", ")
	if similar := closest(unknown[0], names); similar != "" {
		hint = "did you mean: --set " + similar + "=" + set[unknown[0]]
	}
	return &dev.Error{Code: dev.CodeUsage, Exit: dev.ExitUsage, Message: fmt.Sprintf("%s has no value %q", t.Name, unknown[0]), Hint: dev.Sanitize(hint)}
}

// ParamNames are the names of the parameters, in the target's order.
func (t Target) ParamNames() []string {
	var names []string
	for _, p := range t.Params {
		names = append(names, p.Name)
	}
	return names
}

// NamedValues are the values, in the order of the target's parameters.
func (t Target) NamedValues(values Values) []NamedValue {
	out := []NamedValue{}
	for _, p := range t.Params {
		out = append(out, NamedValue{p.Name, values[p.Name]})
	}
	return out
}

// MissingValue is the ID of the finding about a value that is not set.
const MissingValue = "handoff.placeholder"

// Missing are the parameters whose value is not set. A parameter is left out if the user has replaced its placeholder
// in the files by hand.
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

// findPlaceholder looks for the placeholder of a parameter: whether it was rendered, and where it is in the files now.
func (p Param) findPlaceholder(text string, files []Change) (rendered bool, file string, line int) {
	for _, f := range files {
		if slices.Contains(p.Choices, text) {
			break // a common word, which may be anywhere
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
			Message: fmt.Sprintf("%s is not set (%s), so the files have the placeholder %s", p.Name, p.About, text), Fix: fmt.Sprintf("sdev deploy %s --set %s=…", t.Name, p.Name)})
	}
	return out
}
