package preflight

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"io"
	"path"
	"strings"

	"sdev/dev"
)

// Limits of archives in an image. What is beyond them is data, or made to take time.
const (
	maxZip     = 16 << 20 // of a zip, which is read as a whole
	maxInside  = 64 << 20 // of what one archive unpacks to, archives in it included
	maxPacked  = 1 << 30  // of what all of them do
	maxMembers = 20_000   // of one archive
	deepest    = 4        // archives in archives
)

var (
	gzipMark  = []byte("\x1f\x8b")
	bzip2Mark = []byte("BZh")
	zipMark   = []byte("PK\x03\x04")
)

// memberMark stands between the name of an archive and that of what is in it.
const memberMark = "!/"

// isPacked knows what is looked into by its first bytes: gzip, bzip2, tar, and zip, which may stand
// behind a line that names the program to run it with.
func isPacked(head []byte) bool {
	return bytes.HasPrefix(head, gzipMark) || bytes.HasPrefix(head, bzip2Mark) || isZip(head) || isTar(head)
}

func isZip(head []byte) bool {
	return bytes.HasPrefix(head, zipMark) || bytes.HasPrefix(head, []byte("#!")) && bytes.Contains(head, zipMark)
}

func isTar(head []byte) bool {
	const at = 257 // of the mark in a header
	return len(head) > at+5 && string(head[at:at+5]) == "ustar"
}

// unpacking is one archive of the image and what is in it.
type unpacking struct {
	*walker
	layer   int
	archive string // its name
	left    int64
	members int
}

// packed looks for credentials, and for what switches the login off, in an archive. One that cannot be
// unpacked is data: nobody is told, and a layer that is damaged shows it elsewhere.
func (w *walker) packed(n int, name string, content io.Reader) {
	if isPublished(name) || isTest(name) {
		return
	}
	u := &unpacking{walker: w, layer: n, archive: name, left: min(maxInside, maxPacked-w.unpacked)}
	start := u.left
	u.open("", content, deepest)
	w.unpacked += start - u.left
}

// Read takes from what an archive may unpack to.
type budget struct {
	u *unpacking
	r io.Reader
}

func (b budget) Read(p []byte) (int, error) {
	if b.u.left <= 0 {
		return 0, io.EOF
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.u.left)])
	b.u.left -= int64(n)
	return n, err
}

// open looks into something by what it is.
func (u *unpacking) open(member string, content io.Reader, deep int) {
	const enough = 4096
	in := bufio.NewReaderSize(content, enough)
	head, _ := in.Peek(enough) // what cannot be read is data
	switch {
	case deep == 0 || len(head) == 0:
	case bytes.HasPrefix(head, gzipMark):
		if z, err := gzip.NewReader(in); err == nil {
			u.open(member, budget{u, z}, deep-1)
		}
	case bytes.HasPrefix(head, bzip2Mark):
		u.open(member, budget{u, bzip2.NewReader(in)}, deep-1)
	case isZip(head):
		u.zip(member, in, deep)
	case isTar(head):
		u.tar(member, in, deep)
	case !isBinary(head):
		u.text(member, decoded(head, in))
	}
}

func (u *unpacking) zip(member string, in io.Reader, deep int) {
	b, err := io.ReadAll(io.LimitReader(in, maxZip+1))
	if err != nil || len(b) > maxZip {
		return
	}
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return
	}
	for _, f := range z.File {
		if u.members++; u.members > maxMembers || u.left <= 0 {
			return
		}
		rc, err := f.Open()
		if err != nil {
			continue
		}
		u.member(path.Join(member, f.Name), int64(min(f.UncompressedSize64, maxInside)), budget{u, rc}, deep)
		rc.Close() // it was read
	}
}

func (u *unpacking) tar(member string, in io.Reader, deep int) {
	t := tar.NewReader(in)
	for {
		h, err := t.Next()
		if u.members++; err != nil || u.members > maxMembers || u.left <= 0 || len(h.Name) > maxPath {
			return
		}
		if h.Typeflag == tar.TypeReg {
			u.member(path.Join(member, h.Name), h.Size, budget{u, t}, deep)
		}
	}
}

// member looks at one file of an archive.
func (u *unpacking) member(name string, size int64, content io.Reader, deep int) {
	inner := path.Clean("/" + name)
	if size > 0 && (isKeptSecret(inner) || isLogin(inner)) {
		u.see("secret.dotenv", dev.Blocks, u.layer, u.archive, 0, "%s is in %s", strings.TrimPrefix(inner, "/"), u.archive)
	}
	u.open(name, content, deep-1)
}

// text looks at what is no archive.
func (u *unpacking) text(member string, content io.Reader) {
	where := u.archive
	if member != "" {
		where = member + " in " + u.archive
	}
	if path.Ext(member) == ".py" && !isTest(member) {
		u.track(u.archive) // Python runs what is in a zip
		var err error
		if content, err = u.keepText(u.layer, u.archive+memberMark+member, false, content); err != nil {
			return
		}
	}
	_ = u.s.scan(content, nil, func(h hit) { // see packed
		u.see("secret.layer", dev.Blocks, u.layer, u.archive, 0, "%s is in %s", h.what, where)
	})
}
