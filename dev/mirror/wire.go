package mirror

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
)

// version of the stream. Both halves are the same program, except for a container that an older one
// made; its receiver is replaced.
const version = 1

// Limits of what is read, so that a broken stream is an error and not a full memory.
const (
	maxLine  = 64 << 20 // a line that lists files; 1,000,000 of them need half of it
	maxFiles = 1 << 20
)

// name is a path of any bytes; in JSON it is base64.
type name []byte

// spot is a place in the container.
type spot struct {
	Root int  `json:"r"`
	Path name `json:"p"`
}

func (s spot) String() string { return string(s.Path) }

// hello begins a stream.
type hello struct {
	V      int      `json:"v"`
	Roots  []string `json:"roots"`
	Ledger string   `json:"ledger"` // where the receiver keeps what it has put there
	Owner  Owner    `json:"owner"`
	Gone   []spot   `json:"gone,omitempty"` // seen to be deleted since
	Files  int      `json:"files"`          // so many wants follow, a line each
}

// want is a file that should be there.
type want struct {
	spot
	Size int64  `json:"s,omitempty"`
	Time int64  `json:"t,omitempty"` // nanoseconds since 1970
	Mode uint32 `json:"m,omitempty"`
	Link name   `json:"l,omitempty"` // where a link leads; it has neither of the above
	// Weak says that what is there is as good, unless it was put there.
	Weak bool `json:"w,omitempty"`
}

// need answers a hello.
type need struct {
	Need    []int     `json:"need"` // indexes of wants that are not as they should be
	Removed int       `json:"removed"`
	Failed  []failure `json:"failed,omitempty"`
	Error   string    `json:"error,omitempty"` // why there will be no stream
}

// batch is a change of several files. The archive with Files entries follows; an entry's name is
// the root's number, a slash and the path.
type batch struct {
	Batch int    `json:"batch"`
	Gone  []spot `json:"gone,omitempty"`
	Files int    `json:"files"`
}

// done answers a batch.
type done struct {
	Batch   int       `json:"batch"`
	Written int       `json:"written"`
	Removed int       `json:"removed"`
	Failed  []failure `json:"failed,omitempty"`
}

type failure struct {
	spot
	Reason string `json:"reason"`
}

func writeLine(w io.Writer, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = w.Write(append(b, '\n'))
	return err
}

// readLine reads one line of JSON. At the end of the stream, between lines, it gives io.EOF.
func readLine(r *bufio.Reader, v any) error {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case err == nil:
			return json.Unmarshal(line, v)
		case !errors.Is(err, bufio.ErrBufferFull):
			if errors.Is(err, io.EOF) && len(line) > 0 {
				err = io.ErrUnexpectedEOF
			}
			return err
		case len(line) > maxLine:
			return fmt.Errorf("a line of more than %d bytes", maxLine)
		}
	}
}

// valid refuses a place that does not lie below its root.
func (s spot) valid(roots int) error {
	p := string(s.Path)
	if s.Root < 0 || s.Root >= roots || p == "" || p == "." || p[0] == '/' || strings.ContainsRune(p, 0) || path.Clean(p) != p || p == ".." || strings.HasPrefix(p, "../") {
		return fmt.Errorf("%d/%q is no place", s.Root, p)
	}
	return nil
}

func (w want) isLink() bool { return len(w.Link) > 0 }

// met reports whether what is there is what is wanted.
func (w want) met(info fs.FileInfo, link string) bool {
	if w.isLink() {
		return info.Mode()&fs.ModeSymlink != 0 && link == string(w.Link)
	}
	return info.Mode().IsRegular() && info.Size() == w.Size && info.ModTime().UnixNano() == w.Time && uint32(info.Mode().Perm()) == w.Mode
}
