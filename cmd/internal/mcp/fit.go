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

// clean makes a text of others readable, free of secrets, and short.
func clean(text string, secrets []string) string {
	full := len(text)
	text = head(text, longestRead)
	if strings.ContainsAny(text, "\n\r\t\x1b") {
		var lines []string
		for l := range strings.SplitSeq(text, "\n") {
			lines = append(lines, dev.Sanitize(l))
		}
		text = strings.Join(lines, "\n")
	} else {
		text = dev.Sanitize(text)
	}
	text = dev.HideSecrets(text, secrets)
	if full > longestRead || len(text) > MaxText {
		text = strings.ToValidUTF8(text[:min(len(text), MaxText)], "") + fmt.Sprintf("… (cut: it has %d bytes)", full)
	}
	return text
}

// longestRead is how much of a text is looked at. What is left out could begin within a secret, so it is more than [MaxText].
const longestRead = 8 * MaxText

// head returns the beginning of a text, without the word at which the limit is: that could be a part of a secret.
func head(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	text = text[:limit]
	return text[:strings.LastIndexAny(text, " \n\t")+1]
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

// fewer leaves out the last quarter of a list, or the first one if the last entries matter most. total is how many there were
// in the beginning. It returns false if the list is empty.
func fewer[T any](c *cut, list *[]T, total int, what string, keepLast bool) bool {
	n := len(*list) * 3 / 4
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
