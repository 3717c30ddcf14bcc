package preflight

import (
	"archive/tar"
	"bufio"
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

// Limits of an image. The largest ordinary images need a tenth.
const (
	maxUnpacked = 64 << 30
	maxFiles    = 5_000_000
)

// layer is one of the image's layers.
type layer struct {
	step string // the build step that made it
	size int64  // unpacked
}

// pendingFinding is a finding in a layer. It is complete once the layers above are read: they may delete the file.
type pendingFinding struct {
	id, message string
	file        string // absolute path in the image
	line        int
	layer       int
	removedIn   int // the layer that deletes or replaces the file; -1: none
	severity    dev.Severity
}

// walker reads the layers of an image, the lowest first.
type walker struct {
	checker  *checker
	scanner  scanner
	pending  []pendingFinding
	appFiles map[string]permissions // the app's scripts, as the layers so far have them
	users    map[string]int         // ids of users by name
	total    int64
	files    int

	unpacked int64 // bytes of archives in the image
	sparse   int64 // bytes read of sparse files

	texts     map[string]layerText // scripts and settings, as the layers so far have them: see layer_bypass.go
	textBytes int                  // their size together
	compiled  map[string]layerText // compiled scripts that contain the variable's name

	added  map[pendingFinding]bool // what pending holds, so that nothing is there twice
	byFile map[string][]int        // indexes of pending
	links  map[string]string       // targets of links
	dirs   map[string]bool         // tracked files and the directories that they are in
}

// permissions say who may write to a file.
type permissions struct {
	uid, gid int
	mode     int64
}

const (
	maxPending  = 2000
	maxAppFiles = 20_000
	maxUsers    = 10_000
	maxLayers   = 1000      // engines run 127 at most
	maxPath     = 32 << 10  // longer than any system allows
	maxSparse   = 256 << 20 // of sparse files, whose holes have no bytes in the archive
)

func newWalker(c *checker) *walker {
	return &walker{checker: c, appFiles: map[string]permissions{}, users: map[string]int{"root": 0}, texts: map[string]layerText{}, compiled: map[string]layerText{},
		links: map[string]string{}, added: map[pendingFinding]bool{}, byFile: map[string][]int{}, dirs: map[string]bool{}}
}

// track marks a file that something is known of, so that deleting any other file costs nothing.
func (w *walker) track(name string) {
	for ; !w.dirs[name]; name = path.Dir(name) {
		w.dirs[name] = true
		if name == "/" || name == "." {
			return
		}
	}
}

func (c *checker) readImage(ctx context.Context) error {
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
	c.image = newImageFacts(config)
	if len(layers) > maxLayers {
		return invalid("the image", fmt.Errorf("it has %d layers, which no builder writes", len(layers)))
	}
	w := newWalker(c)
	steps := layerSteps(config, len(layers))
	for i, l := range layers {
		size, err := w.readLayer(ctx, i, l, diffID(config, i))
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return invalid("layer "+strconv.Itoa(i+1)+" of the image ("+steps[i]+")", err)
		}
		c.image.layers = append(c.image.layers, layer{step: steps[i], size: size})
	}
	w.report()
	c.image.users = w.users
	c.checkImage()
	return nil
}

func diffID(config *v1.ConfigFile, i int) string {
	if i < len(config.RootFS.DiffIDs) {
		return config.RootFS.DiffIDs[i].Hex
	}
	return ""
}

// readLayer reads one layer to its end and compares its digest with the configuration's.
func (w *walker) readLayer(ctx context.Context, n int, l v1.Layer, want string) (size int64, err error) {
	rc, err := l.Uncompressed()
	if err != nil {
		return 0, err
	}
	defer rc.Close()
	sum := sha256.New()
	in := &limitedReader{ctx: ctx, r: rc, left: maxUnpacked - w.total}
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
			err = w.readEntry(n, h, t)
		}
		if err != nil {
			return 0, archiveError(err)
		}
	}
	if _, err := io.Copy(io.Discard, counted); err != nil { // the padding after the last entry
		return 0, archiveError(err)
	}
	w.total += in.read
	if got := hex.EncodeToString(sum.Sum(nil)); want != "" && got != want {
		return 0, fmt.Errorf("it is damaged: its digest is %.12s and should be %.12s", got, want)
	}
	return in.read, nil
}

func archiveError(err error) error {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("it ends too early")
	case errors.Is(err, tar.ErrHeader):
		return errors.New("it is no tar archive, whatever its media type says")
	}
	return err
}

var errTooLarge = fmt.Errorf("it unpacks to more than %d GiB", maxUnpacked>>30)

// limitedReader reads until ctx ends or the limit is reached.
type limitedReader struct {
	ctx        context.Context //nolint:containedctx // a reader takes no context
	r          io.Reader
	read, left int64
}

func (b *limitedReader) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := b.r.Read(p)
	b.read += int64(n)
	if b.read > b.left {
		return n, errTooLarge
	}
	return n, err
}

// readEntry reads one file of a layer.
func (w *walker) readEntry(n int, h *tar.Header, content io.Reader) error {
	if len(h.Name) > maxPath {
		return fmt.Errorf("a file in it has a name of %d bytes", len(h.Name))
	}
	name := path.Clean("/" + h.Name)
	dir, base := path.Split(name)
	if strings.HasPrefix(base, ".wh.") {
		w.recordWhiteout(n, path.Clean(dir), base)
		return nil
	}
	w.recordReplaced(n, name)
	w.recordPermissions(name, h)
	switch {
	case h.Typeflag == tar.TypeGNUSparse || h.PAXRecords["GNU.sparse.map"] != "" || h.PAXRecords["GNU.sparse.major"] != "":
		content = w.limitSparse(content)
	case h.Typeflag == tar.TypeSymlink || h.Typeflag == tar.TypeLink:
		w.recordLink(name, h)
		return nil
	case h.Typeflag != tar.TypeReg:
		return nil
	}
	w.checkName(n, name, h.Size)
	switch {
	case h.Size == 0:
		return nil
	case name == "/etc/passwd":
		return w.readUsers(content)
	}
	return w.readContent(n, name, content)
}

// recordLink records the target of a link.
func (w *walker) recordLink(name string, h *tar.Header) {
	const longest = 1024
	if len(name) > longest || len(h.Linkname) > longest || len(w.links) >= maxLayerTexts {
		return
	}
	target := h.Linkname
	if h.Typeflag == tar.TypeSymlink && !path.IsAbs(target) {
		target = path.Join(path.Dir(name), target)
	}
	w.links[name] = path.Join("/", target)
}

// limitSparse limits what is read of a sparse file, whose holes the reader fills.
func (w *walker) limitSparse(content io.Reader) io.Reader {
	return io.TeeReader(&io.LimitedReader{R: content, N: max(0, maxSparse-w.sparse)}, byteCounter{&w.sparse})
}

// byteCounter counts what is written to it.
type byteCounter struct{ n *int64 }

func (c byteCounter) Write(p []byte) (int, error) { *c.n += int64(len(p)); return len(p), nil }

// recordWhiteout records that a layer deletes a file, or the contents of a directory. Source:
// github.com/opencontainers/image-spec, layer.md.
func (w *walker) recordWhiteout(n int, dir, base string) {
	target := path.Join(dir, strings.TrimPrefix(base, ".wh."))
	opaque := base == ".wh..wh..opq"
	if opaque {
		target = dir
	}
	if !w.dirs[target] {
		return
	}
	covers := func(name string) bool {
		return !opaque && name == target || strings.HasPrefix(name, strings.TrimSuffix(target, "/")+"/")
	}
	for i, s := range w.pending {
		if s.layer < n && s.removedIn < 0 && covers(s.file) {
			w.pending[i].removedIn = n
		}
	}
	for name := range w.appFiles {
		if covers(name) {
			delete(w.appFiles, name)
		}
	}
	// Files of this same layer stay.
	for name, k := range w.texts {
		if file, _, _ := strings.Cut(name, memberSeparator); k.layer < n && covers(file) {
			w.drop(name)
		}
	}
	for name, k := range w.compiled {
		if k.layer < n && covers(name) {
			delete(w.compiled, name)
		}
	}
}

// recordReplaced records that a layer replaces a file.
func (w *walker) recordReplaced(n int, name string) {
	for _, i := range w.byFile[name] {
		if s := w.pending[i]; s.layer < n && s.removedIn < 0 {
			w.pending[i].removedIn = n
		}
	}
	w.drop(name)
	delete(w.compiled, name)
	if w.dirs[name+"!"] { // an archive with saved texts
		for file := range w.texts {
			if strings.HasPrefix(file, name+memberSeparator) {
				w.drop(file)
			}
		}
	}
}

// recordPermissions records who may write to a script of the app.
func (w *walker) recordPermissions(name string, h *tar.Header) {
	dir := path.Clean(w.checker.image.config.Config.WorkingDir)
	if dir == "." || dir == "/" || !strings.HasPrefix(name, dir+"/") || isPackageFile(name) || h.Typeflag != tar.TypeReg || path.Ext(name) != ".py" {
		return
	}
	const longest = 1024
	if _, known := w.appFiles[name]; known || len(w.appFiles) < maxAppFiles && len(name) <= longest {
		w.track(name)
		w.appFiles[name] = permissions{h.Uid, h.Gid, h.Mode}
	}
}

// readUsers reads the ids of users from /etc/passwd; the file of the last layer counts.
func (w *walker) readUsers(content io.Reader) error {
	b, err := io.ReadAll(io.LimitReader(content, 1<<20))
	for line := range strings.Lines(string(b)) {
		const longest = 256
		if f := strings.SplitN(line, ":", 4); len(f) > 2 && len(f[0]) <= longest && len(w.users) < maxUsers {
			if id, err := strconv.Atoi(f[2]); err == nil {
				w.users[f[0]] = id
			}
		}
	}
	return err
}

// report makes findings of what the layers showed.
func (w *walker) report() {
	w.bypass()
	for _, s := range w.pending {
		where := fmt.Sprintf("layer %d (%s)", s.layer+1, w.checker.image.layers[s.layer].step)
		if s.removedIn >= 0 {
			where += fmt.Sprintf("; layer %d deletes or replaces it, but it can still be read", s.removedIn+1)
		}
		w.checker.addAs(s.id, s.severity, place{where: where, imagePath: s.file}, "", "%s", s.message)
	}
	w.reportWritable()
}

// reportWritable reports source that the app could overwrite.
func (w *walker) reportWritable() {
	user, group, _ := strings.Cut(w.checker.image.config.Config.User, ":")
	uid, ok := w.users[user]
	if id, err := strconv.Atoi(user); err == nil {
		uid, ok = id, true
	}
	if !ok || uid == 0 { // image.user reports root
		return
	}
	gid, err := strconv.Atoi(group)
	var names []string
	for name, o := range w.appFiles {
		if o.mode&0o002 != 0 || o.uid == uid && o.mode&0o200 != 0 || err == nil && o.gid == gid && o.mode&0o020 != 0 {
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		slices.Sort(names)
		w.checker.add("image.writable", place{where: "files of the image", imagePath: names[0]}, "the image's user can overwrite %s of the app, such as %s", plural(len(names), "script"), names[0])
	}
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}
