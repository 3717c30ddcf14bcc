package sidecar

import (
	"debug/elf"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"sdev/dev"
)

// ownFile leads to this executable, even after another file has taken its name.
const ownFile = "/proc/self/exe"

// ownProgram returns this executable as the gateway's program.
func ownProgram(cacheDir string) (Program, error) {
	key, err := readOwnKey()
	if err != nil {
		return Program{}, err
	}
	file := filepath.Join(cacheDir, "gateway.json")
	if p, ok := newProgram(key.cachedSum(file), key.Size, readOwn); ok {
		return p, nil
	}
	if err := mustBeStatic(ownFile); err != nil {
		return Program{}, err
	}
	b, err := readOwn()
	if err != nil {
		return Program{}, err
	}
	sum := sumOf(b)
	if cacheDir != "" {
		key.storeSum(file, sum)
	}
	p, _ := newProgram(sum, key.Size, readOwn)
	return p, nil
}

func readOwn() ([]byte, error) {
	b, err := os.ReadFile(ownFile)
	if err != nil {
		return nil, fmt.Errorf("read this program's file: %w", err)
	}
	return b, nil
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
			return &dev.Error{Code: dev.CodeGatewayMissing, Exit: dev.ExitFailed, Message: "this sdev is linked dynamically, so it cannot run as the gateway", Hint: "build it with: make install (or CGO_ENABLED=0 go install ./cmd/sdev)"}
		}
	}
	return nil
}

// ownKey identifies this executable without reading it.
type ownKey struct {
	Path     string
	Size     int64
	Modified int64 // nanoseconds
	Inode    uint64
}

func readOwnKey() (ownKey, error) {
	executable, err := os.Executable()
	if err != nil {
		return ownKey{}, fmt.Errorf("find this program's file: %w", err)
	}
	st, err := os.Stat(ownFile)
	if err != nil {
		return ownKey{}, fmt.Errorf("read this program's file: %w", err)
	}
	return ownKey{Path: executable, Size: st.Size(), Modified: st.ModTime().UnixNano(), Inode: dev.Inode(st)}, nil
}

// ownEntry is the content of the cache's file.
type ownEntry struct {
	Key ownKey
	Sum string
}

// cachedSum returns the stored hash of the executable; "" if there is none.
func (k ownKey) cachedSum(file string) string {
	b, err := dev.ReadFile(file)
	if err != nil {
		return ""
	}
	var e ownEntry
	if json.Unmarshal(b, &e) != nil || e.Key != k {
		return ""
	}
	return e.Sum
}

// storeSum is best effort: if it fails, the next start hashes again.
func (k ownKey) storeSum(file, sum string) {
	b, err := json.Marshal(ownEntry{k, sum})
	if err != nil || os.MkdirAll(filepath.Dir(file), 0o700) != nil {
		return
	}
	_ = dev.ReplaceFile(file, b, 0o600)
}
