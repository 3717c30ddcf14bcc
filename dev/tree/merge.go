package tree

import (
	"bytes"
	"slices"
	"strings"

	"github.com/aymanbagabas/go-udiff"
	"github.com/epiclabs-io/diff3"
)

// The conflict markers.
const (
	markerYours     = "<<<<<<< yours\n"
	markerSeparator = "=======\n"
	markerSdev      = ">>>>>>> sdev\n"
)

// MergeText merges the user's edits of base (yours) with what sdev renders now. If both changed the same lines, the
// result has both between conflict markers, and conflict is true. It never loses a line of the user's.
func MergeText(base, yours, rendered []byte) (merged []byte, conflict bool) {
	const excludeSame = true // the same change on both sides is not a conflict
	var out bytes.Buffer
	for _, block := range diff3.Diff3Merge(lines(yours), lines(base), lines(rendered), excludeSame) {
		if block.Conflict == nil {
			writeLines(&out, block.Ok, false)
			continue
		}
		conflict = true
		endLine(&out)
		out.WriteString(markerYours)
		writeLines(&out, block.Conflict.A, true)
		out.WriteString(markerSeparator)
		writeLines(&out, block.Conflict.B, true)
		out.WriteString(markerSdev)
	}
	return out.Bytes(), conflict
}

// lines splits a text into lines, with their line endings.
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

// endLine ends the last line, which has no line ending if it was the last of a file.
func endLine(out *bytes.Buffer) {
	if b := out.Bytes(); len(b) > 0 && b[len(b)-1] != '\n' {
		out.WriteByte('\n')
	}
}

// HasConflictMarkers reports whether a text still has conflict markers.
func HasConflictMarkers(text []byte) bool {
	inside := false
	for line := range strings.Lines(string(text)) {
		switch strings.TrimRight(line, "\r\n") {
		case strings.TrimSpace(markerYours):
			inside = true
		case strings.TrimSpace(markerSdev):
			if inside {
				return true
			}
		}
	}
	return false
}

// Unified is the difference of two texts in unified format.
func Unified(name string, before, after []byte) string {
	from := "a/" + name
	if before == nil {
		from = "/dev/null"
	}
	return udiff.Unified(from, "b/"+name, string(before), string(after))
}
