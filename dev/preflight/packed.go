package preflight

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"io"
	"path"

	"sdev/dev"
)

// Limits of archives in an image. What is beyond them is data, or made to take time.
const (
	maxZip    = 16 << 20 // of a zip, which is read as a whole
	maxInside = 64 << 20 // of what one archive unpacks to
	maxPacked = 1 << 30  // of what all of them do
)

// packed looks for credentials in a zip, or in what gzip has packed, a tar for one. An archive that
// cannot be unpacked is data: nobody is told, and a layer that is damaged shows it elsewhere.
func (w *walker) packed(n int, name string, head []byte, content io.Reader) {
	switch {
	case isPublished(name), isTest(name):
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		if z, err := gzip.NewReader(content); err == nil {
			w.inside(n, name, "", z, maxInside)
		}
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		b, err := io.ReadAll(io.LimitReader(content, maxZip+1))
		if err != nil || len(b) > maxZip {
			return
		}
		z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		left := int64(maxInside)
		for _, f := range z.File {
			rc, err := f.Open()
			if err != nil {
				continue
			}
			if isKeptSecret(path.Clean("/"+f.Name)) && f.UncompressedSize64 > 0 {
				w.see("secret.dotenv", dev.Blocks, n, name, 0, "%s is in %s", f.Name, name)
			}
			left -= w.inside(n, name, f.Name, rc, left)
			rc.Close() // it was read
		}
	}
}

// inside looks at most so far into what is in an archive, and says how far it came.
func (w *walker) inside(n int, archive, member string, content io.Reader, most int64) int64 {
	in := &io.LimitedReader{R: content, N: min(most, maxPacked-w.unpacked)}
	start := in.N
	where := archive
	if member != "" {
		where = member + " in " + archive
	}
	_ = w.s.scan(in, nil, func(h hit) { // see packed
		w.see("secret.layer", dev.Blocks, n, archive, 0, "%s is in %s", h.what, where)
	})
	w.unpacked += start - in.N
	return start - in.N
}
