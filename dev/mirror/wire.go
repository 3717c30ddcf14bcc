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

// version is the version of the stream. Both halves are normally the same program. If an older sdev made the container,
// its receiver is replaced before a stream is opened.
const version = 1

// Limits for reading, so that a broken stream causes an error and does not fill the memory.
const (
	maxLine  = 64 << 20 // bytes; a line that lists 1,000,000 files needs half of that
	maxFiles = 1 << 20
)

// rawPath is a path of any bytes, base64 in JSON.
type rawPath []byte

// location is a path below one of the roots in the container.
type location struct {
	Root int     `json:"r"`
	Path rawPath `json:"p"`
}

func (s location) String() string { return string(s.Path) }

// hello begins a stream.
type hello struct {
	V        int        `json:"v"`
	Roots    []string   `json:"roots"`
	Manifest string     `json:"ledger"` // path of the manifest; older containers know it by this name
	Owner    Owner      `json:"owner"`
	Gone     []location `json:"gone,omitempty"` // files deleted in the project
	Files    int        `json:"files"`          // number of wants that follow, one per line
}

// want is a file that should exist.
type want struct {
	location
	Size int64   `json:"s,omitempty"`
	Time int64   `json:"t,omitempty"` // nanoseconds since 1970
	Mode uint32  `json:"m,omitempty"`
	Link rawPath `json:"l,omitempty"` // target of a symbolic link, for which the fields above are zero
	// Weak says that the file is older than the image, so the image's version will do. The receiver compares such a
	// file only if it wrote it.
	Weak bool `json:"w,omitempty"`
}

// helloReply answers a hello.
type helloReply struct {
	Need    []int     `json:"need"` // indexes of the wants to send
	Removed int       `json:"removed"`
	Failed  []failure `json:"failed,omitempty"`
	Error   string    `json:"error,omitempty"` // why the receiver refuses the stream
}

// batch changes several files. An archive of Files entries follows; an entry's name is the root's index, a
// slash and the path.
type batch struct {
	Batch int        `json:"batch"`
	Gone  []location `json:"gone,omitempty"`
	Files int        `json:"files"`
}

// batchReply answers a batch.
type batchReply struct {
	Batch   int       `json:"batch"`
	Written int       `json:"written"`
	Removed int       `json:"removed"`
	Failed  []failure `json:"failed,omitempty"`
}

type failure struct {
	location
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

// readLine reads one line of JSON. It returns io.EOF if the stream ends between two lines.
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

// valid refuses a location that does not lie below its root.
func (s location) valid(roots int) error {
	p := string(s.Path)
	if s.Root < 0 || s.Root >= roots || p == "" || p == "." || p[0] == '/' || strings.ContainsRune(p, 0) || path.Clean(p) != p || p == ".." || strings.HasPrefix(p, "../") {
		return fmt.Errorf("%d/%q is not a path below a root", s.Root, p)
	}
	return nil
}

func (w want) isLink() bool { return len(w.Link) > 0 }

// matches reports whether the file in the container is the wanted one.
func (w want) matches(info fs.FileInfo, link string) bool {
	if w.isLink() {
		return info.Mode()&fs.ModeSymlink != 0 && link == string(w.Link)
	}
	return info.Mode().IsRegular() && info.Size() == w.Size && info.ModTime().UnixNano() == w.Time && uint32(info.Mode().Perm()) == w.Mode
}
