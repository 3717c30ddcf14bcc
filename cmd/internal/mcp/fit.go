package mcp

import (
	"encoding/json"
	"fmt"
	"strings"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"sdev/dev"
)

// Limits of what a client gets.
const (
	MaxAnswer   = 128 << 10 // bytes of an answer, with everything around it
	MaxText     = 4 << 10   // bytes of one value in it
	MaxLogBytes = 64 << 10
	MaxLogLines = 500
)

// frame is more than what is around the two forms of an answer.
const frame = 1 << 10

// fit words an answer, and shortens it until it is small enough.
func fit[Out any, P interface {
	*Out
	answer
}](out P) (*sdk.CallToolResult, error) {
	for {
		text := out.text()
		size, err := sizeOf(out, text)
		if err != nil {
			return nil, err
		}
		if size+frame <= MaxAnswer {
			return &sdk.CallToolResult{Content: []sdk.Content{&sdk.TextContent{Text: text}}}, nil
		}
		if !out.shorten() {
			return nil, failure(&dev.Error{Code: dev.CodeInternal, Message: fmt.Sprintf("the answer has %d bytes, which is too much for a client", size), Hint: "use the command line: sdev --help"}, nil)
		}
	}
}

// sizeOf is the length of values on the wire.
func sizeOf(values ...any) (size int, err error) {
	for _, v := range values {
		b, err := json.Marshal(v)
		if err != nil {
			return 0, err
		}
		size += len(dev.EscapeJSON(b))
	}
	return size, nil
}

// clean makes a text of others readable, free of secrets, and short. What is left out could hold a part of a secret, so that
// comes last.
func clean(text string, secrets []string) string {
	var lines []string
	for l := range strings.SplitSeq(text, "\n") {
		lines = append(lines, dev.Sanitize(l))
	}
	text = dev.HideSecrets(strings.Join(lines, "\n"), secrets)
	if left := len(text) - MaxText; left > 0 {
		text = strings.ToValidUTF8(text[:MaxText], "") + fmt.Sprintf("… (%d bytes left out)", left)
	}
	return text
}

// cut is what every answer says about what it leaves out.
type cut struct {
	LeftOut string `json:"left_out,omitempty" jsonschema:"what this answer leaves out because there is too much; missing if nothing"`
}

// note is the sentence for the text of an answer.
func (c cut) note() string {
	if c.LeftOut == "" {
		return ""
	}
	return "\n(" + c.LeftOut + ")"
}

// half leaves out the second half of a list, or the first one if the last entries matter most. total is how many there were
// in the beginning. It returns false if the list is empty.
func half[T any](c *cut, list *[]T, total int, what string, keepLast bool) bool {
	n := len(*list) / 2
	switch {
	case len(*list) == 0:
		return false
	case keepLast:
		*list = (*list)[len(*list)-n:]
		c.LeftOut = fmt.Sprintf("the last %d of %d %s; the earlier ones are left out", n, total, what)
	default:
		*list = (*list)[:n]
		c.LeftOut = fmt.Sprintf("the first %d of %d %s; the others are left out", n, total, what)
	}
	return true
}
