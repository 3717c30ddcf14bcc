package tree

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"slices"
)

// Status is what writing a tree means for one file.
type Status string

// The statuses of a [Change].
const (
	Create    Status = "create"    // the file does not exist yet
	Identical Status = "identical" // the file is as sdev would write it
	Update    Status = "update"    // the user did not edit the file, and sdev writes another content
	Overwrite Status = "overwrite" // the file differs, and the user allowed sdev to overwrite it
	Merge     Status = "merge"     // the user and sdev changed different lines
	Remove    Status = "remove"    // sdev wrote the file, and does not need it any more
	Keep      Status = "keep"      // the user edited the file, and sdev keeps it
	Skip      Status = "skip"      // sdev does not touch the file
	Conflict  Status = "conflict"  // the user has to decide
	Untracked Status = "foreign"   // the file exists, and sdev did not write it
)

// Change is the change of one file.
type Change struct {
	Path   string `json:"path"` // relative to the directory, with slashes
	Status Status `json:"status"`
	Reason string `json:"reason,omitempty"`

	Before  []byte      `json:"-"` // current content; nil if the file does not exist
	Content []byte      `json:"-"` // new content; nil removes the file
	Mode    fs.FileMode `json:"-"` // of the new file; zero is 0644
}

// Paths are the paths of the changes with one of these statuses, in order.
func Paths(changes []Change, of ...Status) []string {
	var paths []string
	for _, c := range changes {
		if slices.Contains(of, c.Status) {
			paths = append(paths, c.Path)
		}
	}
	return paths
}

// Relation is how a file relates to what sdev renders now, and to what it wrote last.
type Relation int

// The relations.
const (
	IsNew       Relation = iota // the file does not exist, and sdev never wrote it
	IsGone                      // sdev wrote the file, and it does not exist any more
	IsSame                      // the file is as rendered
	IsUntracked                 // the file exists, and sdev did not write it
	IsUntouched                 // the file is as sdev wrote it, and sdev renders it differently now
	IsEdited                    // the file is neither as sdev wrote it nor as sdev renders it
)

// Relate compares a file's current content, nil if it does not exist, with what is rendered, and with the [Hash] of
// what sdev wrote last, "" if it wrote nothing.
func Relate(current, rendered []byte, written string) Relation {
	switch {
	case current == nil && written == "":
		return IsNew
	case current == nil:
		return IsGone
	case bytes.Equal(current, rendered):
		return IsSame
	case written == "":
		return IsUntracked
	case Hash(current) == written:
		return IsUntouched
	}
	return IsEdited
}

// Hash is the SHA-256 of a file's content in hex, as records keep it.
func Hash(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
