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

// Limits of archives in an image. What exceeds them is data, or was made to waste time.
const (
	maxZip          = 16 << 20 // of a zip, which is read into memory
	maxArchiveBytes = 64 << 20 // that one archive unpacks to, archives in it included
	maxAllArchives  = 1 << 30  // that all archives unpack to
	maxMembers      = 20_000   // of one archive
	maxArchiveDepth = 4        // of archives in archives
)

var (
	gzipMagic  = []byte("\x1f\x8b")
	bzip2Magic = []byte("BZh")
	zipMagic   = []byte("PK\x03\x04")
)

// memberSeparator is between the name of an archive and that of a file in it.
const memberSeparator = "!/"

// isArchive recognises gzip, bzip2, tar and zip by their first bytes. A zip may follow a line that names the program
// to run it with.
func isArchive(head []byte) bool {
	return bytes.HasPrefix(head, gzipMagic) || bytes.HasPrefix(head, bzip2Magic) || isZip(head) || isTar(head)
}

func isZip(head []byte) bool {
	return bytes.HasPrefix(head, zipMagic) || bytes.HasPrefix(head, []byte("#!")) && bytes.Contains(head, zipMagic)
}

func isTar(head []byte) bool {
	const at = 257 // position of the magic in a header
	return len(head) > at+5 && string(head[at:at+5]) == "ustar"
}

// archiveReader reads one archive of the image.
type archiveReader struct {
	*walker
	layer   int
	archive string // its name
	left    int64
	members int
}

// readArchive searches an archive for credentials and for what switches the login off. One that cannot be unpacked is
// data and no error; the layer's digest shows whether it is damaged.
func (w *walker) readArchive(n int, name string, content io.Reader) {
	if isPackageFile(name) || isTest(name) {
		return
	}
	u := &archiveReader{walker: w, layer: n, archive: name, left: min(maxArchiveBytes, maxAllArchives-w.unpacked)}
	start := u.left
	u.read("", content, maxArchiveDepth)
	w.unpacked += start - u.left
}

// budget reads as long as the archive may unpack to more.
type budget struct {
	u *archiveReader
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

// read reads a member by its format.
func (u *archiveReader) read(member string, content io.Reader, depth int) {
	const enough = 4096
	in := bufio.NewReaderSize(content, enough)
	head, _ := in.Peek(enough) // what cannot be read is data
	switch {
	case depth == 0 || len(head) == 0:
	case bytes.HasPrefix(head, gzipMagic):
		if z, err := gzip.NewReader(in); err == nil {
			u.read(member, budget{u, z}, depth-1)
		}
	case bytes.HasPrefix(head, bzip2Magic):
		u.read(member, budget{u, bzip2.NewReader(in)}, depth-1)
	case isZip(head):
		u.zip(member, in, depth)
	case isTar(head):
		u.tar(member, in, depth)
	case !isBinary(head):
		u.text(member, decoded(head, in))
	}
}

func (u *archiveReader) zip(member string, in io.Reader, depth int) {
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
		u.member(path.Join(member, f.Name), int64(min(f.UncompressedSize64, maxArchiveBytes)), budget{u, rc}, depth)
		rc.Close() // it was read
	}
}

func (u *archiveReader) tar(member string, in io.Reader, depth int) {
	t := tar.NewReader(in)
	for {
		h, err := t.Next()
		if u.members++; err != nil || u.members > maxMembers || u.left <= 0 || len(h.Name) > maxPath {
			return
		}
		if h.Typeflag == tar.TypeReg {
			u.member(path.Join(member, h.Name), h.Size, budget{u, t}, depth)
		}
	}
}

// member reads one file of an archive.
func (u *archiveReader) member(name string, size int64, content io.Reader, depth int) {
	inner := path.Clean("/" + name)
	if size > 0 && (isSecretFile(inner) || isCredentialFile(inner)) {
		u.add("secret.dotenv", dev.Blocks, u.layer, u.archive, 0, "%s is in %s", strings.TrimPrefix(inner, "/"), u.archive)
	}
	u.read(name, content, depth-1)
}

// text searches a file that is no archive.
func (u *archiveReader) text(member string, content io.Reader) {
	where := u.archive
	if member != "" {
		where = member + " in " + u.archive
	}
	if path.Ext(member) == ".py" && !isTest(member) {
		u.track(u.archive) // Python can run what is in a zip
		var err error
		if content, err = u.saveText(u.layer, u.archive+memberSeparator+member, false, content); err != nil {
			return
		}
	}
	_ = u.scanner.scan(content, nil, func(h hit) { // see readArchive
		u.add("secret.layer", dev.Blocks, u.layer, u.archive, 0, "%s is in %s", h.what, where)
	})
}
