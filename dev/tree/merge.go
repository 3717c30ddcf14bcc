package tree

import (
	"bytes"
	"slices"
	"strings"

	"github.com/aymanbagabas/go-udiff"
	"github.com/epiclabs-io/diff3"
)

// The lines around an edit and a change that cannot both be kept.
const (
	markYours     = "<<<<<<< yours\n"
	markSeparator = "=======\n"
	markSdev      = ">>>>>>> sdev\n"
)

// MergeText joins what somebody made of base with what is rendered now. Where both changed the same lines,
// both stand there between marks, and conflict is true. Nothing of yours is ever left out.
func MergeText(base, yours, rendered []byte) (merged []byte, conflict bool) {
	const excludeSame = true // where both changed a line alike there is nothing to decide
	var out bytes.Buffer
	for _, block := range diff3.Diff3Merge(lines(yours), lines(base), lines(rendered), excludeSame) {
		if block.Conflict == nil {
			writeLines(&out, block.Ok, false)
			continue
		}
		conflict = true
		endLine(&out)
		out.WriteString(markYours)
		writeLines(&out, block.Conflict.A, true)
		out.WriteString(markSeparator)
		writeLines(&out, block.Conflict.B, true)
		out.WriteString(markSdev)
	}
	return out.Bytes(), conflict
}

// lines are those of a text, with their ends.
func lines(text []byte) []string { return slices.Collect(strings.Lines(string(text))) }

func writeLines(out *bytes.Buffer, lines []string, end bool) {
	for _, line := range lines {
		endLine(out)
		out.WriteString(line)
	}
	if end {
		endLine(out)
	}
}

// endLine ends the last line where it is the unfinished one of a file, and something follows.
func endLine(out *bytes.Buffer) {
	if b := out.Bytes(); len(b) > 0 && b[len(b)-1] != '\n' {
		out.WriteByte('\n')
	}
}

// HasMarks reports whether a conflict is still to be decided in a text.
func HasMarks(text []byte) bool {
	inside := false
	for line := range strings.Lines(string(text)) {
		switch strings.TrimRight(line, "\r\n") {
		case strings.TrimSpace(markYours):
			inside = true
		case strings.TrimSpace(markSdev):
			if inside {
				return true
			}
		}
	}
	return false
}

// Unified is the difference of two texts as patches have it.
func Unified(name string, before, after []byte) string {
	from := "a/" + name
	if before == nil {
		from = "/dev/null"
	}
	return udiff.Unified(from, "b/"+name, string(before), string(after))
}
