package config

// Edits of the list of people that keep its layout.

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"sdev/dev"
)

// step is the indentation of a file's nested blocks.
func step(outer, inner *yaml.Node) string {
	if outer != nil && inner != nil && len(inner.Content) > 0 && !isFlow(inner) && inner.Content[0].Column > outer.Column {
		return strings.Repeat(" ", inner.Content[0].Column-outer.Column)
	}
	return "  "
}

func (e *editor) addPerson(src source, who dev.Person) error {
	item, err := e.flow(personNode(who))
	if err != nil {
		return err
	}
	if at, ok := src.find("x-sdev", "auth", "users"); ok {
		return e.addItem(at.value, who, item)
	}
	// From the outermost missing key inwards.
	at, _ := src.find("x-sdev", "auth", "users")
	root := lookup{value: src.root}
	if x, ok := src.find("x-sdev"); ok {
		root = x
	}
	missing := []string{"auth", "users"}
	switch {
	case root.key == nil:
		missing = []string{"x-sdev", "auth", "users"}
	case at.key != root.key:
		missing = []string{"users"}
	}
	if at.value == nil || at.value.Kind != yaml.MappingNode {
		return errors.New("an alias takes the place of the list")
	}
	if isFlow(at.value) {
		text := "[" + item + "]"
		for _, key := range slices.Backward(missing[1:]) {
			text = "{" + e.quote(key) + ": " + text + "}"
		}
		e.appendTo(at.value, e.quote(missing[0])+": "+text)
		return nil
	}
	e.addBlock(src, at.value, missing, item)
	return nil
}

// addBlock adds nested keys and the first item of their list after the last key of a block.
func (e *editor) addBlock(src source, n *yaml.Node, missing []string, item string) {
	unit := "  "
	if x, ok := src.find("x-sdev"); ok {
		unit = step(x.key, x.value)
	}
	indent := n.Content[0].Column - 1
	at := strings.Repeat(" ", indent)
	var lines []string
	if n == src.root {
		lines = append(lines, "")
	}
	for _, key := range missing {
		lines = append(lines, at+key+":")
		at += unit
	}
	last := e.extent(n.Content[len(n.Content)-2].Line, indent, true)
	if n == src.root {
		for last = len(e.lines); last > 1 && strings.TrimSpace(e.line(last)) == ""; last-- {
		}
	}
	e.insertLines(last, append(lines, at+"- "+item)...)
}

// addItem adds a person to an existing list, in the layout of the item before.
func (e *editor) addItem(list *yaml.Node, who dev.Person, item string) error {
	switch {
	case list.Kind == yaml.AliasNode:
		return fmt.Errorf("the list is an alias of line %d", list.Alias.Line)
	case isFlow(list):
		e.appendTo(list, item)
		return nil
	}
	last := list.Content[len(list.Content)-1]
	dash, indent, err := e.dash(last)
	if err != nil {
		return err
	}
	at := strings.Repeat(" ", indent)
	lines := []string{at + "- " + item}
	if last.Kind == yaml.MappingNode && !isFlow(last) {
		if lines, err = e.blockPerson(who, at); err != nil {
			return err
		}
	}
	e.insertLines(e.extent(dash, indent, false), lines...)
	return nil
}

// blockPerson formats a person as a block, one key per line.
func (e *editor) blockPerson(who dev.Person, at string) ([]string, error) {
	var lines []string
	n := personNode(who)
	for i := 0; i+1 < len(n.Content); i += 2 {
		value, err := e.flow(n.Content[i+1])
		if err != nil {
			return nil, err
		}
		lead := "  "
		if i == 0 {
			lead = "- "
		}
		lines = append(lines, at+lead+n.Content[i].Value+": "+value)
	}
	return lines, nil
}

// dash finds the line and the indentation of an item's dash, which may be on its own line.
func (e *editor) dash(item *yaml.Node) (line, indent int, err error) {
	for line = item.Line; line > 0; line-- {
		text := strings.TrimLeft(e.line(line), " ")
		if strings.HasPrefix(text+" ", "- ") {
			return line, len(e.line(line)) - len(text), nil
		}
		if line < item.Line && text != "" && !strings.HasPrefix(text, "#") {
			break
		}
	}
	return 0, 0, fmt.Errorf("line %d has no dash", item.Line)
}

func (e *editor) changePerson(src source, i int, now dev.Person, change PersonChange) error {
	at, _ := src.find("x-sdev", "auth", "users")
	if at.value.Kind == yaml.AliasNode {
		return fmt.Errorf("the list is an alias of line %d", at.value.Alias.Line)
	}
	item := at.value.Content[i]
	if item.Kind == yaml.AliasNode {
		return fmt.Errorf("the entry is an alias of line %d", item.Alias.Line)
	}
	set := func(key string, v any) error {
		text, err := e.flow(valueNode(v))
		if err == nil {
			e.setKey(item, key, text)
		}
		return err
	}
	var errs []error
	if change.Email != "" {
		errs = append(errs, set("email", now.Email))
	}
	if change.Name != "" {
		errs = append(errs, set("name", now.Name))
	}
	if change.Groups != nil {
		errs = append(errs, set("groups", append([]string{}, now.Groups...)))
	}
	if len(change.Set)+len(change.Unset) > 0 {
		errs = append(errs, set("claims", now.Claims))
	}
	return errors.Join(errs...)
}

func (e *editor) removePerson(src source, i int) error {
	at, _ := src.find("x-sdev", "auth", "users")
	list := at.value
	switch {
	case list.Kind == yaml.AliasNode:
		return fmt.Errorf("the list is an alias of line %d", list.Alias.Line)
	case isFlow(list):
		e.removeFrom(list, i)
		return nil
	}
	dash, indent, err := e.dash(list.Content[i])
	if err != nil {
		return err
	}
	e.cut(e.lines[dash-1], e.lineEnd(e.extent(dash, indent, false)), "")
	if len(list.Content) == 1 {
		colon := e.end(e.at(at.key), false) + 1
		e.cut(colon, colon, " []")
	}
	return nil
}

// personNode is a person as YAML.
func personNode(p dev.Person) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
	add := func(key string, v any) {
		k := &yaml.Node{}
		k.SetString(key)
		n.Content = append(n.Content, k, valueNode(v))
	}
	add("email", p.Email)
	if p.Name != "" {
		add("name", p.Name)
	}
	if len(p.Groups) > 0 {
		add("groups", p.Groups)
	}
	if len(p.Claims) > 0 {
		add("claims", p.Claims)
	}
	return n
}

// valueNode is a value as single-line YAML.
func valueNode(v any) *yaml.Node {
	n := &yaml.Node{}
	if text, ok := v.(string); ok {
		n.Kind, n.Tag, n.Value = yaml.ScalarNode, "!!str", text
		return n
	}
	if err := n.Encode(v); err != nil {
		panic(err) // values of JSON: cannot fail
	}
	return inFlow(n)
}

func inFlow(n *yaml.Node) *yaml.Node {
	n.Style |= yaml.FlowStyle
	if n.Kind == yaml.ScalarNode {
		n.Style = 0
	}
	for _, c := range n.Content {
		inFlow(c)
	}
	return n
}
