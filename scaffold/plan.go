package scaffold

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sdev/dev"
	"sdev/dev/tree"
)

// Status says what applying a plan does to one file.
type Status = tree.Status

// The statuses of a [File].
const (
	Create    = tree.Create    // the file does not exist yet
	Identical = tree.Identical // the file exists and already has this content
	Skip      = tree.Skip      // the file stays: the user has edited it, or adoption changes no file
	Update    = tree.Update    // the record, which sdev owns, changes
	Overwrite = tree.Overwrite // the file differs, and the plan was made with force
	Conflict  = tree.Conflict  // the file differs; a plan with a conflict writes nothing
)

// File is a plan's decision about one file. Its reason says why the file is skipped or in conflict.
type File = tree.Change

// Plan lists what [Plan.Apply] would do to each file. [NewPlan] or [NewAdoption] makes it, and it does not change.
type Plan struct {
	Dir   string
	Files []File // by path; the record comes last

	force   bool
	foreign []string // top-level entries of a directory without a record, which are not the project's
}

// NewPlan plans how to write src to dir, which need not exist. With force, the plan overwrites files that differ, and
// accepts a directory with other files in it. An error about dir is a *dev.Error; one about src is not.
func NewPlan(src Source, dir string, force bool) (*Plan, error) {
	files, err := src.render()
	if err != nil {
		return nil, err
	}
	dir = filepath.Clean(dir) // a slash at the end would follow a link
	p := &Plan{Dir: dir, force: force}
	exists, err := checkDir(dir)
	if err != nil {
		return nil, err
	}
	rec := Record{V: recordVersion, Tree: src.Name, Version: src.Version, Answers: maps.Clone(src.Answers), Files: make(map[string]string)}
	if !exists {
		for _, f := range files {
			p.Files = append(p.Files, File{Path: f.Path, Status: Create, Content: f.Content, Mode: f.Mode})
			rec.Files[f.Path] = tree.Hash(f.Content)
		}
		p.Files = append(p.Files, File{Path: RecordName, Status: Create, Content: tree.EncodeRecord(rec), Mode: 0o644})
		return p, nil
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, tree.DirError(err, "open %s: %s", dir, tree.Reason(err))
	}
	defer root.Close()
	return p, p.compare(root, files, rec)
}

// compare adds the decisions to the plan: it compares the files with those in the directory.
func (p *Plan) compare(root *os.Root, files []tree.File, rec Record) error {
	old, raw, err := readRecord(root)
	if err != nil {
		return err
	}
	for _, f := range files {
		file, err := p.compareFile(root, f, old.Files[f.Path])
		if err != nil {
			return err
		}
		rec.Files[f.Path] = tree.Hash(f.Content)
		if file.Status == Skip {
			rec.Files[f.Path] = old.Files[f.Path]
		}
		p.Files = append(p.Files, file)
	}
	record := File{Path: RecordName, Status: Create, Content: tree.EncodeRecord(rec), Mode: 0o644, Before: raw}
	switch {
	case raw == nil:
		p.foreign, err = foreign(root, files)
	case bytes.Equal(tree.EncodeRecord(old), record.Content):
		record.Status = Identical
	default:
		record.Status = Update
	}
	p.Files = append(p.Files, record)
	return err
}

// compareFile decides about one file. written is the hash of the content that sdev wrote there last; "" if it wrote
// none.
func (p *Plan) compareFile(root *os.Root, f tree.File, written string) (File, error) {
	file := File{Path: f.Path, Content: f.Content, Mode: f.Mode}
	if err := checkParents(root, f.Path); err != nil {
		return File{}, err
	}
	var err error
	if file.Before, err = read(root, f.Path); err != nil {
		return File{}, err
	}
	file.Content = tree.EndsAs(file.Before, f.Content)
	relation := tree.Relate(tree.UnixEnds(file.Before), f.Content, written)
	switch {
	case relation == tree.IsNew, relation == tree.IsGone:
		file.Status = Create
	case relation == tree.IsSame:
		file.Status = Identical
	case relation == tree.IsEdited:
		file.Status, file.Reason = Skip, "edited by you"
	case p.force:
		file.Status = Overwrite
	case relation == tree.IsUntouched:
		file.Status, file.Reason = Conflict, "written with other answers or by another version"
	default:
		file.Status, file.Reason = Conflict, "exists and differs"
	}
	return file, nil
}

// Err returns why the plan cannot be applied; nil if it can.
func (p *Plan) Err() error {
	if conflicts := tree.Paths(p.Files, Conflict); len(conflicts) > 0 {
		return &dev.Error{
			Code:    dev.CodeScaffoldConflict,
			Message: fmt.Sprintf("%s in the way, so nothing was written: %s", count(len(conflicts), "file is", "files are"), enumerate(conflicts)),
			Hint:    "move them away, or overwrite them with --force",
			Exit:    dev.ExitFailed,
		}
	}
	if len(p.foreign) > 0 && !p.force {
		return &dev.Error{
			Code:    dev.CodeScaffoldTarget,
			Message: fmt.Sprintf("%s is not empty: it holds %s", p.Dir, enumerate(p.foreign)),
			Hint:    "name a new directory, or write beside what is there with --force",
			Exit:    dev.ExitFailed,
		}
	}
	return nil
}

// Apply carries out the plan in the order of its files, with the promises of [tree.Apply]. If the plan cannot be
// applied, it returns [Plan.Err] and does nothing.
func (p *Plan) Apply(ctx context.Context) error {
	if err := p.Err(); err != nil {
		return err
	}
	changes := slices.DeleteFunc(slices.Clone(p.Files), leavesAlone)
	if len(changes) == 0 {
		return nil
	}
	return tree.Apply(ctx, p.Dir, changes)
}

func leavesAlone(f File) bool { return f.Status == Identical || f.Status == Skip }

// Empty reports whether there is nothing to do.
func (p *Plan) Empty() bool {
	return !slices.ContainsFunc(p.Files, func(f File) bool { return !leavesAlone(f) })
}

// Count returns the number of files with a status.
func (p *Plan) Count(s Status) int { return len(tree.Paths(p.Files, s)) }

// enumerate joins the first few names.
func enumerate(names []string) string {
	const most = 5
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
