package handoff

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"sdev/dev"
	"sdev/dev/tree"
)

// Status is what a hand-off means for one file.
type Status = tree.Status

// The statuses of a [Change], and what each means in a bundle.
const (
	Create    = tree.Create    // not there yet
	Identical = tree.Identical // there, and as it is rendered
	Update    = tree.Update    // there as it was rendered last, which has changed
	Keep      = tree.Keep      // edited by you, and what is rendered has not changed
	Merge     = tree.Merge     // edited by you, and what is rendered has changed elsewhere in it
	Conflict  = tree.Conflict  // edited by you where what is rendered has changed
	Skip      = tree.Skip      // removed by you
	Remove    = tree.Remove    // not rendered any more
	Untracked = tree.Untracked // there, and of no hand-off; while there is one, nothing is written
)

// Place is where a bundle lies.
type Place struct {
	Root   string // absolute directory that nothing is written outside of: the repository, or the bundle itself
	Bundle string // the bundle's directory relative to Root, with slashes; "." is Root
}

// OwnDir is the directory in a bundle that holds what sdev keeps for itself.
const OwnDir = dev.HandoffDir

// Names of files in a bundle.
const (
	RecordFile  = OwnDir + "/record.json"
	SummaryFile = "HANDOFF.md"
	baseDir     = OwnDir + "/base/"
)

// path is where a file of a bundle lies, relative to the root.
func (p Place) path(file string) string {
	if rel, ok := strings.CutPrefix(file, AtRepository); ok {
		return rel
	}
	return path.Join(p.Bundle, file)
}

// Change is what a hand-off means for one file. Its path is relative to [Place.Root].
type Change struct {
	tree.Change

	File     string `json:"-"` // as its target calls it, see [File]
	Rendered []byte `json:"-"` // what is rendered; nil where it is not any more

	base       []byte // what was rendered last; nil where nothing was
	baseOnDisk []byte // base as it is on disk, where git may have changed its line ends
	baseLost   bool   // base is not there any more, and known by the record
}

// Diff is what changes in the file, as patches have it; "" where nothing does.
func (c Change) Diff() string {
	if bytes.Equal(c.Before, c.Content) {
		return ""
	}
	return tree.Unified(c.Path, c.Before, c.Content)
}

// Bundle is a bundle as it is, and as it would be. It is closed after use.
type Bundle struct {
	Place   Place
	Changes []Change // by path
	Last    *Record  // of the last hand-off; nil where there was none
	// Show is how a path is shown in errors; nil shows it as it is.
	DisplayPath func(path string) string

	lastRaw []byte
	record  []byte
	root    *os.Root // nil where the directory is not there
}

// Open looks at a bundle, which need not be there. The error is a *dev.Error: a directory that is none, a
// record that cannot be used.
func Open(place Place) (*Bundle, error) {
	b := &Bundle{Place: place}
	var err error
	if b.root, err = os.OpenRoot(place.Root); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, dirError(err, place.Root)
	}
	name := path.Join(place.Bundle, RecordFile)
	if b.lastRaw, err = b.readFile(name); err == nil && b.lastRaw != nil {
		b.Last, err = parseRecord(b.lastRaw, name)
	}
	if err != nil {
		b.Close()
		return nil, err
	}
	return b, nil
}

// Close lets the directory go.
func (b *Bundle) Close() {
	if b.root != nil {
		b.root.Close()
	}
}

// Compare says what writing these files means. It changes nothing.
func (b *Bundle) Compare(files []File) error {
	b.Changes = nil
	rendered := map[string]bool{}
	for _, f := range files {
		rendered[f.Path] = true
		if err := b.add(f); err != nil {
			return err
		}
	}
	return b.addRemoved(rendered)
}

// add compares one more file.
func (b *Bundle) add(f File) error {
	c, err := b.compare(f)
	if err != nil {
		return err
	}
	b.insertSorted(c)
	return nil
}

func (b *Bundle) insertSorted(c Change) {
	i, _ := slices.BinarySearchFunc(b.Changes, c, func(a, c Change) int { return strings.Compare(a.Path, c.Path) })
	b.Changes = slices.Insert(b.Changes, i, c)
}

// dropped adds the files that were rendered last and are not any more.
func (b *Bundle) addRemoved(rendered map[string]bool) error {
	if b.Last == nil {
		return nil
	}
	for _, f := range b.Last.Files {
		if rendered[f.File] || f.File == SummaryFile {
			continue
		}
		c := Change{Change: tree.Change{Path: b.Place.path(f.File), Status: Remove}, File: f.File}
		var err error
		if err = b.read(&c); err != nil {
			return err
		}
		switch {
		case c.Before == nil:
			c.Status, c.Reason = Skip, "not rendered any more"
		case !bytes.Equal(withUnixEnds(c.Before), c.base):
			c.Status, c.Reason, c.Content = Keep, "not rendered any more, but edited by you: it is yours from now on", c.Before
		}
		b.insertSorted(c)
	}
	return nil
}

// read looks at what is there, and at what was rendered last.
func (b *Bundle) read(c *Change) (err error) {
	if c.base, err = b.readFile(path.Join(b.Place.Bundle, baseDir, c.File)); err != nil {
		return err
	}
	if c.baseOnDisk = c.base; c.base != nil {
		c.base = withUnixEnds(c.base)
	}
	if c.Before, err = b.readFile(c.Path); err != nil {
		return err
	}
	if c.base == nil && c.Before != nil && b.isRecorded(c.File, c.Before) {
		c.base, c.baseLost = withUnixEnds(c.Before), true
	}
	return nil
}

// isRecorded reports whether the last record knows a file as it is, and as it was rendered. The summary
// of a record cannot be in it.
func (b *Bundle) isRecorded(file string, content []byte) bool {
	return b.Last != nil && (file == SummaryFile || slices.ContainsFunc(b.Last.Files, func(f RecordedFile) bool {
		return f.File == file && !f.Edited && f.SHA256 == tree.Hash(withUnixEnds(content))
	}))
}

func (b *Bundle) compare(f File) (Change, error) {
	c := Change{Change: tree.Change{Path: b.Place.path(f.Path), Mode: f.Mode}, File: f.Path, Rendered: f.Content}
	if err := b.read(&c); err != nil {
		return c, err
	}
	written := ""
	if c.base != nil {
		written = tree.Hash(c.base)
	}
	yours := withUnixEnds(c.Before)
	c.Content = f.Content
	switch tree.Relate(yours, f.Content, written) {
	case tree.IsNew:
		c.Status = Create
	case tree.IsGone:
		c.Status, c.Content = Skip, nil
		c.Reason = "removed by you; to have it again: rm " + b.display(path.Join(b.Place.Bundle, baseDir, f.Path))
	case tree.IsSame:
		c.Status, c.Content = Identical, c.Before
	case tree.IsUntracked:
		c.Status, c.Content, c.Reason = Untracked, c.Before, "exists, and sdev did not write it"
	case tree.IsUntouched:
		c.Status = Update
	case tree.IsEdited:
		c.mergeEdits(yours)
	}
	if c.Before != nil && len(yours) != len(c.Before) && (c.Status == Update || c.Status == Merge || c.Status == Conflict) && !bytes.Equal(c.Content, c.Before) {
		c.Content = bytes.ReplaceAll(c.Content, []byte("\n"), []byte("\r\n"))
	}
	return c, nil
}

// edited says what a file means that its user has edited.
func (c *Change) mergeEdits(yours []byte) {
	switch {
	case tree.HasMarks(yours):
		c.Status, c.Content, c.Reason = Conflict, c.Before, "the marks of the last conflict are still in it"
		return
	case bytes.Equal(c.base, c.Rendered):
		c.Status, c.Content, c.Reason = Keep, c.Before, "edited by you"
		return
	}
	merged, conflict := tree.MergeText(c.base, yours, c.Rendered)
	c.Content, c.Status, c.Reason = merged, Merge, "your edits are kept"
	switch {
	case conflict:
		c.Status, c.Reason = Conflict, "you and sdev changed the same lines: both stand there between marks"
	case bytes.Equal(merged, yours): // what changed is what you had changed already
		c.Content, c.Status, c.Reason = c.Before, Keep, "edited by you"
	}
}

// unix is a text with the line ends in which files are rendered; git may have changed them. An editor
// that ends only some lines so has not.
func withUnixEnds(text []byte) []byte {
	if text == nil || bytes.Count(text, []byte("\r\n")) != bytes.Count(text, []byte("\n")) {
		return text
	}
	return bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
}

// Refused says why nothing can be written: files in the way that nobody may overwrite.
func (b *Bundle) UntrackedError() error {
	if names := b.Paths(Untracked); len(names) > 0 {
		return &dev.Error{Code: dev.CodeDeployDir, Exit: dev.ExitFailed, Message: fmt.Sprintf("files that sdev did not write are in the way, so nothing was written: %s", strings.Join(names, ", ")),
			Hint: "move it away, or write elsewhere with --out"}
	}
	return nil
}

// Conflicts is the error of files in which a person has to decide; nil where there are none.
func (b *Bundle) ConflictError() error {
	if names := b.Paths(Conflict); len(names) > 0 {
		return &dev.Error{Code: dev.CodeDeployConflict, Exit: dev.ExitFailed, Message: "you and sdev changed the same lines of " + strings.Join(names, ", "),
			Hint: "keep what is right of what stands between <<<<<<< and >>>>>>>, then run it again"}
	}
	return nil
}

// Changed is the error of a bundle that is not what would be rendered, beyond edits of yours; nil where
// it is.
func (b *Bundle) OutdatedError() error {
	if names := b.Paths(Create, Update, Merge, Remove); len(names) > 0 {
		return &dev.Error{Code: dev.CodeDeployChanged, Exit: dev.ExitFailed, Message: "not as it would be rendered: " + strings.Join(names, ", "),
			Hint: "run sdev deploy without --check, look at the difference, and commit it"}
	}
	return nil
}

func (b *Bundle) display(name string) string {
	if b.DisplayPath == nil {
		return name
	}
	return b.DisplayPath(name)
}

// Paths are the files of some statuses, as they are shown.
func (b *Bundle) Paths(of ...Status) []string {
	var names []string
	for _, c := range b.Changes {
		if slices.Contains(of, c.Status) {
			names = append(names, b.display(c.Path))
		}
	}
	return names
}

// Finish adds the record, and the summary of it for people. now is the time of a record that says
// something new; one that says the same as the last keeps its time.
func (b *Bundle) AddRecord(r Record, now time.Time) (Record, error) {
	r.V = recordVersion
	r.Files = nil
	for _, c := range b.Changes {
		if c.Content != nil && c.Rendered != nil {
			r.Files = append(r.Files, RecordedFile{File: c.File, Path: c.Path, SHA256: tree.Hash(withUnixEnds(c.Content)), Edited: !bytes.Equal(withUnixEnds(c.Content), c.Rendered)})
		}
	}
	r.Time = now.UTC().Truncate(time.Second)
	if b.Last != nil {
		same := r
		same.Time = b.Last.Time
		if bytes.Equal(tree.EncodeRecord(same), withUnixEnds(b.lastRaw)) {
			r = same
		}
	}
	b.record = tree.EncodeRecord(r)
	return r, b.add(File{Path: SummaryFile, Content: r.summary(b.Place), Mode: 0o644})
}

// Apply writes what has changed. A directory that cannot be written to is an error of the code
// [dev.CodeDeployDir]; after any error the bundle is as it was.
func (b *Bundle) Apply(ctx context.Context) error {
	err := tree.Apply(ctx, b.Place.Root, b.Writes())
	if e, ok := errors.AsType[*dev.Error](err); ok && e.Code == dev.CodeScaffoldTarget {
		return &dev.Error{Code: dev.CodeDeployDir, Exit: dev.ExitFailed, Cause: err, Message: e.Message + "; nothing was written", Hint: "name another directory with --out"}
	}
	return err
}

// Writes are the changes of files, of what was rendered last, and of the record. This is their order:
// whatever ends it half-way, the next run knows what is yours. The record comes last.
func (b *Bundle) Writes() []tree.Change {
	var out, bases []tree.Change
	for _, c := range b.Changes {
		if !bytes.Equal(c.Before, c.Content) || (c.Before == nil) != (c.Content == nil) {
			out = append(out, c.Change)
		}
		if (!bytes.Equal(c.base, c.Rendered) || c.baseLost) && (c.Status != Conflict || !tree.HasMarks(withUnixEnds(c.Before))) {
			base := c.baseOnDisk
			if base != nil || c.Rendered != nil {
				bases = append(bases, tree.Change{Path: path.Join(b.Place.Bundle, baseDir, c.File), Before: base, Content: c.Rendered})
			}
		}
	}
	out = append(out, bases...)
	if !bytes.Equal(b.record, withUnixEnds(b.lastRaw)) {
		out = append(out, tree.Change{Path: path.Join(b.Place.Bundle, RecordFile), Before: b.lastRaw, Content: b.record})
	}
	return out
}

// readFile gives a file's content, nil where there is none.
func (b *Bundle) readFile(name string) ([]byte, error) {
	if b.root == nil {
		return nil, nil
	}
	content, err := tree.Read(b.root, name)
	if e, ok := errors.AsType[*tree.IrregularError](err); ok {
		return nil, &dev.Error{Code: dev.CodeDeployDir, Exit: dev.ExitFailed, Message: fmt.Sprintf("%s is %s", b.display(name), e.Kind), Hint: "move it away, or write elsewhere with --out"}
	}
	if err != nil {
		return nil, dirError(err, name)
	}
	return content, nil
}

// dirError is a system error about where the bundle lies.
func dirError(err error, name string) error {
	reason := tree.Reason(err)
	hint := "name another directory with --out"
	if strings.Contains(reason, "path escapes") {
		hint = "a link leads out of the repository; remove it, or name its target with --out"
	}
	return &dev.Error{Code: dev.CodeDeployDir, Exit: dev.ExitFailed, Cause: err, Message: fmt.Sprintf("cannot use %s: %s", dev.Sanitize(name), reason), Hint: hint}
}
