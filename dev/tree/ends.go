package tree

import "bytes"

var lf, crlf = []byte("\n"), []byte("\r\n")

// UnixEnds replaces CRLF line endings, to which git may have changed a file, with LF, in which files are rendered. A file
// with mixed line endings is an edit, and stays the same.
func UnixEnds(text []byte) []byte {
	if text == nil || bytes.Count(text, crlf) != bytes.Count(text, lf) {
		return text
	}
	return bytes.ReplaceAll(text, crlf, lf)
}

// EndsAs returns rendered text with the line endings of the file that it replaces.
func EndsAs(current, rendered []byte) []byte {
	if len(UnixEnds(current)) == len(current) {
		return rendered
	}
	return bytes.ReplaceAll(rendered, lf, crlf)
}
