// Package sidecar finds the gateway's program: the only file in the gateway's image, and the receiver in containers that
// get copies. The architecture of the container engine's machine decides which program is used.
//
// There are two kinds. A release build of sdev contains the program sdev-gateway for each architecture in
// [Architectures], compressed. A plain "go build" contains none; on Linux sdev then is the gateway's program itself, for
// engines of the same architecture. Package program is what both do.
//
// The package starts no goroutines that outlive a call.
package sidecar

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"sdev/dev"
)

// Architectures are those for which a release build contains a program, in the words of Go and of container engines.
func Architectures() []string { return []string{"amd64", "arm64"} }

// Program is the gateway's program for one architecture.
type Program struct {
	Ref  string // reference of the gateway's image, whose tag is a hash of the program
	Size int64  // in bytes
	// Modified is the modification time of the program's file in a container, in whole seconds. It is derived from the
	// hash, so that size and time identify the program.
	Modified time.Time

	read func() ([]byte, error)
}

// Read returns the program. It is an error if the program does not match its hash.
func (p Program) Read() ([]byte, error) {
	if p.read == nil {
		return nil, damaged("it is empty")
	}
	b, err := p.read()
	if err != nil {
		return nil, err
	}
	if sum := sumOf(b); refOf(sum) != p.Ref {
		return nil, damaged(fmt.Sprintf("its hash is %s, not that of %s", sum[:tagLen], p.Ref))
	}
	return b, nil
}

// newProgram makes a program from its hash. ok is false if sum is no hash.
func newProgram(sum string, size int64, read func() ([]byte, error)) (p Program, ok bool) {
	if b, err := hex.DecodeString(sum); err != nil || len(b) != sha256.Size || size <= 0 {
		return Program{}, false
	}
	seconds, err := strconv.ParseInt(sum[:8], 16, 64)
	return Program{Ref: refOf(sum), Size: size, Modified: time.Unix(seconds&0x7fffffff, 0), read: read}, err == nil
}

const (
	repository = "sdev-gateway"
	tagLen     = 16 // hexadecimal digits of the hash in a tag
)

func refOf(sum string) string { return repository + ":" + sum[:tagLen] }

// sumOf is the SHA-256 hash of a program, in hexadecimal digits.
func sumOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// For returns the program for an architecture; "" is this machine's. cacheDir is where the hash of this executable is
// stored, because hashing it at every start would take longer than everything else.
func For(architecture, cacheDir string) (Program, error) { return here(cacheDir).find(architecture) }

// WithRef returns the program with a reference that [For] has returned.
func WithRef(ref string) (Program, error) { return here("").withRef(ref) }

// place says where programs may come from.
type place struct {
	packed               fs.FS // files that Pack wrote; nil if this sdev was built without
	system, architecture string
	cacheDir             string
}

func here(cacheDir string) place {
	return place{packed: packedFiles(), system: runtime.GOOS, architecture: runtime.GOARCH, cacheDir: cacheDir}
}

func (l place) find(architecture string) (Program, error) {
	if architecture == "" {
		architecture = l.architecture
	}
	if l.packed != nil && slices.Contains(Architectures(), architecture) {
		return unpack(l.packed, architecture)
	}
	if l.system == "linux" && architecture == l.architecture {
		return ownProgram(l.cacheDir)
	}
	return Program{}, l.missing(architecture)
}

// missing is the error for an architecture without a program.
func (l place) missing(architecture string) error {
	e := &dev.Error{Code: dev.CodeGatewayMissing, Exit: dev.ExitEngine}
	if l.packed != nil {
		e.Message = fmt.Sprintf("sdev has no gateway for linux/%s, which is the container engine's platform", architecture)
		e.Hint = "use an engine on linux/" + strings.Join(Architectures(), " or linux/")
		return e
	}
	e.Message = fmt.Sprintf("this sdev was built without the gateway for linux/%s, which is the container engine's platform", architecture)
	e.Hint = "install a release of sdev, or build one from its source with: make install"
	return e
}

func (l place) withRef(ref string) (Program, error) {
	if l.packed != nil {
		for _, architecture := range Architectures() {
			if p, err := unpack(l.packed, architecture); err != nil || p.Ref == ref {
				return p, err
			}
		}
	}
	return Program{Ref: ref, read: readOwn}, nil
}

// damaged is the error for a program that cannot be used.
func damaged(why string) error {
	return &dev.Error{Code: dev.CodeGatewayMissing, Exit: dev.ExitFailed, Message: "the gateway's program in this sdev is damaged: " + why,
		Hint: "install sdev again"}
}
