package sidecar

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/zstd"
)

// fingerprint describes a packed program, so that nothing has to be unpacked to know it.
type fingerprint struct {
	Sum  string `json:"sha256"`
	Size int64  `json:"size"`
}

// Names of a program's files, without their directory.
func blobName(architecture string) string        { return architecture + ".zst" }
func fingerprintName(architecture string) string { return architecture + ".json" }

// maxProgram is the largest size of a program that is unpacked, in bytes. It keeps damaged data from using up the memory.
const maxProgram = 64 << 20

// Pack compresses a program and writes it into a directory, with its hash and size in a file beside it. The same program
// gives the same files.
func Pack(dir, architecture string, program []byte) error {
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err
	}
	description, err := json.Marshal(fingerprint{Sum: sumOf(program), Size: int64(len(program))})
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, blobName(architecture)), encoder.EncodeAll(program, nil), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, fingerprintName(architecture)), append(description, '\n'), 0o644)
}

// unpack returns the program that Pack has written.
func unpack(packed fs.FS, architecture string) (Program, error) {
	b, err := fs.ReadFile(packed, fingerprintName(architecture))
	if err != nil {
		return Program{}, damaged(err.Error())
	}
	var f fingerprint
	if err := json.Unmarshal(b, &f); err != nil {
		return Program{}, damaged(fmt.Sprintf("%s: %v", fingerprintName(architecture), err))
	}
	p, ok := newProgram(f.Sum, f.Size, func() ([]byte, error) { return decompress(packed, architecture) })
	if !ok {
		return Program{}, damaged(fingerprintName(architecture) + " has no hash and size")
	}
	return p, nil
}

func decompress(packed fs.FS, architecture string) ([]byte, error) {
	blob, err := fs.ReadFile(packed, blobName(architecture))
	if err != nil {
		return nil, damaged(err.Error())
	}
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxProgram))
	if err != nil {
		return nil, err
	}
	defer decoder.Close()
	program, err := decoder.DecodeAll(blob, nil)
	if err != nil {
		return nil, damaged(fmt.Sprintf("%s: %v", blobName(architecture), err))
	}
	return program, nil
}
