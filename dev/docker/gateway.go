package docker

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"github.com/docker/docker/api/types/image"

	"sdev/dev"
)

// GatewayRef is the reference of the gateway's image: a hash of this program. cacheDir stores the hash with the
// program's size and time, because hashing 30 MB at every start would take longer than everything else.
func GatewayRef(cacheDir string) (ref string, err error) {
	executable, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find this program's file: %w", err)
	}
	if runtime.GOOS != "linux" {
		return "", &dev.Error{Code: dev.CodeEngine, Exit: dev.ExitEngine, Message: "the gateway needs a Linux build of sdev, but this one is for " + runtime.GOOS, Hint: "run sdev on Linux"}
	}
	st, err := os.Stat(executable)
	if err != nil {
		return "", fmt.Errorf("read this program's file: %w", err)
	}
	key := gatewayKey{Path: executable, Size: st.Size(), Modified: st.ModTime().UnixNano()}
	key.Inode = dev.Inode(st)
	file := filepath.Join(cacheDir, "gateway.json")
	if ref, ok := key.cachedRef(file); ok {
		return ref, nil
	}
	if err := mustBeStatic(executable); err != nil {
		return "", err
	}
	sum, err := hashFile(executable)
	if err != nil {
		return "", fmt.Errorf("read this program's file: %w", err)
	}
	ref = "sdev-gateway:" + sum[:16]
	key.storeRef(file, ref)
	return ref, nil
}

// mustBeStatic refuses a program that needs a loader and libraries: the gateway's image has none.
func mustBeStatic(executable string) error {
	f, err := elf.Open(executable)
	if err != nil {
		return fmt.Errorf("read this program's file: %w", err)
	}
	defer f.Close() //nolint:errcheck // only read
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return &dev.Error{Code: dev.CodeEngine, Exit: dev.ExitFailed, Message: "this sdev is linked dynamically, so it cannot run as the gateway", Hint: "build it with: make build (or CGO_ENABLED=0 go install)"}
		}
	}
	return nil
}

type gatewayKey struct {
	Path     string
	Size     int64
	Modified int64 // nanoseconds
	Inode    uint64
}

type gatewayEntry struct {
	Key gatewayKey
	Ref string
}

func (k gatewayKey) cachedRef(file string) (string, bool) {
	b, err := dev.ReadFile(file)
	if err != nil {
		return "", false
	}
	var e gatewayEntry
	if json.Unmarshal(b, &e) != nil || e.Key != k {
		return "", false
	}
	return e.Ref, true
}

// storeRef is best effort: if it fails, the next start hashes again.
func (k gatewayKey) storeRef(file, ref string) {
	b, err := json.Marshal(gatewayEntry{k, ref})
	if err != nil || os.MkdirAll(filepath.Dir(file), 0o700) != nil {
		return
	}
	_ = dev.ReplaceFile(file, b, 0o600)
}

func hashFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close() //nolint:errcheck // only read
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// loadGateway creates the gateway's image, which holds only this program.
func (e *Engine) loadGateway(ctx context.Context, ref string) error {
	executable, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program's file: %w", err)
	}
	r, w := io.Pipe()
	var writer sync.WaitGroup
	defer writer.Wait()
	defer r.Close() //nolint:errcheck // ends the writer, if the engine has not read all
	writer.Go(func() { w.CloseWithError(writeGatewayTar(w, executable)) })
	out, err := e.api.ImageImport(ctx, image.ImportSource{Source: r, SourceName: "-"}, ref, image.ImportOptions{
		Message: "sdev gateway", Changes: []string{`ENTRYPOINT ["/sdev","gateway"]`, `LABEL dev.sdev.gateway=1`},
	})
	if err != nil {
		return engineError("load the gateway's image", err)
	}
	defer out.Close()
	if _, err := io.Copy(io.Discard, out); err != nil {
		return engineError("load the gateway's image", err)
	}
	return nil
}

func writeGatewayTar(w io.Writer, executable string) error {
	f, err := os.Open(executable)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // only read
	st, err := f.Stat()
	if err != nil {
		return err
	}
	t := tar.NewWriter(w)
	open := dev.GatewayBytecodeDir[1:] + "/"
	for _, dir := range []string{"run/", "run/sdev/", "project/", "state/", "tmp/", open} {
		mode := int64(0o755)
		if dir == open {
			mode = 0o777
		}
		if err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir, Mode: mode}); err != nil {
			return err
		}
	}
	if err := t.WriteHeader(&tar.Header{Name: "sdev", Mode: 0o755, Size: st.Size()}); err != nil {
		return err
	}
	if _, err := io.Copy(t, f); err != nil {
		return err
	}
	return t.Close()
}
