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
	Create    = tree.Create    // the file does not exist yet
	Identical = tree.Identical // the file is as rendered
	Update    = tree.Update    // sdev wrote the file and renders it differently now
	Keep      = tree.Keep      // the user edited the file, and sdev still renders it as before
	Merge     = tree.Merge     // the user and sdev changed different lines
	Conflict  = tree.Conflict  // the user and sdev changed the same lines
	Skip      = tree.Skip      // the user removed the file
	Remove    = tree.Remove    // the target does not render the file any more
	Untracked = tree.Untracked // the file exists, and no hand-off wrote it; one such file and nothing is written
)

// Place says where a bundle is.
type Place struct {
	Root   string // absolute; nothing is written outside of it: the repository, or the bundle itself
	Bundle string // the bundle's directory relative to Root, with slashes; "." is Root
}

// OwnDir is the directory in a bundle for sdev's own files.
const OwnDir = dev.HandoffDir

// Names of files in a bundle.
const (
	RecordFile  = OwnDir + "/record.json"
	SummaryFile = "HANDOFF.md"
	baseDir     = OwnDir + "/base/"
)

// path is the path of a bundle's file, relative to the root.
func (p Place) path(file string) string {
	if rel, ok := strings.CutPrefix(file, AtRepository); ok {
		return rel
	}
	return path.Join(p.Bundle, file)
}

// Change is what a hand-off means for one file. Its path is relative to [Place.Root].
type Change struct {
	tree.Change

	File     string `json:"-"` // its path as the target names it, see [File]
	Rendered []byte `json:"-"` // nil if the target does not render the file any more

	base       []byte // what the last hand-off rendered; nil if it rendered nothing
	baseOnDisk []byte // base with the line endings on disk, which git may have changed
	baseLost   bool   // the base is not on disk any more, but the record's hash shows what it was
}

// Diff is the change of the file in unified format; "" if it does not change.
func (c Change) Diff() string {
	if bytes.Equal(c.Before, c.Content) {
		return ""
	}
	return tree.Unified(c.Path, c.Before, c.Content)
}

// Bundle is a bundle on disk, with the changes that a hand-off would make to it. The caller closes it.
type Bundle struct {
	Place   Place
	Changes []Change // sorted by path
	Last    *Record  // of the last hand-off; nil if there was none
	// DisplayPath formats a path for an error; nil leaves it as it is.
	DisplayPath func(path string) string

	lastRaw []byte
	record  []byte
	root    *os.Root // nil if the directory does not exist
}

// Open opens a bundle, which need not exist. Its error is a *dev.Error: the place is not a directory, or the record is
// not usable.
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

// Close closes the bundle's directory.
func (b *Bundle) Close() {
	if b.root != nil {
		b.root.Close()
	}
}

// Compare finds the changes that writing these files would make. It writes nothing.
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

// add compares one file and adds its change.
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

// addRemoved adds the files that the last hand-off rendered and this one does not.
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
			c.Status, c.Reason = Skip, "no longer rendered"
		case !bytes.Equal(tree.UnixEnds(c.Before), c.base):
			c.Status, c.Reason, c.Content = Keep, "no longer rendered, but you edited it, so it is yours from now on", c.Before
		}
		b.insertSorted(c)
	}
	return nil
}

// read reads the file on disk and its base.
func (b *Bundle) read(c *Change) (err error) {
	if c.base, err = b.readFile(path.Join(b.Place.Bundle, baseDir, c.File)); err != nil {
		return err
	}
	if c.baseOnDisk = c.base; c.base != nil {
		c.base = tree.UnixEnds(c.base)
	}
	if c.Before, err = b.readFile(c.Path); err != nil {
		return err
	}
	if c.base == nil && c.Before != nil && b.isRecorded(c.File, c.Before) {
		c.base, c.baseLost = tree.UnixEnds(c.Before), true
	}
	return nil
}

// isRecorded reports whether the content of a file is what the last hand-off rendered, by the hash in its record. The
// summary is not in the record, which it shows.
func (b *Bundle) isRecorded(file string, content []byte) bool {
	return b.Last != nil && (file == SummaryFile || slices.ContainsFunc(b.Last.Files, func(f RecordedFile) bool {
		return f.File == file && !f.Edited && f.SHA256 == tree.Hash(tree.UnixEnds(content))
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
	yours := tree.UnixEnds(c.Before)
	c.Content = f.Content
	switch tree.Relate(yours, f.Content, written) {
	case tree.IsNew:
		c.Status = Create
	case tree.IsGone:
		c.Status, c.Content = Skip, nil
		c.Reason = "you removed it; to restore it: rm " + b.display(path.Join(b.Place.Bundle, baseDir, f.Path))
	case tree.IsSame:
		c.Status, c.Content = Identical, c.Before
	case tree.IsUntracked:
		c.Status, c.Content, c.Reason = Untracked, c.Before, "sdev did not write it"
	case tree.IsUntouched:
		c.Status = Update
	case tree.IsEdited:
		c.mergeEdits(yours)
	}
	if (c.Status == Update || c.Status == Merge || c.Status == Conflict) && !bytes.Equal(c.Content, c.Before) {
		c.Content = tree.EndsAs(c.Before, c.Content)
	}
	return c, nil
}

// mergeEdits decides about a file that its user has edited.
func (c *Change) mergeEdits(yours []byte) {
	switch {
	case tree.HasConflictMarkers(yours):
		c.Status, c.Content, c.Reason = Conflict, c.Before, "it still has the conflict markers of the last merge"
		return
	case bytes.Equal(c.base, c.Rendered):
		c.Status, c.Content, c.Reason = Keep, c.Before, "you edited it"
		return
	}
	merged, conflict := tree.MergeText(c.base, yours, c.Rendered)
	c.Content, c.Status, c.Reason = merged, Merge, "your edits are kept"
	switch {
	case conflict:
		c.Status, c.Reason = Conflict, "you and sdev changed the same lines; it has both between conflict markers"
	case bytes.Equal(merged, yours): // the user had made the same change already
		c.Content, c.Status, c.Reason = c.Before, Keep, "you edited it"
	}
}

// UntrackedError is the error that nothing can be written, because files exist there that sdev did not write; nil if
// there are none.
func (b *Bundle) UntrackedError() error {
	if names := b.Paths(Untracked); len(names) > 0 {
		return &dev.Error{Code: dev.CodeDeployDir, Exit: dev.ExitFailed, Message: "nothing was written, because sdev did not write these files and does not overwrite them: " + strings.Join(names, ", "),
			Hint: "move them away, or name another directory with --out"}
	}
	return nil
}

// ConflictError is the error that files have conflicts, which the user has to resolve; nil if there are none.
func (b *Bundle) ConflictError() error {
	if names := b.Paths(Conflict); len(names) > 0 {
		return &dev.Error{Code: dev.CodeDeployConflict, Exit: dev.ExitFailed, Message: "you and sdev changed the same lines of " + strings.Join(names, ", "),
			Hint: "edit the lines between <<<<<<< and >>>>>>>, remove the markers, and run it again"}
	}
	return nil
}

// OutdatedError is the error that the bundle differs from what sdev would render, apart from the user's edits; nil if
// it does not.
func (b *Bundle) OutdatedError() error {
	if names := b.Paths(Create, Update, Merge, Remove); len(names) > 0 {
		return &dev.Error{Code: dev.CodeDeployChanged, Exit: dev.ExitFailed, Message: "out of date: " + strings.Join(names, ", "),
			Hint: "run sdev deploy without --check, review the difference, and commit it"}
	}
	return nil
}

func (b *Bundle) display(name string) string {
	if b.DisplayPath == nil {
		return name
	}
	return b.DisplayPath(name)
}

// Paths are the paths of the files with one of these statuses, as errors show them.
func (b *Bundle) Paths(of ...Status) []string {
	var names []string
	for _, c := range b.Changes {
		if slices.Contains(of, c.Status) {
			names = append(names, b.display(c.Path))
		}
	}
	return names
}

// AddRecord adds the record, and its summary for people. Its time is now, unless it is otherwise the same as the last
// record: then it keeps that one's time.
func (b *Bundle) AddRecord(r Record, now time.Time) (Record, error) {
	r.V = recordVersion
	r.Files = nil
	for _, c := range b.Changes {
		if c.Content != nil && c.Rendered != nil {
			r.Files = append(r.Files, RecordedFile{File: c.File, Path: c.Path, SHA256: tree.Hash(tree.UnixEnds(c.Content)), Edited: !bytes.Equal(tree.UnixEnds(c.Content), c.Rendered)})
		}
	}
	r.Time = now.UTC().Truncate(time.Second)
	if b.Last != nil {
		same := r
		same.Time = b.Last.Time
		if bytes.Equal(tree.EncodeRecord(same), tree.UnixEnds(b.lastRaw)) {
			r = same
		}
	}
	b.record = tree.EncodeRecord(r)
	return r, b.add(File{Path: SummaryFile, Content: r.summary(b.Place), Mode: 0o644})
}

// Apply writes the changes. A directory that is not writable is an error with code [dev.CodeDeployDir]. After any error
// the bundle is as it was.
func (b *Bundle) Apply(ctx context.Context) error {
	err := tree.Apply(ctx, b.Place.Root, b.Writes())
	if e, ok := errors.AsType[*dev.Error](err); ok && e.Code == dev.CodeScaffoldTarget {
		return &dev.Error{Code: dev.CodeDeployDir, Exit: dev.ExitFailed, Cause: err, Message: e.Message + "; nothing was written", Hint: "name another directory with --out"}
	}
	return err
}

// Writes are the changes that Apply makes, in this order: the files, their bases, the record. If Apply is killed in
// between, the next run can still tell which edits are the user's.
func (b *Bundle) Writes() []tree.Change {
	var out, bases []tree.Change
	for _, c := range b.Changes {
		if !bytes.Equal(c.Before, c.Content) || (c.Before == nil) != (c.Content == nil) {
			out = append(out, c.Change)
		}
		if (!bytes.Equal(c.base, c.Rendered) || c.baseLost) && (c.Status != Conflict || !tree.HasConflictMarkers(tree.UnixEnds(c.Before))) {
			base := c.baseOnDisk
			if base != nil || c.Rendered != nil {
				bases = append(bases, tree.Change{Path: path.Join(b.Place.Bundle, baseDir, c.File), Before: base, Content: c.Rendered})
			}
		}
	}
	out = append(out, bases...)
	if !bytes.Equal(b.record, tree.UnixEnds(b.lastRaw)) {
		out = append(out, tree.Change{Path: path.Join(b.Place.Bundle, RecordFile), Before: b.lastRaw, Content: b.record})
	}
	return out
}

// readFile returns the content of a file; nil if it does not exist.
func (b *Bundle) readFile(name string) ([]byte, error) {
	if b.root == nil {
		return nil, nil
	}
	content, err := tree.Read(b.root, name)
	if e, ok := errors.AsType[*tree.IrregularError](err); ok {
		return nil, &dev.Error{Code: dev.CodeDeployDir, Exit: dev.ExitFailed, Message: fmt.Sprintf("%s is %s", b.display(name), e.Kind), Hint: "move it away, or name another directory with --out"}
	}
	if err != nil {
		return nil, dirError(err, name)
	}
	return content, nil
}

// dirError is a system error about the bundle's directory.
func dirError(err error, name string) error {
	reason := tree.Reason(err)
	hint := "name another directory with --out"
	if strings.Contains(reason, "path escapes") {
		hint = "a symbolic link leads out of the repository; remove it, or name its target with --out"
	}
	return &dev.Error{Code: dev.CodeDeployDir, Exit: dev.ExitFailed, Cause: err, Message: fmt.Sprintf("cannot use %s: %s", dev.Sanitize(name), reason), Hint: hint}
}
