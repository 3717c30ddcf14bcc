package sidecar

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sdev/dev"
)

// packedDir returns a directory with a packed program for each architecture. Its content is the architecture's name,
// many times.
func packedDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, architecture := range Architectures() {
		if err := Pack(dir, architecture, content(architecture)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func content(architecture string) []byte { return bytes.Repeat([]byte(architecture), 1000) }

func TestFind_TakesTheProgramForTheEnginesArchitecture(t *testing.T) {
	for _, host := range []place{{system: "linux", architecture: "amd64"}, {system: "darwin", architecture: "arm64"}, {system: "windows", architecture: "amd64"}} {
		host.packed = os.DirFS(packedDir(t))
		for _, architecture := range []string{"", "amd64", "arm64"} {
			want := architecture
			if want == "" {
				want = host.architecture
			}
			p, err := host.find(architecture)
			if err != nil {
				t.Fatalf("%s/%s, engine %q: %v", host.system, host.architecture, architecture, err)
			}
			b, err := p.Read()
			if err != nil || !bytes.Equal(b, content(want)) || p.Size != int64(len(b)) {
				t.Errorf("%s/%s, engine %q: %d bytes, size %d, %v", host.system, host.architecture, architecture, len(b), p.Size, err)
			}
			again, err := host.withRef(p.Ref)
			if err != nil {
				t.Fatal(err)
			}
			if b, err := again.Read(); err != nil || !bytes.Equal(b, content(want)) {
				t.Errorf("%s has %d bytes, %v", p.Ref, len(b), err)
			}
		}
	}
}

func TestFind_ExplainsWhatIsMissing(t *testing.T) {
	packed := os.DirFS(packedDir(t))
	for name, c := range map[string]struct {
		place         place
		engine        string
		message, hint string
	}{
		"plain build on macOS":              {place{system: "darwin", architecture: "arm64"}, "arm64", "built without the gateway for linux/arm64", "make install"},
		"plain build, engine elsewhere":     {place{system: "linux", architecture: "amd64"}, "arm64", "built without the gateway for linux/arm64", "make install"},
		"release, engine of a rare machine": {place{packed: packed, system: "linux", architecture: "amd64"}, "s390x", "no gateway for linux/s390x", "linux/amd64 or linux/arm64"},
	} {
		_, err := c.place.find(c.engine)
		e, ok := errors.AsType[*dev.Error](err)
		if !ok || e.Code != dev.CodeGatewayMissing || !strings.Contains(e.Message, c.message) || !strings.Contains(e.Hint, c.hint) {
			t.Errorf("%s: %+v", name, err)
		}
	}
}

// The size and the time of the file in a container identify a program.
func TestFind_GivesEachProgramItsOwnTime(t *testing.T) {
	host := place{packed: os.DirFS(packedDir(t)), system: "linux", architecture: "amd64"}
	amd64, err := host.find("amd64")
	if err != nil {
		t.Fatal(err)
	}
	arm64, err := host.find("arm64")
	if err != nil {
		t.Fatal(err)
	}
	if amd64.Size != arm64.Size || amd64.Modified.Equal(arm64.Modified) || amd64.Ref == arm64.Ref || amd64.Modified.Unix() <= 0 || amd64.Modified.Nanosecond() != 0 {
		t.Errorf("%+v and %+v", amd64, arm64)
	}
}

func TestRead_RefusesADamagedProgram(t *testing.T) {
	for name, damage := range map[string]func(dir string) error{
		"blob missing": func(dir string) error { return os.Remove(filepath.Join(dir, "amd64.zst")) },
		"blob cut off": func(dir string) error { return os.Truncate(filepath.Join(dir, "amd64.zst"), 20) },
		"another blob": func(dir string) error {
			return os.Rename(filepath.Join(dir, "arm64.zst"), filepath.Join(dir, "amd64.zst"))
		},
		"blob of zeros":       func(dir string) error { return os.WriteFile(filepath.Join(dir, "amd64.zst"), make([]byte, 100), 0o644) },
		"fingerprint missing": func(dir string) error { return os.Remove(filepath.Join(dir, "amd64.json")) },
		"fingerprint empty":   func(dir string) error { return os.Truncate(filepath.Join(dir, "amd64.json"), 0) },
		"fingerprint without a hash": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "amd64.json"), []byte(`{"sha256":"","size":3}`), 0o644)
		},
	} {
		dir := packedDir(t)
		if err := damage(dir); err != nil {
			t.Fatal(err)
		}
		p, err := place{packed: os.DirFS(dir), system: "linux", architecture: "amd64"}.find("amd64")
		if err == nil {
			_, err = p.Read()
		}
		e, ok := errors.AsType[*dev.Error](err)
		if !ok || e.Code != dev.CodeGatewayMissing || !strings.Contains(e.Message, "damaged") || !strings.Contains(e.Hint, "install sdev again") {
			t.Errorf("%s: %+v", name, err)
		}
	}
}

func TestPack_GivesTheSameFilesAgain(t *testing.T) {
	first, second := os.DirFS(packedDir(t)), os.DirFS(packedDir(t))
	names, err := fs.Glob(first, "*")
	if err != nil || !slices.Equal(names, []string{"amd64.json", "amd64.zst", "arm64.json", "arm64.zst"}) {
		t.Fatal(names, err)
	}
	for _, name := range names {
		a, _ := fs.ReadFile(first, name)
		if b, err := fs.ReadFile(second, name); err != nil || !bytes.Equal(a, b) {
			t.Errorf("%s differs: %v", name, err)
		}
	}
}
