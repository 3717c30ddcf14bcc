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
	Create    Status = "create"    // it is not there yet
	Identical Status = "identical" // it is there, and as it would be written
	Update    Status = "update"    // it is as sdev wrote it, and changes
	Overwrite Status = "overwrite" // it differs, and the user said that it may be lost
	Merge     Status = "merge"     // both the user and sdev changed it, in different places
	Remove    Status = "remove"    // sdev wrote it once, and it is not wanted any more
	Keep      Status = "keep"      // the user edited it, and it stays so
	Skip      Status = "skip"      // it is left alone
	Conflict  Status = "conflict"  // a person has to decide
	Untracked Status = "foreign"   // it is there, and sdev did not write it
)

// Change is what becomes of one file.
type Change struct {
	Path   string `json:"path"` // relative to the directory, with slashes
	Status Status `json:"status"`
	Reason string `json:"reason,omitempty"`

	Before  []byte      `json:"-"` // what is there; nil where it is not
	Content []byte      `json:"-"` // what is to be there; nil where nothing is
	Mode    fs.FileMode `json:"-"` // of what is written; zero is 0644
}

// Paths are those of the changes of some statuses, in their order.
func Paths(changes []Change, of ...Status) []string {
	var paths []string
	for _, c := range changes {
		if slices.Contains(of, c.Status) {
			paths = append(paths, c.Path)
		}
	}
	return paths
}

// Relation is how a file relates to what is rendered, and to what was written there last.
type Relation int

// The relations.
const (
	IsNew       Relation = iota // nothing is there, and nothing ever was written
	IsGone                      // nothing is there, and something was written
	IsSame                      // it is as rendered
	IsUntracked                 // it is there, and nothing was written
	IsUntouched                 // it is as it was written, and is rendered otherwise now
	IsEdited                    // it is neither as it was written nor as it is rendered
)

// Relate compares what is there, nil where nothing is, with what is rendered and with the [Hash] of what was
// written last, "" where nothing was.
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
