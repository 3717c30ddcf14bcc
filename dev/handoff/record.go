package handoff

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"sdev/dev"
	"sdev/dev/tree"
)

const recordVersion = 1

// Record is what was handed over, by whom it was checked, and what comes next. It holds no path of the
// machine and no secret; the same hand-off gives the same bytes.
type Record struct {
	V         int    `json:"v"`
	Target    string `json:"target"`
	Status    string `json:"status"` // Ready, Incomplete or Blocked
	Project   string `json:"project"`
	Sdev      string `json:"sdev"`      // version of the program
	Templates string `json:"templates"` // version of the templates
	// Time is when the record last said something new.
	Time time.Time `json:"time"`

	Commit string   `json:"commit,omitempty"` // the last that changed more than bundles
	Remote string   `json:"remote,omitempty"`
	Dirty  []string `json:"dirty,omitempty"` // files that are not as committed, relative to the repository; bundles left out

	Image    *Image         `json:"image,omitempty"`
	Values   []NamedValue   `json:"values"`
	Checks   Checks         `json:"checks"`
	Findings []dev.Finding  `json:"findings"` // suppressed ones too, with who decided
	Files    []RecordedFile `json:"files"`
	Next     []Step         `json:"next"`
}

// The statuses of a [Record].
const (
	Ready      = "ready"
	Incomplete = "incomplete" // the files are written, with placeholders for values that are not set
	Blocked    = "blocked"    // the files are written, and nothing is handed over
)

// StatusOf is what findings make of a hand-off.
func StatusOf(findings []dev.Finding) string {
	status := Ready
	for _, f := range findings {
		switch {
		case f.Severity != dev.Blocks || f.Suppressed != nil:
		case f.ID == MissingValue:
			status = Incomplete
		default:
			return Blocked
		}
	}
	return status
}

// Checks says what was checked.
type Checks struct {
	Rules      int `json:"rules"`
	Blocks     int `json:"blocks"`
	Warnings   int `json:"warnings"`
	Suppressed int `json:"suppressed"`
}

// Count counts findings.
func (c Checks) Count(findings []dev.Finding) Checks {
	for _, f := range findings {
		switch {
		case f.Suppressed != nil:
			c.Suppressed++
		case f.Severity == dev.Blocks:
			c.Blocks++
		case f.Severity == dev.Warns:
			c.Warnings++
		}
	}
	return c
}

// RecordedFile is a file of the bundle as it was handed over.
type RecordedFile struct {
	File   string `json:"file"` // as its target calls it, see [File]
	Path   string `json:"path"` // relative to the repository, or to a bundle that lies elsewhere
	SHA256 string `json:"sha256"`
	Edited bool   `json:"edited,omitempty"` // it is not as it was rendered
}

func parseRecord(raw []byte, name string) (*Record, error) {
	var r Record
	if err := tree.DecodeRecord(raw, recordVersion, &r); err != nil {
		return nil, &dev.Error{Code: dev.CodeDeployRecord, Exit: dev.ExitFailed, Cause: err, File: name, Message: "this is no record of this sdev: " + err.Error(),
			Hint: "use the sdev that wrote it or a newer one, or restore the file from version control"}
	}
	return &r, nil
}

// CheckTemplates refuses a bundle that newer templates made: what they say would be taken back.
func (r *Record) CheckTemplates(version, name string) error {
	if r == nil || !isNewer(r.Templates, version) {
		return nil
	}
	return &dev.Error{Code: dev.CodeDeployRecord, Exit: dev.ExitFailed, File: name,
		Message: fmt.Sprintf("the last hand-off was made by sdev %s with templates %s, and this one has %s", r.Sdev, r.Templates, version), Hint: "use that sdev, or a newer one"}
}

// newer compares versions like 2026.11.0 part by part.
func isNewer(a, b string) bool {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(len(as), len(bs)) {
		x, errX := strconv.Atoi(as[i])
		y, errY := strconv.Atoi(bs[i])
		if errX != nil || errY != nil {
			return false
		}
		if x != y {
			return x > y
		}
	}
	return len(as) > len(bs)
}
