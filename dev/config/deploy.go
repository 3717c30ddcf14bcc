package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"sdev/dev"
)

// DeploySettings is x-sdev.deploy: values for the hand-off, and suppressed findings.
type DeploySettings struct {
	Values   []DeployValue
	Suppress []dev.Suppression
}

// DeployValue is a value for a parameter of the hand-off.
type DeployValue struct {
	Target string // "" for every target that has the parameter
	Name   string
	Text   string
	Origin string // its place: "compose.yaml:14"
}

// Value finds the value of a parameter of a target: the target's own before the one for all.
func (s DeploySettings) Value(target, name string) (v DeployValue, ok bool) {
	for _, of := range []string{target, ""} {
		i := slices.IndexFunc(s.Values, func(v DeployValue) bool { return v.Target == of && v.Name == name })
		if i >= 0 {
			return s.Values[i], true
		}
	}
	return DeployValue{}, false
}

func (s *DeploySettings) set(v DeployValue) {
	i := slices.IndexFunc(s.Values, func(have DeployValue) bool { return have.Target == v.Target && have.Name == v.Name })
	if i < 0 {
		s.Values = append(s.Values, v)
		return
	}
	s.Values[i] = v
}

// suppressName is the key of x-sdev.deploy that is no target and no parameter.
const suppressName = "suppress"

// deploy reads x-sdev.deploy: mappings of targets, values for all of them, and the list suppress.
// targets are the parameters of each target; without it names are taken as they are.
func (r *reader) deploy(to *DeploySettings, targets map[string][]string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		const name = "x-sdev.deploy"
		n = resolve(n)
		if n.Kind != yaml.MappingNode {
			r.fail(n, name+" must be a mapping", "see: sdev help deploy")
			return
		}
		shared := slices.Compact(slices.Sorted(slices.Values(slices.Concat(slices.Collect(maps.Values(targets))...))))
		for key, value := range pairs(n) {
			params, target := targets[key.Value]
			switch {
			case key.Value == suppressName:
				r.suppress(&to.Suppress)(value)
			case target, targets == nil && value.Kind == yaml.MappingNode:
				r.deployTarget(to, key.Value, params, value)
			case targets == nil, slices.Contains(shared, key.Value):
				r.deployValue(to, "", key, value)
			default:
				hint := "targets: " + strings.Join(slices.Sorted(maps.Keys(targets)), ", ") + "; settings for several targets: sdev help deploy"
				r.fail(key, fmt.Sprintf("%s.%s is neither a target nor a setting of one", name, key.Value), hint)
			}
		}
	}
}

func (r *reader) deployTarget(to *DeploySettings, target string, params []string, n *yaml.Node) {
	if n.Kind != yaml.MappingNode {
		r.fail(n, "x-sdev.deploy."+target+" must be a mapping of names to values", "see: sdev help deploy")
		return
	}
	for key, value := range pairs(n) {
		if params != nil && !slices.Contains(params, key.Value) {
			r.fail(key, fmt.Sprintf("unknown setting x-sdev.deploy.%s.%s", target, key.Value), "known here: "+strings.Join(params, ", "))
			return
		}
		r.deployValue(to, target, key, value)
	}
}

// deployValue reads one value: a text, a list of texts (joined by commas), or a mapping (key=value).
func (r *reader) deployValue(to *DeploySettings, target string, key, n *yaml.Node) {
	name := "x-sdev.deploy." + key.Value
	if target != "" {
		name = "x-sdev.deploy." + target + "." + key.Value
	}
	text, err := deployText(n)
	if err != nil {
		r.fail(n, name+err.Error(), "see: sdev help deploy")
		return
	}
	to.set(DeployValue{Target: target, Name: key.Value, Text: text, Origin: fmt.Sprintf("%s:%d", r.file, key.Line)})
}

func deployText(n *yaml.Node) (string, error) {
	part := func(n *yaml.Node, without string) (string, error) {
		switch n = resolve(n); {
		case n.Kind != yaml.ScalarNode:
			return "", fmt.Errorf(" must be a string or a list of strings")
		case n.Value == "" || n.Tag == "!!null":
			return "", fmt.Errorf(" has an empty value")
		case without != "" && strings.ContainsAny(n.Value, without):
			return "", fmt.Errorf(" contains %q, but the characters %s separate values", n.Value, without)
		}
		return n.Value, nil
	}
	var parts []string
	switch n.Kind {
	case yaml.SequenceNode:
		for _, item := range n.Content {
			text, err := part(item, ",")
			if err != nil {
				return "", err
			}
			parts = append(parts, text)
		}
	case yaml.MappingNode:
		for key, value := range pairs(n) {
			left, err := part(key, ",=")
			if err != nil {
				return "", err
			}
			right, err := part(value, ",")
			if err != nil {
				return "", err
			}
			parts = append(parts, left+"="+right)
		}
	default:
		return part(n, "")
	}
	return strings.Join(parts, ","), nil
}

// suppress reads the list of suppressed findings. The preflight checks whether an id exists and whether the date
// has passed.
func (r *reader) suppress(to *[]dev.Suppression) func(*yaml.Node) {
	return func(n *yaml.Node) {
		const name = "x-sdev.deploy." + suppressName
		*to = nil
		r.items(n, name, func(i int, item *yaml.Node) {
			at := fmt.Sprintf("%s[%d]", name, i)
			s := dev.Suppression{Origin: fmt.Sprintf("%s:%d", r.file, item.Line)}
			var until string
			r.fields(item, at, map[string]func(*yaml.Node){
				"id": r.text(&s.ID, at+".id"), "path": r.text(&s.Path, at+".path"), "reason": r.text(&s.Reason, at+".reason"),
				"until": func(n *yaml.Node) {
					r.text(&until, at+".until")(n)
					day, err := time.Parse(time.DateOnly, until)
					if err != nil {
						r.fail(n, fmt.Sprintf("%s.until is %q, which is not a date", at, until), "for example: until: 2027-01-31")
					}
					s.Until = day
				},
			})
			for _, needed := range []struct{ key, value string }{{"id", s.ID}, {"reason", s.Reason}, {"until", until}} {
				if needed.value == "" {
					r.fail(item, at+" has no "+needed.key, "for example: {id: image.user.root, reason: the base image demands it, until: 2027-01-31}")
				}
			}
			*to = append(*to, s)
		})
	}
}

// pairs returns keys and values of a mapping.
func pairs(n *yaml.Node) func(func(key, value *yaml.Node) bool) {
	return func(yield func(key, value *yaml.Node) bool) {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if !yield(n.Content[i], resolve(n.Content[i+1])) {
				return
			}
		}
	}
}

// fill takes values from the model, which has resolved their variables.
func (s *DeploySettings) fill(extension any) {
	top, _ := extension.(map[string]any)
	deploy, _ := top["deploy"].(map[string]any)
	for i, v := range s.Values {
		of := deploy
		if v.Target != "" {
			of, _ = deploy[v.Target].(map[string]any)
		}
		if text, ok := of[v.Name].(string); ok && strings.Contains(v.Text, "$") {
			s.Values[i].Text = text
		}
	}
}
