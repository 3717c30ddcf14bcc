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

// Record says what was handed over, what was checked, and what comes next. It holds no path of this machine and no
// secret. The same hand-off gives the same bytes.
type Record struct {
	V         int    `json:"v"`
	Target    string `json:"target"`
	Status    string `json:"status"` // Ready, Incomplete or Blocked
	Project   string `json:"project"`
	Sdev      string `json:"sdev"`      // version of sdev
	Templates string `json:"templates"` // version of the templates
	// Time is when anything else in the record last changed.
	Time time.Time `json:"time"`

	Commit string   `json:"commit,omitempty"` // the last one that changed more than bundles
	Remote string   `json:"remote,omitempty"`
	Dirty  []string `json:"dirty,omitempty"` // files with uncommitted changes, relative to the repository, without bundles

	Image    *Image         `json:"image,omitempty"`
	Values   []NamedValue   `json:"values"`
	Checks   Checks         `json:"checks"`
	Findings []dev.Finding  `json:"findings"` // suppressed ones too, each with its reason
	Files    []RecordedFile `json:"files"`
	Next     []Step         `json:"next"`
}

// The statuses of a [Record].
const (
	Ready      = "ready"
	Incomplete = "incomplete" // the files have placeholders for values that are not set
	Blocked    = "blocked"    // a finding blocks the hand-off
)

// StatusOf is the status of a hand-off with these findings.
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

// Checks counts the rules that were checked, and their findings.
type Checks struct {
	Rules      int `json:"rules"`
	Blocks     int `json:"blocks"`
	Warnings   int `json:"warnings"`
	Suppressed int `json:"suppressed"`
}

// Count adds findings to the counts.
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
	File   string `json:"file"` // its path as the target names it, see [File]
	Path   string `json:"path"` // relative to the repository, or to a bundle outside of it
	SHA256 string `json:"sha256"`
	Edited bool   `json:"edited,omitempty"` // it differs from what was rendered
}

func parseRecord(raw []byte, name string) (*Record, error) {
	var r Record
	if err := tree.DecodeRecord(raw, recordVersion, &r); err != nil {
		return nil, &dev.Error{Code: dev.CodeDeployRecord, Exit: dev.ExitFailed, Cause: err, File: name, Message: "this sdev cannot read the record: " + err.Error(),
			Hint: "use the version of sdev that wrote it, or a newer one; or restore the file from version control"}
	}
	return &r, nil
}

// CheckTemplates is an error for a bundle that was rendered from newer templates, which older ones would revert.
func (r *Record) CheckTemplates(version, name string) error {
	if r == nil || !isNewer(r.Templates, version) {
		return nil
	}
	return &dev.Error{Code: dev.CodeDeployRecord, Exit: dev.ExitFailed, File: name,
		Message: fmt.Sprintf("sdev %s made the last hand-off with templates %s, but this sdev has older ones, %s", r.Sdev, r.Templates, version), Hint: "use that version of sdev, or a newer one"}
}

// isNewer reports whether version a, such as 2026.11.0, is newer than b.
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
