package docker

import (
	"archive/tar"
	"bytes"
	"io"
)

// file is a file to be put into a container.
type file struct {
	path    string // absolute
	mode    int64
	content []byte
}

// pack makes an archive of files and the folders that lead to them.
func pack(files []file) (io.Reader, error) {
	var b bytes.Buffer
	t := tar.NewWriter(&b)
	made := map[string]bool{}
	for _, f := range files {
		for _, dir := range parents(f.path) {
			if made[dir] {
				continue
			}
			made[dir] = true
			if err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir, Mode: 0o755}); err != nil {
				return nil, err
			}
		}
		if err := t.WriteHeader(&tar.Header{Name: f.path[1:], Mode: f.mode, Size: int64(len(f.content))}); err != nil {
			return nil, err
		}
		if _, err := t.Write(f.content); err != nil {
			return nil, err
		}
	}
	return &b, t.Close()
}

// parents lists the folders of an absolute path, outermost first, as an archive names them.
func parents(path string) []string {
	var out []string
	for i := 1; i < len(path); i++ {
		if path[i] == '/' {
			out = append(out, path[1:i+1])
		}
	}
	return out
}
