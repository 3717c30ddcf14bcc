package scaffold

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sdev/dev"
)

// Status is what applying a plan means for one file.
type Status string

// The statuses of a [File].
const (
	Create    Status = "create"    // not there yet
	Identical Status = "identical" // there, and as it would be written
	Skip      Status = "skip"      // left alone: its user has edited it
	Update    Status = "update"    // the record, which sdev owns, changes
	Overwrite Status = "overwrite" // differs, and Force was given
	Conflict  Status = "conflict"  // differs; while there is one, nothing is written
	Remove    Status = "remove"    // was written once, and is not wanted any more
)

// File is what a plan says about one file.
type File struct {
	Path   string `json:"path"` // relative to the project, with slashes
	Status Status `json:"status"`
	Reason string `json:"reason,omitempty"` // why it is skipped or in conflict

	content []byte
	mode    fs.FileMode
	before  []byte // content that Update, Overwrite and Remove replace
}

// Plan is what applying it would do. It is made by [NewPlan] and does not change.
type Plan struct {
	Dir   string
	Files []File // by path; the record comes last

	force   bool
	foreign []string // top-level entries of a directory that is not a project of ours
}

// NewPlan looks at dir, which need not exist, and says what writing src there means. With force,
// files that differ are overwritten, and a directory that holds other things is accepted. The error is
// a *dev.Error where dir is to blame; where src is, it is a plain one.
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
			p.Files = append(p.Files, File{Path: f.path, Status: Create, content: f.content, mode: f.mode})
			rec.Files[f.path] = hash(f.content)
		}
		p.Files = append(p.Files, File{Path: RecordName, Status: Create, content: rec.encode(), mode: 0o644})
		return p, nil
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, targetError(err, "open %s: %s", dir, reason(err))
	}
	defer root.Close()
	return p, p.compare(root, files, rec)
}

// compare fills the plan from what is in the directory.
func (p *Plan) compare(root *os.Root, files []rendered, rec Record) error {
	old, raw, err := readRecord(root)
	if err != nil {
		return err
	}
	known := raw != nil
	for _, f := range files {
		file, err := p.compareFile(root, f, old.Files[f.path])
		if err != nil {
			return err
		}
		rec.Files[f.path] = hash(f.content)
		if file.Status == Skip {
			rec.Files[f.path] = old.Files[f.path]
		}
		p.Files = append(p.Files, file)
	}
	if !known {
		if p.foreign, err = foreign(root, files); err != nil {
			return err
		}
	}
	record := File{Path: RecordName, Status: Create, content: rec.encode(), mode: 0o644}
	if known {
		record.before = raw
		record.Status = Update
		if bytes.Equal(old.encode(), record.content) {
			record.Status = Identical
		}
	}
	p.Files = append(p.Files, record)
	return nil
}

// compareFile says what f means where written is the hash of what was put there, if anything was.
func (p *Plan) compareFile(root *os.Root, f rendered, written string) (File, error) {
	file := File{Path: f.path, content: f.content, mode: f.mode}
	name := filepath.FromSlash(f.path)
	if err := checkParents(root, f.path); err != nil {
		return File{}, err
	}
	info, err := root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		file.Status = Create
		return file, nil
	case err != nil:
		return File{}, targetError(err, "look at %s: %s", f.path, reason(err))
	case !info.Mode().IsRegular():
		return File{}, inTheWay(f.path, info)
	}
	file.before, err = dev.ReadFileIn(root, name)
	if err != nil {
		return File{}, targetError(err, "read %s: %s", f.path, reason(err))
	}
	switch {
	case bytes.Equal(file.before, f.content):
		file.Status = Identical
	case written != "" && hash(file.before) != written:
		file.Status, file.Reason = Skip, "edited by you"
	case p.force:
		file.Status = Overwrite
	case written != "":
		file.Status, file.Reason = Conflict, "written with other answers or by another version"
	default:
		file.Status, file.Reason = Conflict, "exists and differs"
	}
	return file, nil
}

// Err says why the plan cannot be applied; nil if it can.
func (p *Plan) Err() error {
	if conflicts := p.paths(Conflict); len(conflicts) > 0 {
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

// Empty says that there is nothing to do.
func (p *Plan) Empty() bool {
	return !slices.ContainsFunc(p.Files, func(f File) bool { return f.Status != Identical && f.Status != Skip })
}

// Count gives the number of files of a status.
func (p *Plan) Count(s Status) int { return len(p.paths(s)) }

func (p *Plan) paths(s Status) []string {
	var paths []string
	for _, f := range p.Files {
		if f.Status == s {
			paths = append(paths, f.Path)
		}
	}
	return paths
}

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
