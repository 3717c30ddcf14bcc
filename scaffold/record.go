package scaffold

import (
	"os"

	"sdev/dev"
	"sdev/dev/tree"
)

// RecordName is the path of the [Record] in the project.
const RecordName = ".sdev-project.json"

const recordVersion = 1

// Record contains the answers and the hashes of the written files. It contains no time and no path of the machine, so
// the same answers always give the same bytes.
type Record struct {
	V       int               `json:"v"`
	Tree    string            `json:"template"`
	Version string            `json:"version"`
	Answers map[string]string `json:"answers"`
	// Files maps each path, with slashes, to the SHA-256 in hex of the content that sdev wrote there. That content is
	// the common ancestor of the user's file and the file of a later version.
	Files map[string]string `json:"files"`
}

// ReadRecord returns the record of the project in dir; ok is false if there is none.
func ReadRecord(dir string) (rec Record, ok bool, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		// There is no record. If the directory cannot be used, the plan for it reports that.
		return Record{}, false, nil
	}
	defer root.Close()
	rec, raw, err := readRecord(root)
	return rec, raw != nil && err == nil, err
}

// readRecord returns the record and its bytes, which are nil if there is none.
func readRecord(root *os.Root) (rec Record, raw []byte, err error) {
	if raw, err = read(root, RecordName); err != nil || raw == nil {
		return Record{}, nil, err
	}
	if err := tree.DecodeRecord(raw, recordVersion, &rec); err != nil {
		return Record{}, raw, &dev.Error{
			Code: dev.CodeScaffoldTarget, Message: "sdev cannot read its record of the project: " + err.Error(), File: RecordName,
			Hint: "restore the file from version control, or remove it", Exit: dev.ExitFailed, Cause: err,
		}
	}
	return rec, raw, nil
}
