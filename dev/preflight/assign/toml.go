package assign

import (
	"bytes"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// TOML finds the lines of TOML that give a variable a value, as [Data] does. It reads up to the first fault.
func TOML(content, variable string) (found []Setting, ok bool) {
	d := tomlReader{data: data{variable: variable, lines: strings.Split(content, "\n")}, content: []byte(content), line: 1}
	p := unstable.Parser{}
	p.Reset(d.content)
	var table []string
	var pair tomlPair
	for p.NextExpression() {
		n := p.Expression()
		keys, line := d.keys(n)
		switch n.Kind {
		case unstable.Table, unstable.ArrayTable:
			d.pair(pair, table)
			table, pair = keys, tomlPair{}
		case unstable.KeyValue:
			pair.take(keys, n.Value(), line, variable)
			d.value(n.Value(), slices.Concat(table, keys), line)
		default: // a comment
		}
	}
	d.pair(pair, table)
	slices.SortFunc(d.found, func(a, b Setting) int { return a.Line - b.Line })
	return d.found, p.Error() == nil
}

// tomlReader finds settings in TOML, with the line that it has reached.
type tomlReader struct {
	data
	content  []byte
	at, line int
}

// keys are those of an expression, and the line of the first.
func (d *tomlReader) keys(n *unstable.Node) (keys []string, line int) {
	for it := n.Key(); it.Next(); {
		if r := it.Node().Raw; len(keys) == 0 { // Parser.Shape would count from the beginning each time
			d.line += bytes.Count(d.content[d.at:r.Offset], []byte{'\n'})
			d.at = int(r.Offset)
		}
		keys = append(keys, string(it.Node().Data))
	}
	return keys, d.line
}

// tomlPair is a name beside a value in one table.
type tomlPair struct {
	line  int // of the variable's name; 0 where no key has it
	value bool
}

func (p *tomlPair) take(keys []string, v *unstable.Node, line int, variable string) {
	switch key := keys[len(keys)-1]; {
	case isNameKey(key) && string(v.Data) == variable:
		p.line = line
	case isValueKey(key):
		p.value = true
	}
}

func (d *tomlReader) pair(p tomlPair, path []string) {
	if p.line > 0 && p.value {
		d.add(p.line, path)
	}
}

func (d *tomlReader) value(v *unstable.Node, path []string, line int) {
	last := path[len(path)-1]
	if isProse(last) {
		return
	}
	switch v.Kind {
	case unstable.InlineTable:
		var pair tomlPair
		for it := v.Children(); it.Next(); {
			child := it.Node()
			keys, at := d.keys(child)
			pair.take(keys, child.Value(), at, d.variable)
			d.value(child.Value(), slices.Concat(path, keys), at)
		}
		d.pair(pair, path)
	case unstable.Array:
		for it := v.Children(); it.Next(); {
			d.value(it.Node(), append(slices.Clip(path), ""), line)
		}
	default:
		text := string(v.Data)
		isSet := last == d.variable && text != "" && !isSelfReference(text, d.variable)
		if isSet || text != d.variable && strings.Contains(text, d.variable) && len(Shell(text, d.variable)) > 0 {
			d.add(line, path[:len(path)-1])
		}
	}
}
