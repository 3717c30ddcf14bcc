package dockerfile

import (
	"bytes"
	"errors"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"

	"sdev/dev/pattern"
)

// Instruction is one instruction as it is written: quotes and variables are not resolved.
type Instruction struct {
	Name string // in capitals
	Rest string // what follows the name; continued lines are joined, lines of a heredoc follow
	Line int    // from 1
}

// maxWork bounds lines × bytes: BuildKit's parser copies a heredoc once for each of its lines. Dockerfiles
// written by people stay below a thousandth.
const maxWork = 1 << 28

var indents = pattern.New(`[ \t]{2,}`)

// Instructions splits a Dockerfile. It knows no stages and accepts unknown instructions, so it reads more files than
// [Parse]. No builder accepts what it refuses, except for a file that is too long.
func Instructions(content []byte) ([]Instruction, error) {
	if bytes.Count(content, []byte("\n"))*len(content) > maxWork {
		return nil, errors.New("the Dockerfile is too long")
	}
	tree, err := parser.Parse(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	var out []Instruction
	for _, n := range tree.AST.Children {
		var rest strings.Builder
		body := strings.TrimSpace(strings.TrimPrefix(n.Original, n.Value))
		if n.EndLine > n.StartLine { // the parser keeps how a continued line is indented
			body = indents.ReplaceAllString(body, " ")
		}
		rest.WriteString(body)
		for _, doc := range n.Heredocs {
			for line := range strings.Lines(doc.Content) {
				rest.WriteString("\n" + strings.TrimSpace(line))
			}
		}
		out = append(out, Instruction{Name: strings.ToUpper(n.Value), Rest: rest.String(), Line: n.StartLine})
	}
	return out, nil
}

// Variable is a name and the value that an instruction gives it, both with their quotes.
type Variable struct{ Name, Value string }

// Variables returns what ENV or ARG sets, in order; other instructions set nothing. [Expand] resolves the values.
func (in Instruction) Variables() []Variable {
	if in.Name != "ENV" && in.Name != "ARG" {
		return nil
	}
	tree, err := parser.Parse(strings.NewReader(in.Name + " " + continued(in.Rest)))
	if err != nil || len(tree.AST.Children) != 1 {
		return nil
	}
	var out []Variable
	for n := tree.AST.Children[0].Next; n != nil; n = n.Next {
		if in.Name == "ENV" { // a node each for name, value and what separates them
			out = append(out, Variable{n.Value, n.Next.Value})
			n = n.Next.Next
		} else if name, value, ok := strings.Cut(n.Value, "="); ok {
			out = append(out, Variable{name, value})
		}
	}
	return out
}

// continued breaks a long text into lines that continue each other: the parser refuses a line of 64 KiB.
func continued(rest string) string {
	const longest = 32 << 10
	var out strings.Builder
	for len(rest) > longest {
		i := longest
		for i < len(rest) && !mayBreak(rest[i-1], rest[i]) {
			i++
		}
		out.WriteString(rest[:i] + "\\\n")
		rest = rest[i:]
	}
	return out.String() + rest
}

// mayBreak reports whether a line may end between two characters: the first must not escape the line break, and a
// line that begins with the second must be no comment and not empty.
func mayBreak(before, after byte) bool {
	return before != '\\' && ('a' <= after && after <= 'z' || 'A' <= after && after <= 'Z' || after == '_' || '0' <= after && after <= '9' || after == '=')
}

// Expand resolves quotes and variables as a builder does: a variable that env lacks is empty. It returns a word that
// a builder refuses as it is.
func Expand(word string, env map[string]string) string {
	out, _, err := shell.NewLex(parser.DefaultEscapeToken).ProcessWord(word, instructionEnv(env))
	if err != nil {
		return word
	}
	return out
}
