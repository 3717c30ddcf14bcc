package preflight

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"sdev/dev"
	"sdev/dev/docker/dockerfile"
)

// isPackageFile reports whether a file belongs to a published package, so that nothing in it is secret.
func isPackageFile(name string) bool {
	for _, part := range []string{"/site-packages/", "/dist-packages/", "/node_modules/", "/usr/share/", "/conda-meta/", "/usr/lib/", "/lib/python3."} {
		if strings.Contains(name, part) {
			return true
		}
	}
	return false
}

// add records a finding in a layer, for report.
func (w *walker) add(id string, severity dev.Severity, n int, file string, line int, format string, args ...any) {
	s := pendingFinding{id: id, severity: severity, layer: n, message: printable(fmt.Sprintf(format, args...))}
	if w.added[s] || len(w.pending) >= maxPending {
		return
	}
	w.added[s] = true
	s.file, s.line, s.removedIn = file, line, -1
	w.track(file)
	w.byFile[file] = append(w.byFile[file], len(w.pending))
	w.pending = append(w.pending, s)
}

// checkName checks files whose name says what they are.
func (w *walker) checkName(n int, name string, size int64) {
	dir, base := path.Split(name)
	parent := path.Base(dir)
	w.checker.image.packages.record(name)
	switch {
	case strings.HasPrefix(name, "/opt/sdev/"):
		w.add("mock.layer", dev.Blocks, n, "/opt/sdev", 0, "the image contains /opt/sdev")
	case strings.Contains(name, "/"+dev.StateDir+"/"):
		at := name[:strings.Index(name, "/"+dev.StateDir+"/")] + "/" + dev.StateDir
		w.add("mock.layer", dev.Blocks, n, at, 0, "the image contains %s, with the keys of the local login", at)
	case isPackageFile(name) || size == 0:
	case strings.Contains(name, "/.git/") && (base == "HEAD" || base == "config") && parent == ".git":
		w.add("image.git", dev.Warns, n, path.Clean(dir), 0, "the image contains %s, with everything that was ever committed", path.Clean(dir))
	case strings.Contains(name, "/.aws/"):
		at := name[:strings.Index(name, "/.aws/")] + "/.aws"
		w.add("secret.aws", dev.Blocks, n, at, 0, "the image contains %s", at)
	case base == "secrets.toml" && parent == ".streamlit":
		w.add("secret.toml", dev.Blocks, n, name, 0, "the image contains %s", name)
	case isSecretFile(name):
		w.add("secret.dotenv", dev.Blocks, n, name, 0, "the image contains %s", name)
	case isCredentialFile(name):
		w.add("secret.login", dev.Blocks, n, name, 0, "the image contains %s", name)
	case dir == "/usr/local/share/ca-certificates/" && path.Ext(base) == ".crt":
		w.add("image.ca", dev.Warns, n, name, 0, "%s makes the image trust an additional certificate authority", name)
	}
}

func isCredentialFile(name string) bool {
	for _, end := range []string{"/.netrc", "/.pypirc", "/.git-credentials", "/.docker/config.json", "/.kube/config", "/.config/gcloud/application_default_credentials.json", "/.config/gcloud/credentials.db", "/.ssh/id_rsa", "/.ssh/id_ed25519", "/.ssh/id_ecdsa", "/.snowflake/connections.toml", "/.cloudflared/cert.pem"} {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return false
}

// shimMark is in the start-up shim of every version of sdev.
const shimMark = "Start-up file of sdev, mounted"

// readContent searches a file for credentials, unless it is known to hold no text, and saves what may switch the
// login off.
func (w *walker) readContent(n int, name string, content io.Reader) error {
	const enough = 4096 // to recognise its format; a program in a zip begins with a #! line
	in := bufio.NewReaderSize(content, enough)
	head, err := in.Peek(enough)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
		return err
	}
	published := isPackageFile(name)
	switch {
	case len(head) == 0, published && isTest(name):
		return nil
	case isArchive(head):
		w.readArchive(n, name, in)
		return nil
	case isBinary(head):
		return nil
	case path.Ext(name) == ".pyc":
		return w.readBytecode(n, name, in)
	}
	text := decoded(head, in)
	if w.isRelevant(name, published) {
		if text, err = w.saveText(n, name, published, text); err != nil {
			return err
		}
	}
	var literals []string
	if path.Base(name) == "sitecustomize.py" {
		literals = append(literals, shimMark)
	}
	if strings.HasSuffix(name, ".crt") || strings.HasSuffix(name, ".pem") {
		literals = append(literals, "mkcert development")
	}
	return w.scanner.scan(text, literals, func(h hit) {
		switch h.what {
		case shimMark:
			w.add("mock.shim", dev.Blocks, n, name, h.line, "%s is the start-up shim of sdev", name)
		case "mkcert development":
			w.add("mock.ca", dev.Blocks, n, name, h.line, "%s is the certificate authority of a developer's machine", name)
		default:
			severity := dev.Blocks
			if isTest(name) {
				severity = dev.Warns
			}
			w.add("secret.layer", severity, n, name, h.line, "%s is in %s:%d", h.what, name, h.line)
		}
	})
}

// decoded returns the text of a file in UTF-8, even if the file is in UTF-16.
func decoded(head []byte, in io.Reader) io.Reader {
	order, mark := unicode.LittleEndian, unicode.UseBOM
	switch {
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")):
	case len(head) >= 8 && isEvery(head[:8], 1):
	case len(head) >= 8 && isEvery(head[:8], 0):
		order = unicode.BigEndian
	default:
		return in
	}
	return transform.NewReader(in, unicode.UTF16(order, mark).NewDecoder())
}

// isEvery reports whether every other byte, beginning at from, is zero and no other byte is.
func isEvery(head []byte, from int) bool {
	for i, c := range head {
		if (i%2 == from%2) != (c == 0) {
			return false
		}
	}
	return true
}

// startsApp reports whether a file may be read when the app starts. A compose file or a manual in an image sets
// nothing.
func startsApp(name string) bool {
	base := path.Base(name)
	switch path.Ext(base) {
	case ".sh", ".bash", ".zsh", ".fish", ".csh", ".env", ".py", ".pth", ".conf", ".ini", ".service", ".cfg", ".envrc":
		return !isTest(name)
	case "":
		return base != "Makefile" && !dockerfile.IsName(base) && !isToolConfig(base)
	}
	for _, start := range []string{".env", ".bash", ".zsh", ".profile", ".login", ".cshrc", ".kshrc", ".tcshrc", ".xprofile"} {
		if strings.HasPrefix(base, start) {
			return true
		}
	}
	return false
}

// isBinary recognises programs, archives, pictures and fonts by their first bytes.
func isBinary(head []byte) bool {
	for _, magic := range []string{"\x7fELF", "\x28\xb5\x2f\xfd", "\xfd7zXZ", "\x89PNG", "\xff\xd8\xff", "GIF8", "wOFF", "wOF2", "RIFF", "!<arch>", "OTTO", "\x00\x01\x00\x00", "PAR1", "\xcf\xfa\xed\xfe", "MZ\x90"} {
		if bytes.HasPrefix(head, []byte(magic)) {
			return true
		}
	}
	return false
}
