package scaffold

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"sdev/dev"
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
	raw, err = dev.ReadFileIn(root, RecordName)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Record{}, nil, nil
	case err != nil:
		return Record{}, nil, targetError(err, "read %s: %s", RecordName, reason(err))
	}
	rec, err = parseRecord(raw)
	return rec, raw, err
}

func parseRecord(content []byte) (Record, error) {
	var rec Record
	err := json.Unmarshal(content, &rec)
	if err == nil && rec.V != recordVersion {
		err = fmt.Errorf("its version is %d and this sdev knows %d", rec.V, recordVersion)
	}
	if err != nil {
		return Record{}, &dev.Error{
			Code: dev.CodeScaffoldTarget, Message: "this is not a record of sdev: " + err.Error(), File: RecordName,
			Hint: "restore the file from version control, or remove it", Exit: dev.ExitFailed, Cause: err,
		}
	}
	return rec, nil
}

func (r Record) encode() []byte {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(r); err != nil {
		panic(err) // strings, a number and maps of strings always encode
	}
	return out.Bytes()
}

func hash(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
