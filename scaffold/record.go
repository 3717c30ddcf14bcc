package scaffold

import (
	"os"

	"sdev/dev"
	"sdev/dev/tree"
)

// RecordName is the file of the project that remembers what was answered and written.
const RecordName = ".sdev-project.json"

const recordVersion = 1

// Record is what was answered and written. It holds no time and no path of the machine, so the same
// answers always give the same bytes.
type Record struct {
	V       int               `json:"v"`
	Tree    string            `json:"template"`
	Version string            `json:"version"`
	Answers map[string]string `json:"answers"`
	// Files maps each path, with slashes, to the SHA-256 in hex of what was written there, which is
	// the common ancestor of the user's file and a later version's.
	Files map[string]string `json:"files"`
}

// ReadRecord gives the record of the project in dir; ok is false where there is none.
func ReadRecord(dir string) (rec Record, ok bool, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		// Whatever is wrong with the directory is told by the one who writes to it.
		return Record{}, false, nil
	}
	defer root.Close()
	rec, raw, err := readRecord(root)
	return rec, raw != nil && err == nil, err
}

// readRecord gives the record and its bytes, which are nil where there is none.
func readRecord(root *os.Root) (rec Record, raw []byte, err error) {
	if raw, err = read(root, RecordName); err != nil || raw == nil {
		return Record{}, nil, err
	}
	if err := tree.DecodeRecord(raw, recordVersion, &rec); err != nil {
		return Record{}, raw, &dev.Error{
			Code: dev.CodeScaffoldTarget, Message: "this is not a record of sdev: " + err.Error(), File: RecordName,
			Hint: "restore the file from version control, or remove it", Exit: dev.ExitFailed, Cause: err,
		}
	}
	return rec, raw, nil
}
