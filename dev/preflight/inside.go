package preflight

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"sdev/dev"
)

// isPublished says that a file belongs to a package that everybody can have: what is secret in it is
// secret no more.
func isPublished(name string) bool {
	for _, part := range []string{"/site-packages/", "/dist-packages/", "/node_modules/", "/usr/share/", "/conda-meta/", "/usr/lib/", "/usr/local/lib/python"} {
		if strings.Contains(name, part) {
			return true
		}
	}
	return false
}

func (w *walker) see(id string, severity dev.Severity, n int, file string, line int, format string, args ...any) {
	s := sight{id: id, severity: severity, layer: n, file: file, line: line, gone: -1, message: fmt.Sprintf(format, args...)}
	same := func(have sight) bool { return have.id == id && have.layer == n && have.message == s.message }
	if len(w.sights) < maxSights && !slices.ContainsFunc(w.sights, same) {
		w.sights = append(w.sights, s)
	}
}

// byName judges files whose name says what they are.
func (w *walker) byName(n int, name string, size int64) {
	dir, base := path.Split(name)
	parent := path.Base(dir)
	w.c.built.packages.take(name)
	switch {
	case strings.HasPrefix(name, "/opt/sdev/"):
		w.see("mock.layer", dev.Blocks, n, "/opt/sdev", 0, "/opt/sdev is in the image")
	case strings.Contains(name, "/"+dev.StateFolder+"/"):
		at := name[:strings.Index(name, "/"+dev.StateFolder+"/")] + "/" + dev.StateFolder
		w.see("mock.layer", dev.Blocks, n, at, 0, "%s is in the image, with the keys of the local login", at)
	case isPublished(name) || size == 0:
	case strings.Contains(name, "/.git/") && (base == "HEAD" || base == "config") && parent == ".git":
		w.see("image.git", dev.Warns, n, path.Clean(dir), 0, "%s is in the image, with everything that was ever committed", path.Clean(dir))
	case strings.Contains(name, "/.aws/"):
		at := name[:strings.Index(name, "/.aws/")] + "/.aws"
		w.see("secret.aws", dev.Blocks, n, at, 0, "%s is in the image", at)
	case base == "secrets.toml" && parent == ".streamlit":
		w.see("secret.toml", dev.Blocks, n, name, 0, "%s is in the image", name)
	case isKeptSecret(name):
		w.see("secret.dotenv", dev.Blocks, n, name, 0, "%s is in the image", name)
	case isLogin(name):
		w.see("secret.login", dev.Blocks, n, name, 0, "%s is in the image", name)
	case dir == "/usr/local/share/ca-certificates/" && path.Ext(base) == ".crt":
		w.see("image.ca", dev.Warns, n, name, 0, "%s makes the image trust a certificate authority of its own", name)
	}
}

func isLogin(name string) bool {
	for _, end := range []string{"/.netrc", "/.pypirc", "/.git-credentials", "/.docker/config.json", "/.kube/config", "/.config/gcloud/application_default_credentials.json", "/.config/gcloud/credentials.db", "/.ssh/id_rsa", "/.ssh/id_ed25519", "/.ssh/id_ecdsa", "/.snowflake/connections.toml", "/.cloudflared/cert.pem"} {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return false
}

// shimMark is in the first line of the start-up shim.
const shimMark = "Start-up file of sdev, mounted for development only"

// content looks for credentials and for what switches the login off, in everything that is not known
// to hold no text.
func (w *walker) content(n int, name string, content io.Reader) error {
	in := bufio.NewReaderSize(content, 512)
	if head, err := in.Peek(8); len(head) > 0 && isBinary(head) {
		w.packed(n, name, head, in)
		return nil
	} else if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	published := isPublished(name)
	if published && isTest(name) {
		return nil
	}
	literals := []string{bypassVariable}
	if path.Base(name) == "sitecustomize.py" {
		literals = append(literals, shimMark)
	}
	if strings.HasSuffix(name, ".crt") || strings.HasSuffix(name, ".pem") {
		literals = append(literals, "mkcert development")
	}
	return w.s.scan(in, literals, func(h hit) {
		switch h.what {
		case bypassVariable:
			if startsApp(name) && len(bypassSet.matches(string(h.near))) > 0 {
				w.see("bypass.layer", dev.Blocks, n, name, h.line, "%s:%d sets %s", name, h.line, bypassVariable)
			}
		case shimMark:
			w.see("mock.shim", dev.Blocks, n, name, h.line, "%s is the start-up shim of sdev", name)
		case "mkcert development":
			w.see("mock.ca", dev.Blocks, n, name, h.line, "%s is the certificate authority of somebody's machine", name)
		default:
			severity := dev.Blocks
			if isTest(name) {
				severity = dev.Warns
			}
			w.see("secret.layer", severity, n, name, h.line, "%s is in %s:%d", h.what, name, h.line)
		}
	})
}

// startsApp says that a file may be read when the app starts. A compose file or a manual in an image
// sets nothing.
func startsApp(name string) bool {
	base := path.Base(name)
	switch path.Ext(base) {
	case ".sh", ".bash", ".env", ".py", ".conf", ".ini", ".service", ".cfg":
		return !isTest(name)
	case "":
		return base != "Makefile" && !isDockerfile(base)
	}
	return strings.HasPrefix(base, ".env") || strings.HasPrefix(base, ".bash") || base == ".profile"
}

// isBinary knows the first bytes of programs, archives, pictures and fonts.
func isBinary(head []byte) bool {
	for _, magic := range []string{"\x7fELF", "PK\x03\x04", "\x1f\x8b", "\x28\xb5\x2f\xfd", "\xfd7zXZ", "BZh", "\x89PNG", "\xff\xd8\xff", "GIF8", "wOFF", "wOF2", "RIFF", "!<arch>", "OTTO", "\x00\x01\x00\x00", "PAR1", "\xcf\xfa\xed\xfe", "MZ\x90"} {
		if bytes.HasPrefix(head, []byte(magic)) {
			return true
		}
	}
	return false
}
