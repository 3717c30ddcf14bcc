package plan

import (
	"fmt"
	"strings"

	"sdev/dev"
)

// Plan is an ordered list of operations. An empty plan means that the observed state is the desired one.
type Plan []Operation

// Describe returns the operations in the form that events carry.
func (p Plan) Describe() []dev.Operation {
	out := make([]dev.Operation, 0, len(p))
	for _, op := range p {
		out = append(out, dev.Operation{Verb: string(op.Verb), Object: string(op.Kind) + " " + op.Name, Reason: op.Reason})
	}
	return out
}

// String returns one operation per line.
func (p Plan) String() string {
	var b strings.Builder
	for _, op := range p.Describe() {
		fmt.Fprintf(&b, "%s %s (%s)\n", op.Verb, op.Object, op.Reason)
	}
	return b.String()
}
