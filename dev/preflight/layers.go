package preflight

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"sdev/dev"
)

// Limits of what a layer may unpack to. The largest images of people are a tenth of it.
const (
	maxUnpacked = 64 << 30
	maxFiles    = 5_000_000
)

// layer is what is known of one of the image's layers.
type layer struct {
	step string // that made it
	size int64  // unpacked
}

// sight is something that was seen in a layer; it becomes a finding once the layers above have been
// seen.
type sight struct {
	id, message string
	file        string // in the image, with a slash before it
	line        int
	layer       int
	gone        int // the layer that deletes or replaces the file; -1 is none
	severity    dev.Severity
}

// walker reads the layers of an image, the lowest first.
type walker struct {
	c      *check
	s      scanner
	sights []sight
	app    map[string]owned // what is in the folder of the app, as the layers so far have it
	users  map[string]int   // ids of users by name
	total  int64
	files  int
}

// owned is who may write to a file.
type owned struct {
	uid, gid int
	mode     int64
}

const (
	maxSights = 2000
	maxOwned  = 20_000
)

func (c *check) readImage(ctx context.Context) error {
	if c.Image == nil {
		return nil
	}
	config, err := c.Image.ConfigFile()
	if err != nil {
		return invalid("the image", err)
	}
	layers, err := c.Image.Layers()
	if err != nil {
		return invalid("the image", err)
	}
	c.built = newBuilt(config)
	w := &walker{c: c, app: map[string]owned{}, users: map[string]int{"root": 0}}
	steps := madeBy(config, len(layers))
	for i, l := range layers {
		size, err := w.layer(ctx, i, l, diffID(config, i))
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return invalid("layer "+strconv.Itoa(i+1)+" of the image ("+steps[i]+")", err)
		}
		c.built.layers = append(c.built.layers, layer{step: steps[i], size: size})
	}
	w.tell()
	c.image()
	return nil
}

func diffID(config *v1.ConfigFile, i int) string {
	if i < len(config.RootFS.DiffIDs) {
		return config.RootFS.DiffIDs[i].Hex
	}
	return ""
}

// layer reads one layer to its end, and compares what it is with what the configuration says.
func (w *walker) layer(ctx context.Context, n int, l v1.Layer, want string) (size int64, err error) {
	rc, err := l.Uncompressed()
	if err != nil {
		return 0, err
	}
	defer rc.Close()
	sum := sha256.New()
	in := &bounded{ctx: ctx, r: rc, left: maxUnpacked - w.total}
	counted := io.TeeReader(bufio.NewReaderSize(in, 1<<20), sum)
	t := tar.NewReader(counted)
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			if w.files++; w.files > maxFiles {
				return 0, fmt.Errorf("it holds more than %d files", maxFiles)
			}
			err = w.entry(n, h, t)
		}
		if err != nil {
			return 0, readable(err)
		}
	}
	if _, err := io.Copy(io.Discard, counted); err != nil { // what fills the last block up
		return 0, readable(err)
	}
	w.total += in.read
	if got := hex.EncodeToString(sum.Sum(nil)); want != "" && got != want {
		return 0, fmt.Errorf("it is damaged: its digest is %.12s and should be %.12s", got, want)
	}
	return in.read, nil
}

func readable(err error) error {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("it ends too early")
	case errors.Is(err, tar.ErrHeader):
		return errors.New("it is no tar archive, whatever its media type says")
	}
	return err
}

// bounded reads until the context ends or there was too much.
type bounded struct {
	ctx        context.Context //nolint:containedctx // a reader has no other way to be told
	r          io.Reader
	read, left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := b.r.Read(p)
	b.read += int64(n)
	if b.read > b.left {
		return n, fmt.Errorf("the layers unpack to more than %d GiB", maxUnpacked>>30)
	}
	return n, err
}

// entry looks at one file of a layer.
func (w *walker) entry(n int, h *tar.Header, content io.Reader) error {
	name := path.Clean("/" + h.Name)
	dir, base := path.Split(name)
	if strings.HasPrefix(base, ".wh.") {
		w.deleted(n, path.Clean(dir), base)
		return nil
	}
	w.replaced(n, name)
	w.owner(name, h)
	if h.Typeflag != tar.TypeReg {
		return nil
	}
	w.byName(n, name, h.Size)
	switch {
	case h.Size == 0:
		return nil
	case name == "/etc/passwd":
		return w.passwd(content)
	}
	return w.content(n, name, content)
}

// deleted notes a whiteout. Source: github.com/opencontainers/image-spec, layer.md.
func (w *walker) deleted(n int, dir, base string) {
	target := path.Join(dir, strings.TrimPrefix(base, ".wh."))
	opaque := base == ".wh..wh..opq"
	if opaque {
		target = dir
	}
	covers := func(name string) bool {
		return !opaque && name == target || strings.HasPrefix(name, strings.TrimSuffix(target, "/")+"/")
	}
	for i, s := range w.sights {
		if s.layer < n && s.gone < 0 && covers(s.file) {
			w.sights[i].gone = n
		}
	}
	for name := range w.app {
		if covers(name) {
			delete(w.app, name)
		}
	}
}

func (w *walker) replaced(n int, name string) {
	for i, s := range w.sights {
		if s.layer < n && s.gone < 0 && s.file == name {
			w.sights[i].gone = n
		}
	}
}

// owner notes who may write to the app's own files.
func (w *walker) owner(name string, h *tar.Header) {
	dir := path.Clean(w.c.built.config.Config.WorkingDir)
	if dir == "." || dir == "/" || !strings.HasPrefix(name, dir+"/") || isPublished(name) || h.Typeflag != tar.TypeReg || path.Ext(name) != ".py" {
		return
	}
	if _, known := w.app[name]; known || len(w.app) < maxOwned {
		w.app[name] = owned{h.Uid, h.Gid, h.Mode}
	}
}

// passwd learns the ids of users: the last layer that brings the file decides.
func (w *walker) passwd(content io.Reader) error {
	b, err := io.ReadAll(io.LimitReader(content, 1<<20))
	for line := range strings.Lines(string(b)) {
		if f := strings.Split(line, ":"); len(f) > 2 {
			if id, err := strconv.Atoi(f[2]); err == nil {
				w.users[f[0]] = id
			}
		}
	}
	return err
}

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
		return nil
	} else if err != nil && err != io.EOF {
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
			if startsApp(name) && len(setsBypass(name, string(h.near))) > 0 {
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

// tell makes findings of what was seen.
func (w *walker) tell() {
	for _, s := range w.sights {
		where := fmt.Sprintf("layer %d (%s)", s.layer+1, w.c.built.layers[s.layer].step)
		if s.gone >= 0 {
			where += fmt.Sprintf(", deleted or replaced in layer %d, where it can still be read", s.gone+1)
		}
		w.c.weighed(s.id, s.severity, place{where: where, inner: s.file}, "", "%s", s.message)
	}
	w.writable()
}

// writable tells of source that the app could overwrite.
func (w *walker) writable() {
	user, group, _ := strings.Cut(w.c.built.config.Config.User, ":")
	uid, ok := w.users[user]
	if id, err := strconv.Atoi(user); err == nil {
		uid, ok = id, true
	}
	if !ok || uid == 0 { // root is told of elsewhere
		return
	}
	gid, err := strconv.Atoi(group)
	var names []string
	for name, o := range w.app {
		if o.mode&0o002 != 0 || o.uid == uid && o.mode&0o200 != 0 || err == nil && o.gid == gid && o.mode&0o020 != 0 {
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		slices.Sort(names)
		w.c.add("image.writable", place{where: "files of the image", inner: names[0]}, "the app's user may write to %s of the app, %s for one", counted(len(names), "script"), names[0])
	}
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}
