package process

import (
	"encoding/json"
	"os"
	"path/filepath"
	"time"

	"sdev/dev"
)

// record is a change of a container's state.
type record struct {
	Time     time.Time
	ID       string
	Service  string
	State    dev.State
	ExitCode int `json:",omitempty"`
}

// journal is the file to which every process adds the changes of a project's containers, one in a line. Those who follow
// the project read it as it grows.
type journal struct{ file string }

func (r *Runtime) journal(project string) journal {
	return journal{filepath.Join(r.projectDir(project), "journal")}
}

// maxJournal is the size in bytes from which a journal is replaced by an empty one. Only what follows is of interest.
const maxJournal = 1 << 20

// add adds a change. It is best effort: a change that is lost shows in the next observation.
func (j journal) add(rec record) {
	line, err := json.Marshal(rec)
	if err != nil || os.MkdirAll(filepath.Dir(j.file), 0o700) != nil {
		return
	}
	if st, err := os.Stat(j.file); err == nil && st.Size() > maxJournal {
		_ = dev.ReplaceFile(j.file, nil, 0o600)
	}
	f, err := os.OpenFile(j.file, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return
	}
	_, _ = f.Write(append(line, '\n')) // one call, so that lines of several processes do not mix
	_ = f.Close()
}
